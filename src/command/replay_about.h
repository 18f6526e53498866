// What a recording holds, without its samples: replay --info and --list.
#pragma once

#include "command/common_options.h"
#include "command/context.h"
#include "record/recording.h"

namespace isotach::command {

int show_recording_info(Context& context, record::Recording& recording, const std::string& path,
                        Format format);
int show_recorded_series(Context& context, record::Recording& recording, Format format);

}  // namespace isotach::command

// What a recording made by this run says about itself: the same for every command with --record.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "command/context.h"
#include "command/spec.h"
#include "kernel/system_root.h"
#include "record/recorder.h"

namespace isotach::command {

[[nodiscard]] record::RecordingInfo recording_info(const Context& context, const Arguments& arguments,
                                                   const kernel::SystemRoot& root, Instant start,
                                                   std::int64_t interval_ns);

}  // namespace isotach::command

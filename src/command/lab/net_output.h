// What `isotach lab net show` prints.
#pragma once

#include <string>

#include "network/emulator/loop.h"
#include "network/emulator/statistics.h"

namespace isotach::command {

[[nodiscard]] std::string net_json(const std::string& name, const emulator::Statistics& statistics);
[[nodiscard]] std::string net_text(const std::string& name, const emulator::Loop& loop,
                                   const emulator::Statistics& statistics);

}  // namespace isotach::command

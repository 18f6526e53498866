// Results under the names of netperf's omni output, one KEY=VALUE a line, for scripts that read those.
#pragma once

#include <string>

#include "network/nettest/report.h"

namespace isotach::command {

// What has no meaning here, or is not known, is left out. `command_line` becomes COMMAND_LINE.
[[nodiscard]] std::string netperf_lines(const nettest::TestFacts& facts, const nettest::TestReport& report,
                                        const std::string& command_line);

}  // namespace isotach::command

// Options of nettest that say how the streams of TCP move their data.
#pragma once

#include <vector>

#include "command/nettest/reading.h"
#include "network/nettest/parameters.h"

namespace isotach::command {

[[nodiscard]] std::vector<OptionSpec> stream_option_specs();
void read_stream_options(Reading& reading, nettest::TestParameters& parameters);

}  // namespace isotach::command

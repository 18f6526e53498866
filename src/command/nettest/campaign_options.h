// The options that say how often a test runs, what runs beside it, and where else its numbers go.
#pragma once

#include <vector>

#include "command/nettest/options.h"
#include "command/nettest/reading.h"

namespace isotach::command {

[[nodiscard]] std::vector<OptionSpec> campaign_option_specs();
// After the parameters of the test.
void read_campaign_options(Reading& reading, NettestOptions& options);

}  // namespace isotach::command

// The options of transactions: requests, responses, connections.
#pragma once

#include <vector>

#include "command/nettest/reading.h"
#include "command/spec.h"
#include "network/nettest/parameters.h"

namespace isotach::command {

[[nodiscard]] std::vector<OptionSpec> transaction_option_specs();
void read_transaction_options(Reading& reading, nettest::TestParameters& parameters);

}  // namespace isotach::command

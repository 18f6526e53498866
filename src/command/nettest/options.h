// What the words after `isotach nettest` ask for.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "command/common_options.h"
#include "command/spec.h"
#include "network/nettest/client.h"
#include "network/nettest/server.h"

namespace isotach::command {

struct NettestOptions {
  bool server = false;
  bool daemon = false;
  Format format = Format::table;
  nettest::ClientOptions client;
  nettest::ServerOptions listen;
};

[[nodiscard]] std::vector<OptionSpec> nettest_option_specs();
[[nodiscard]] Result<NettestOptions> nettest_options_of(const Arguments& arguments);

}  // namespace isotach::command

// What the words after `isotach nettest` ask for.
#pragma once

#include <optional>
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
  // How often, what beside it, where to.
  std::optional<nettest::ConfidenceGoal> confidence;
  std::optional<double> until;  // half the width of the interval, of the mean
  bool load_latency = false;
  std::int64_t idle_ns = 2 * kNanosecondsPerSecond;
  bool netperf_output = false;
  bool plot = false;
  std::string record_path;
};

[[nodiscard]] std::vector<OptionSpec> nettest_option_specs();
[[nodiscard]] Result<NettestOptions> nettest_options_of(const Arguments& arguments);

}  // namespace isotach::command

// What the user asked isotach traffic for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "command/common_options.h"
#include "command/traffic/rotated_log.h"
#include "network/traffic/groups.h"
#include "network/traffic/source.h"

namespace isotach::command {

struct TrafficCommandOptions {
  network::TrafficOptions source;
  std::int64_t interval_ns = kNanosecondsPerSecond;
  std::optional<std::uint64_t> count;
  std::optional<std::int64_t> duration_ns;
  Format format = Format::table;
  std::vector<network::TrafficBy> bys;  // none given: what suits the format
  network::TrafficSort sort = network::TrafficSort::bytes_rate;
  std::optional<std::size_t> top;
  bool resolve = false;
  bool report = false;  // no screen
  bool ascii = false;
  std::optional<std::string> log_file;
  Rotation rotation;
  std::optional<std::string> record_file;
  std::optional<std::string> collector;  // HOST:PORT for IPFIX

  [[nodiscard]] bool is_planned() const { return count || duration_ns; }
};
[[nodiscard]] Result<TrafficCommandOptions> traffic_options_of(const Arguments& arguments);
[[nodiscard]] std::vector<OptionSpec> traffic_option_specs();

}  // namespace isotach::command

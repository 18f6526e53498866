// Flows of UDP as text, JSON and CSV.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "command/common_options.h"
#include "command/connections/capture_run.h"
#include "command/connections/selection.h"
#include "command/context.h"
#include "network/connections/udp_flows.h"

namespace isotach::command {

// Those that `only`, `sort` and `top` choose, as for connections; by "rexmt" and "rtt" none can be sorted.
void write_udp_flows(Context& context, Format format, const network::UdpFlows& flows, const CaptureRun& run,
                     const std::vector<NumberRange>& only, const std::string& sort, std::size_t top);

}  // namespace isotach::command

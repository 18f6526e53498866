// The two ways in which isotach traffic runs: on a screen, and as a report or a stream.
#pragma once

#include <memory>

#include "command/context.h"
#include "command/traffic/options.h"
#include "command/traffic/sinks.h"
#include "view/terminal/screen.h"

namespace isotach::command {

// The exit code.
[[nodiscard]] int run_traffic_live(Context& context, const TrafficCommandOptions& options,
                                   std::unique_ptr<TrafficSession> session, TrafficSinks& sinks,
                                   HostNames* names, std::unique_ptr<view::Screen> screen);
[[nodiscard]] int run_traffic_report(Context& context, const TrafficCommandOptions& options,
                                     std::unique_ptr<TrafficSession> session, TrafficSinks& sinks,
                                     HostNames* names);

}  // namespace isotach::command

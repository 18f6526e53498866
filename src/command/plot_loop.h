// The loop of a running plot: waits for the feed, the keys and the deadlines.
#pragma once

#include "base/result.h"
#include "command/context.h"
#include "command/plot_feed.h"
#include "command/plot_session.h"
#include "command/plot_view.h"

namespace isotach::command {

// Runs until the feed ends, the plan is fulfilled, or the user has seen enough. An error ends it too.
[[nodiscard]] Result<void> run_feed(Context& context, PlotSession& session, PlotFeed& feed, PlotView& view);

}  // namespace isotach::command

// The graphs of connections: as a page, as pictures, and what each shows.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "command/connections/connections_view.h"
#include "command/context.h"
#include "network/connections/flow_series.h"
#include "view/graph/graph.h"

namespace isotach::command {

// More connections than this make no page that can be read; the first ones that are shown are drawn.
inline constexpr std::size_t kMostGraphedConnections = 256;

struct GraphSource {
  const network::Tracker& tracker;
  const CaptureRun& run;
  const Shown& shown;
  const network::LimitObserver& limits;
  network::SeriesRecorder& recorder;
};

// One HTML file with all graphs of each connection. Says on standard error what was left out.
[[nodiscard]] Result<void> write_graph_page(Context& context, const GraphSource& source,
                                            const std::string& path);
// A picture for each graph: FOLDER/3_a2b_time_sequence.svg. The folder is made where it is not there.
[[nodiscard]] Result<void> write_graph_pictures(Context& context, const GraphSource& source,
                                                const std::string& folder);

}  // namespace isotach::command

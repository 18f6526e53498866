// The graphs of connections: what each shows, which connections are drawn, and pictures of them.
#pragma once

#include <cstddef>
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
  const network::HostNames& names;
  const network::LimitObserver& limits;
  network::SeriesRecorder& recorder;
};

struct NamedGraph {
  std::string file;  // "time_sequence"
  view::Graph graph;
};

// Directions of a connection with data worth drawing, that with more of it first.
[[nodiscard]] std::vector<int> drawn_sides(const network::Connection& one);
// Those connections that are shown of which there are series, as many as are drawn.
[[nodiscard]] Shown drawn_connections(const GraphSource& source);
// All graphs of one direction, with about so many points together. The series are thinned.
[[nodiscard]] std::vector<NamedGraph> graphs_of(const network::Connection& connection, int side,
                                                network::FlowSeries& series, std::size_t points);
// Says on standard error where not all are drawn.
void tell_left_out_of_graphs(Context& context, const GraphSource& source, const Shown& drawn);
[[nodiscard]] Result<void> write_graph_file(const std::string& path, const std::string& text);

// A picture for each graph: FOLDER/3_a2b_time_sequence.svg. The folder is made where it is not there.
[[nodiscard]] Result<void> write_graph_pictures(Context& context, const GraphSource& source,
                                                const std::string& folder);

}  // namespace isotach::command

#include "command/connections/connections_graphs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "base/text.h"
#include "base/units.h"

namespace isotach::command {
namespace {

using network::Connection;
using network::Direction;
using network::Envelope;
using network::FlowSeries;
using view::Graph;
using view::GraphSeries;
using view::GraphStyle;

// Colours of figures by what they stand for, the same in all graphs.
enum Color : std::size_t {
  kData = 0,
  kAgain = 1,
  kAnswer = 2,
  kWindow = 3,
  kSelective = 4,
  kOther = 5,
  kProbe = 6
};

constexpr std::size_t kRatePieces = 400;
constexpr std::int64_t kMillisecondNs = 1'000'000;

class Drawing {
 public:
  Drawing(const Connection& connection, int side, FlowSeries& series, std::size_t points)
      : connection_(connection), side_(side), flow_(series), points_(points) {}

  std::vector<NamedGraph> graphs() {
    std::vector<NamedGraph> all;
    all.push_back({"time_sequence", time_sequence()});
    all.push_back({"throughput", throughput()});
    if (!flow_.rtt.points().empty()) all.push_back({"rtt", rtt()});
    all.push_back({"in_flight", in_flight()});
    all.push_back({"segment_size", segment_size()});
    if (Graph timeline = events(); !timeline.series.empty()) all.push_back({"timeline", std::move(timeline)});
    for (NamedGraph& one : all) {
      one.graph.low_ns = 0;
      one.graph.high_ns = std::max<std::int64_t>(1, connection_.elapsed_ns());
      one.graph.title = fmt::format("{}, {}", one.graph.title, side_ == 0 ? "a to b" : "b to a");
    }
    return all;
  }

 private:
  // `part` of the points of this connection, in a hundred.
  GraphSeries series(const char* name, GraphStyle style, Color color, Envelope& envelope, std::size_t part,
                     double factor = 1) {
    GraphSeries series{name, style, color};
    series.count = envelope.added();
    envelope.thin(std::max<std::size_t>(2, points_ * part / 100));
    series.points.reserve(envelope.points().size());
    for (const network::EnvelopePoint& point : envelope.points())
      series.points.push_back(
          {point.time_ns - connection_.first_ns, point.low * factor, point.high * factor});
    return series;
  }

  Graph time_sequence() {
    Graph graph;
    graph.title = "Time and sequence";
    graph.from_zero = false;
    graph.caption =
        "Each bar is a segment, from its first to its last byte. It is in flight from there to the line of "
        "acknowledgements below it; above is the edge of the receiver's window.";
    graph.unit = Unit::bytes;
    graph.series.push_back(series("window edge", GraphStyle::step, kWindow, flow_.window_edge, 10));
    graph.series.push_back(series("acknowledged", GraphStyle::step, kAnswer, flow_.acknowledged, 12));
    graph.series.push_back(series("selectively (SACK)", GraphStyle::bars, kSelective, flow_.sacked, 6));
    graph.series.push_back(series("segments", GraphStyle::bars, kData, flow_.segments, 22));
    graph.series.push_back(series("retransmitted", GraphStyle::bars, kAgain, flow_.retransmitted, 8));
    graph.series.push_back(series("out of order", GraphStyle::bars, kOther, flow_.out_of_order, 2));
    return graph;
  }

  Graph throughput() {
    Graph graph;
    graph.title = "Throughput";
    graph.unit = Unit::bits_per_second;
    network::Amounts& amounts = flow_.delivered;
    // Pieces shorter than a round trip show bursts instead of a rate.
    const Direction& me = connection_.directions[static_cast<std::size_t>(side_)];
    const auto rtt_ns =
        static_cast<std::int64_t>(std::max(me.rtt.mean(), static_cast<double>(connection_.handshake_ns)));
    amounts.widen(
        std::min(kRatePieces, std::max<std::size_t>(20, points_ * 8 / 100)),
        std::min(std::max(rtt_ns, kMillisecondNs), std::max<std::int64_t>(1, connection_.elapsed_ns() / 20)));
    GraphSeries rate{"acknowledged", GraphStyle::step, kData};
    GraphSeries mean{"mean until then", GraphStyle::line, kAnswer};
    const double seconds = static_cast<double>(amounts.piece_ns()) / 1e9;
    double total = 0;
    std::int64_t time_ns = amounts.first_ns() - connection_.first_ns;
    for (const double bytes : amounts.pieces()) {
      rate.points.push_back({time_ns, bytes * 8 / seconds, bytes * 8 / seconds});
      total += bytes;
      time_ns += amounts.piece_ns();
      const double since_start = static_cast<double>(std::min(time_ns, connection_.elapsed_ns())) / 1e9;
      if (since_start > 0) mean.points.push_back({time_ns, total * 8 / since_start, total * 8 / since_start});
    }
    if (!rate.points.empty())
      rate.points.push_back({time_ns, rate.points.back().low, rate.points.back().high});
    rate.points.shrink_to_fit();
    graph.caption = fmt::format("Data acknowledged in pieces of {}.",
                                format_duration_ns(static_cast<double>(amounts.piece_ns())));
    graph.series.push_back(std::move(rate));
    graph.series.push_back(std::move(mean));
    return graph;
  }

  Graph rtt() {
    Graph graph;
    graph.title = "Round-trip time";
    graph.caption =
        "From a segment to the acknowledgement that answers it, as seen where the capture was made.";
    graph.unit = Unit::seconds;
    graph.series.push_back(series("round trip", GraphStyle::dots, kData, flow_.rtt, 12, 1e-9));
    return graph;
  }

  Graph in_flight() {
    Graph graph;
    graph.title = "In flight, and the receiver's window";
    graph.unit = Unit::bytes;
    graph.series.push_back(series("window", GraphStyle::step, kWindow, flow_.window, 6));
    graph.series.push_back(series("in flight", GraphStyle::line, kData, flow_.in_flight, 12));
    return graph;
  }

  Graph segment_size() {
    Graph graph;
    graph.title = "Segment size";
    graph.unit = Unit::bytes;
    graph.series.push_back(series("data of a segment", GraphStyle::dots, kData, flow_.segment_size, 6));
    return graph;
  }

  Graph events() {
    Graph graph;
    graph.title = "Retransmissions and troubles";
    const auto row = [&](const char* name, Color color, Envelope& envelope) {
      if (envelope.points().empty()) return;
      graph.series.push_back(series(name, GraphStyle::marks, color, envelope, 4));
    };
    row("fast retransmission", kAgain, flow_.retransmissions[0]);
    row("timeout", kProbe, flow_.retransmissions[1]);
    row("tail loss probe", kWindow, flow_.retransmissions[2]);
    row("overtaken segment", kOther, flow_.overtaken);
    row("doubled packet", kSelective, flow_.doubled);
    row("duplicate acknowledgement", kAnswer, flow_.duplicate_acks);
    row("window shut", kWindow, flow_.window_shut);
    row("probe of it", kData, flow_.probes);
    return graph;
  }

  const Connection& connection_;
  int side_;
  FlowSeries& flow_;
  std::size_t points_;
};

}  // namespace

// Directions with data, that with more of it first.
std::vector<int> drawn_sides(const Connection& one) {
  const int main = network::LimitObserver::main_side(one);
  std::vector<int> sides = {main};
  const std::uint64_t most = one.directions[static_cast<std::size_t>(main)].unique_bytes;
  const std::uint64_t other = one.directions[static_cast<std::size_t>(1 - main)].unique_bytes;
  // Requests of some hundred bytes are no transfer.
  constexpr std::uint64_t kWorthDrawing = 20;
  if (other * kWorthDrawing >= most && other > 0) sides.push_back(1 - main);
  return sides;
}

Shown drawn_connections(const GraphSource& source) {
  Shown drawn;
  for (const std::size_t index : source.shown) {
    if (drawn.size() == kMostGraphedConnections) break;
    if (source.recorder.series(index, 0) != nullptr) drawn.push_back(index);
  }
  return drawn;
}

std::vector<NamedGraph> graphs_of(const Connection& connection, int side, FlowSeries& series,
                                  std::size_t points) {
  return Drawing(connection, side, series, points).graphs();
}

void tell_left_out_of_graphs(Context& context, const GraphSource& source, const Shown& drawn) {
  if (drawn.size() < source.shown.size())
    context.note(fmt::format("{} of {} connections are drawn; choose by --only, or by --sort and --top",
                             drawn.size(), source.shown.size()));
}

Result<void> write_graph_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file) return system_failure(errno == 0 ? EIO : errno, "write " + printable(path));
  return {};
}

Result<void> write_graph_pictures(Context& context, const GraphSource& source, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return system_failure(error.value(), "make the folder " + printable(folder));
  const Shown drawn = drawn_connections(source);
  tell_left_out_of_graphs(context, source, drawn);
  constexpr int kWidth = 960;
  constexpr int kHeight = 420;
  constexpr std::size_t kPicturePoints = 6000;
  for (const std::size_t index : drawn) {
    const Connection& one = source.tracker[index];
    for (const int side : drawn_sides(one)) {
      FlowSeries* flow = source.recorder.series(index, side);
      for (const NamedGraph& graph : graphs_of(one, side, *flow, kPicturePoints)) {
        const std::string path =
            fmt::format("{}/{}_{}_{}.svg", folder, index + 1, side == 0 ? "a2b" : "b2a", graph.file);
        if (auto written = write_graph_file(path, view::graph_svg_of(graph.graph, kWidth, kHeight)); !written)
          return written;
      }
    }
  }
  return {};
}

}  // namespace isotach::command

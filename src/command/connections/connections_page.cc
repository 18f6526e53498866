#include "command/connections/connections_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"
#include "command/version.h"
#include "network/connections/fields.h"

namespace isotach::command {
namespace {

using network::Connection;
using network::Direction;

// A page may have this many points in all; each connection gets its part, within these bounds.
constexpr std::size_t kPagePoints = 300'000;
constexpr std::size_t kLeastPoints = 1200;
constexpr std::size_t kMostPoints = 20'000;
// Nobody reads a longer table.
constexpr std::size_t kMostRows = 1000;

std::vector<std::string> limit_texts(const GraphSource& source, std::size_t index, int side) {
  std::vector<std::string> texts;
  const network::LimitShares* shares = source.limits.shares(index, side);
  if (shares == nullptr || !shares->is_known()) return texts;
  for (std::size_t i = 0; i < network::kLimits; ++i) {
    constexpr double kWorthTelling = 0.05;
    const auto limit = static_cast<network::Limit>(i);
    if (shares->share(limit) < kWorthTelling && !(shares->span_ns() == 0 && limit == shares->verdict()))
      continue;
    texts.push_back(fmt::format("{} {:.0f} %: {}.", network::limit_name(limit), 100 * shares->share(limit),
                                network::limit_evidence(limit, *shares, source.tracker[index], side)));
  }
  return texts;
}

std::string verdict_of(const GraphSource& source, std::size_t index) {
  const int side = network::LimitObserver::main_side(source.tracker[index]);
  const network::LimitShares* shares = source.limits.shares(index, side);
  return shares != nullptr && shares->is_known() ? network::limit_name(shares->verdict()) : "";
}

std::string summary_of(const Connection& one) {
  std::string text = fmt::format(
      "{}, {} packets in {} from {}. ", network::connection_state_name(one.state()), one.packets(),
      format_duration_ns(static_cast<double>(one.elapsed_ns())), format_wall_time_local(one.first_ns));
  for (const int side : drawn_sides(one)) {
    const Direction& me = one.directions[static_cast<std::size_t>(side)];
    text += fmt::format("{}: {}, {} retransmission{}, in flight up to {}", side == 0 ? "a to b" : "b to a",
                        format_bytes(static_cast<double>(me.unique_bytes)),
                        me.trouble ? me.trouble->retransmitted_packets : 0,
                        me.trouble && me.trouble->retransmitted_packets == 1 ? "" : "s",
                        format_bytes(static_cast<double>(me.outstanding_max)));
    if (me.rtt.count > 0) text += fmt::format(", round trip {}", format_duration_ns(me.rtt.mean()));
    text += ". ";
  }
  text.pop_back();
  return text;
}

std::size_t points_for(std::size_t connections) {
  return std::clamp(kPagePoints / std::max<std::size_t>(1, connections), kLeastPoints, kMostPoints);
}

// All that are shown; those that are drawn lead to their sections.
view::GraphTable table_of(const GraphSource& source, const Shown& drawn) {
  view::GraphTable table;
  using enum view::GraphColumn::Align;
  table.columns = {{"#", right},
                   {"a", left},
                   {"b", left},
                   {"state", left},
                   {"limited by", left},
                   {"time", right},
                   {"packets a / b", right},
                   {"data from a", right},
                   {"from b", right},
                   {"rexmt a / b", right},
                   {"RTT", right},
                   {"rate", right},
                   {"name", left}};
  constexpr std::ptrdiff_t kVerdictColumn = 4;
  for (const std::size_t index : source.shown) {
    if (table.rows.size() == kMostRows) break;
    view::GraphRow row{connection_cells(source.tracker[index], index, source.names.name(index).name)};
    row.cells.insert(row.cells.begin() + kVerdictColumn, verdict_of(source, index));
    const auto section = std::ranges::find(drawn, index);
    if (section != drawn.end()) row.section = static_cast<std::size_t>(section - drawn.begin()) + 1;
    table.rows.push_back(std::move(row));
  }
  if (table.rows.size() < source.shown.size())
    table.note = fmt::format("{} more connections are not listed.", source.shown.size() - table.rows.size());
  return table;
}

}  // namespace

std::string graph_page(const GraphSource& source, const Shown& drawn, std::vector<std::string> notes) {
  view::GraphPage page;
  std::string names;
  for (const CaptureFile& file : source.run.files) names += (names.empty() ? "" : ", ") + file.name;
  page.title = "TCP connections";
  page.subtitle = names;
  page.facts = {
      {"packets", fmt::format("{} of TCP in {} frames", source.tracker.packets(), source.run.counts.frames)},
      {"connections", fmt::format("{}, {} drawn", source.tracker.size(), drawn.size())},
      {"from", format_wall_time_local(source.run.first_ns)},
      {"to", format_wall_time_local(source.run.last_ns)}};
  page.notes = std::move(notes);
  for (Remark& remark : remarks_on(source.run, source.tracker)) page.notes.push_back(std::move(remark.text));
  page.footer = fmt::format("isotach {}", kVersion);
  page.table = table_of(source, drawn);
  for (const std::size_t index : drawn) {
    const Connection& one = source.tracker[index];
    view::GraphSection section;
    section.title = fmt::format(
        "{}: a {}, b {}", index + 1, network::endpoint_text(one.key.source_address(), one.key.source_port),
        network::endpoint_text(one.key.destination_address(), one.key.destination_port));
    section.paragraphs.push_back(summary_of(one));
    section.verdict = verdict_of(source, index);
    const std::vector<int> sides = drawn_sides(one);
    for (const int side : sides) {
      const char* whose = sides.size() == 1 ? "" : side == 0 ? "a to b: " : "b to a: ";
      for (const std::string& text : limit_texts(source, index, side))
        section.paragraphs.push_back(whose + text);
      network::FlowSeries* flow = source.recorder.series(index, side);
      for (NamedGraph& graph : graphs_of(one, side, *flow, points_for(drawn.size()) / sides.size()))
        section.graphs.push_back(std::move(graph.graph));
    }
    page.sections.push_back(std::move(section));
  }
  return view::graph_page_of(page);
}

Result<void> write_graph_page(Context& context, const GraphSource& source, const std::string& path) {
  const Shown drawn = drawn_connections(source);
  tell_left_out_of_graphs(context, source, drawn);
  return write_graph_file(path, graph_page(source, drawn));
}

}  // namespace isotach::command

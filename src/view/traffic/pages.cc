// The pages of the live view of isotach traffic that are no list: overview, details, keys.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "view/traffic/frame.h"

namespace isotach::view {
namespace {

constexpr int kGap = 2;
// A rule, a head and two rows: with less a list says nothing.
constexpr int kLeastListRows = 4;
constexpr int kLeastGraphRows = 2;
constexpr int kMostGraphRows = 12;

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

double top_of(const Past& one, const Past& other) {
  return std::max(graph_top(one, 1000), graph_top(other, 1000));
}

// "in 412 Mbit/s  38.2 k/s", and below it the past.
void draw_direction(Canvas canvas, std::string_view name, Number bits_s, Number packets_s, const Past& past,
                    double top, Style style, bool bytes) {
  int at = canvas.text(0, 0, name, Style::dim) + 1;
  at = canvas.text(at, 0, traffic_rate_text(bits_s, bytes), style) + 2;
  if (packets_s)
    at = canvas.text(at, 0, fmt::format("{:.0f} packets/s", *packets_s), Style::plain,
                     at + 20 > canvas.columns() ? at : -1);
  canvas.text_right(canvas.columns(), 0, traffic_rate_text(top, bytes), Style::dim, at + 1);
  canvas.part(0, 1, canvas.columns(), canvas.rows() - 1).graph(past, top, style);
}

// Both directions side by side on the same scale. Returns the rows used.
int draw_graphs(Canvas canvas, const TrafficAmounts& now, const Past& in, const Past& out, bool bytes) {
  if (canvas.columns() < 40 || canvas.rows() < 1 + kLeastGraphRows) {
    const auto rate = [&](Number bits_s) { return traffic_rate_text(bits_s, bytes); };
    int at = canvas.text(0, 0, "in", Style::dim) + 1;
    at = canvas.text(at, 0, rate(now.in_bits_s), Style::series_1) + 2;
    const std::string sent = rate(now.out_bits_s);
    const int needed = at + 4 + static_cast<int>(sent.size());
    const int row = needed <= canvas.columns() ? 0 : 1;
    at = canvas.text(row == 0 ? at : 0, row, "out", Style::dim) + 1;
    canvas.text(at, row, sent, Style::series_3);
    return std::min(row + 1, canvas.rows());
  }
  const int half = (canvas.columns() - kGap) / 2;
  const double top = top_of(in, out);
  draw_direction(canvas.part(0, 0, half, canvas.rows()), "in", now.in_bits_s, now.in_packets_s, in, top,
                 Style::series_1, bytes);
  draw_direction(canvas.part(half + kGap, 0, canvas.columns() - half - kGap, canvas.rows()), "out",
                 now.out_bits_s, now.out_packets_s, out, top, Style::series_3, bytes);
  return canvas.rows();
}

void draw_small_list(Canvas canvas, const TrafficList& list, bool bytes) {
  canvas.rule(upper(list.title), fmt::format("{}", list.known), Style::dim);
  const Canvas below = canvas.part(0, 1, canvas.columns(), canvas.rows() - 1);
  if (list.rows.empty()) {
    Canvas empty = below;
    empty.text(0, 0, list.none, Style::dim);
    return;
  }
  const auto lines = traffic_table(list, bytes, below.columns()).lines(below.columns());
  Canvas into = below;
  for (std::size_t i = 0; i < lines.size() && static_cast<int>(i) < into.rows(); ++i)
    for (const TableSpan& span : lines[i])
      into.text(span.column, static_cast<int>(i), cut_text(span.text, into.unicode()), span.style);
}

// Rows that a list would fill.
int wanted_rows(const TrafficList& list) {
  return 2 + static_cast<int>(std::clamp<std::size_t>(list.rows.size(), 1, 100));
}

void draw_stack(Canvas canvas, const std::vector<const TrafficList*>& lists, bool bytes) {
  std::vector<SectionRows> wishes;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    const int wanted = wanted_rows(*lists[i]);
    wishes.push_back({std::min(kLeastListRows, wanted), std::min(wanted, 7), wanted,
                      100 - static_cast<int>(std::min<std::size_t>(i, 99))});
  }
  const std::vector<int> rows = share_rows(wishes, canvas.rows());
  int at = 0;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    if (rows[i] == 0) continue;
    draw_small_list(canvas.part(0, at, canvas.columns(), rows[i]), *lists[i], bytes);
    at += rows[i];
  }
}

}  // namespace

void draw_traffic_overview(Canvas canvas, const TrafficModel& model, const TrafficView& view) {
  const int wished = std::clamp((canvas.rows() - 4) / 4, 0, kMostGraphRows);
  int at = draw_graphs(canvas.part(0, 0, canvas.columns(), wished >= kLeastGraphRows ? 1 + wished : 2),
                       model.total, model.in_past, model.out_past, view.bytes);
  const auto rate = [&](Number bits_s) { return traffic_rate_text(bits_s, view.bytes); };
  if (canvas.rows() - at > 6) {
    std::string text =
        fmt::format("peak {}  mean {}  total {} in {} out", rate(model.total.peak_bits_s),
                    rate(model.total.mean_bits_s), format_bytes(static_cast<double>(model.total.in_bytes)),
                    format_bytes(static_cast<double>(model.total.out_bytes)));
    canvas.text(0, at, text, Style::dim);
    if (!model.source_note.empty())
      canvas.text_right(canvas.columns(), at, model.source_note, Style::dim,
                        static_cast<int>(text.size()) + 2);
    ++at;
  }
  const Canvas room = canvas.part(0, at, canvas.columns(), canvas.rows() - at);
  const int stacks = room.columns() >= 174 ? 3 : room.columns() >= 112 ? 2 : 1;
  const int width = (room.columns() - (stacks - 1) * kGap) / stacks;
  for (int stack = 0; stack < stacks; ++stack) {
    std::vector<const TrafficList*> lists;
    for (std::size_t i = static_cast<std::size_t>(stack); i < model.lists.size();
         i += static_cast<std::size_t>(stacks))
      lists.push_back(&model.lists[i]);
    const int left = stack * (width + kGap);
    draw_stack(room.part(left, 0, stack == stacks - 1 ? room.columns() - left : width, room.rows()), lists,
               view.bytes);
  }
}

void draw_traffic_details(Canvas canvas, const TrafficModel& model, const TrafficView& view) {
  const TrafficDetails& details = *model.details;
  canvas.rule(upper(details.title), details.is_gone ? "ended" : "", Style::warning);
  const int graph = std::clamp((canvas.rows() - 4) / 3, 0, kMostGraphRows);
  int at = 1;
  at += draw_graphs(canvas.part(0, at, canvas.columns(), graph >= kLeastGraphRows ? 1 + graph : 2),
                    details.amounts, details.in_past, details.out_past, view.bytes);
  std::size_t widest = 0;
  for (const TrafficFact& fact : details.facts) widest = std::max(widest, display_width(fact.name));
  // Two columns of facts where one would not fit and there is room for two.
  const auto count = static_cast<int>(std::min<std::size_t>(details.facts.size(), 200));
  const int rows = canvas.rows() - at;
  const int columns = count > rows && canvas.columns() >= 100 ? 2 : 1;
  const int width = canvas.columns() / columns;
  for (int i = 0; i < count && i < rows * columns; ++i) {
    const TrafficFact& fact = details.facts[static_cast<std::size_t>(i)];
    const int left = i / std::max(rows, 1) * width;
    const int row = at + i % std::max(rows, 1);
    canvas.text(left, row, fact.name, Style::dim, left + width);
    canvas.text(left + static_cast<int>(widest) + 2, row, fact.text,
                fact.warns ? Style::warning : Style::plain, left + width - 1);
  }
}

void draw_traffic_help(Canvas canvas) {
  struct Line {
    std::string_view keys, meaning;
  };
  constexpr Line kLines[] = {
      {"tab, left, right, 1-0", "the pages"},
      {"up, down, page, home, end", "the row that keys act on; the wheel and a click do the same"},
      {"enter", "open it: a flow's details, the flows of a host, station, port, process, ..."},
      {"esc, backspace", "back"},
      {"s", "sort by something else"},
      {"/", "show only rows with a text; esc shows all again"},
      {"space, p", "hold the picture; counting goes on"},
      {"+ -", "a longer or shorter interval"},
      {"b", "bits or bytes a second"},
      {"?", "this help"},
      {"q", "quit"},
      {"", ""},
      {"not accounted", "packets that went by and could not be counted; 0 means that we looked"},
      {"other", "packets of flows that the table had no room for: in the totals, in no flow"},
  };
  int row = 0;
  canvas.rule("KEYS");
  const int column = canvas.columns() >= 60 ? 27 : 12;
  for (const Line& line : kLines) {
    ++row;
    canvas.text(0, row, line.keys, Style::bold, column - 1);
    canvas.text(column, row, line.meaning);
  }
}

}  // namespace isotach::view

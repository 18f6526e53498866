#include "view/traffic/traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "view/traffic/frame.h"

namespace isotach::view {
namespace {

constexpr std::array<std::string_view, kTrafficPageCount> kPageNames = {
    "overview",  "flows", "hosts",   "stations",  "ports",
    "processes", "sizes", "classes", "protocols", "interfaces"};

// From this height on there is room for the keys at the bottom, and for a rule above the list.
constexpr int kFooterFromRows = 10;
// In less width both directions share a column.
constexpr int kBothRatesFrom = 50;
// A bar shorter than this tells nothing.
constexpr int kLeastBar = 8;
constexpr int kMostBar = 40;

int width_of(std::string_view text) {
  return static_cast<int>(std::min<std::size_t>(display_width(printable(text)), 4096));
}

std::string count_text(std::uint64_t count) {
  return format_quantity(static_cast<double>(count), Unit::count);
}

std::string packets_text(Number packets_s) {
  return packets_s ? format_quantity(*packets_s, Unit::per_second) : "-";
}

// "1 overview": the digit is the key. The tenth is 0.
std::string tab_text(TrafficPage page, bool with_digit) {
  const int number = (static_cast<int>(page) + 1) % 10;
  return with_digit ? fmt::format("{} {}", number, traffic_page_name(page))
                    : std::string(traffic_page_name(page));
}

// "eBPF, not accounted 0": never left out, only said in fewer words.
std::string account_text(const TrafficModel& model, int columns) {
  const std::string lost = model.unaccounted_packets ? count_text(*model.unaccounted_packets) : "";
  if (columns >= 64) {
    std::string text = fmt::format("{}, not accounted {}", model.source, lost.empty() ? "unknown" : lost);
    if (model.other_packets.value_or(0) > 0)
      text += fmt::format(", other {}", count_text(*model.other_packets));
    return text;
  }
  // "packet ring" is "ring" where a word is one too many.
  const std::string source = model.source.substr(model.source.rfind(' ') + 1);
  return fmt::format("{} {} {}", source, columns >= 26 ? "unaccounted" : "lost", lost.empty() ? "?" : lost);
}

// "isotach traffic  eth0  (port 80)  PAUSED        eBPF, not accounted 0  03:29:23"
void draw_header(Canvas canvas, const TrafficModel& model, const TrafficView& view) {
  int end = canvas.columns();
  std::string time = format_wall_time_local(model.time.wall_ns);
  if (time.size() > 11) time.erase(0, 11);
  if (canvas.columns() >= 76) {
    canvas.text_right(end, 0, time, Style::dim);
    end -= width_of(time) + 2;
  }
  const bool lossy = model.unaccounted_packets.value_or(0) > 0;
  const std::string account = account_text(model, canvas.columns());
  const int from = std::max(0, end - width_of(account));
  canvas.text(from, 0, account, lossy ? Style::warning : Style::good, end);
  if (from < 9) return;
  Canvas left = canvas.part(0, 0, from - 2, 1);
  int at = 0;
  const auto add = [&](const std::string& text, Style style, int least) {
    if (text.empty() || at + std::min(width_of(text), least) > left.columns()) return;
    at = left.text(at, 0, text, style) + 2;
  };
  if (left.columns() >= 30) add("isotach traffic", Style::title, 15);
  if (view.paused) add("PAUSED", Style::warning, 6);
  add(model.scope, Style::bold, 4);
  add(model.filter.empty() ? "" : "(" + model.filter + ")", Style::plain, 8);
}

void draw_tabs(Canvas canvas, const TrafficView& view) {
  for (const TrafficTab& tab : traffic_tabs(view.page, canvas.columns()))
    canvas.text(tab.column, 0, tab.text, tab.page == view.page ? Style::selected : Style::dim);
}

// "in 412 Mbit/s 38.2 k/s   out 12.0 Mbit/s 9.1 k/s   peak 940 Mbit/s   mean 301 Mbit/s": as much as fits.
void draw_totals(Canvas canvas, const TrafficModel& model, const TrafficView& view) {
  const TrafficAmounts& total = model.total;
  int at = 0;
  const auto add = [&](std::string_view name, const std::string& text, Style style) {
    const int width = static_cast<int>(name.size()) + 1 + width_of(text);
    if (at + width > canvas.columns()) return;
    at = canvas.text(at, 0, name, Style::dim) + 1;
    at = canvas.text(at, 0, text, style) + 2;
  };
  const auto rate = [&](Number bits_s) { return traffic_rate_text(bits_s, view.bytes); };
  add("in", rate(total.in_bits_s), Style::series_1);
  add("out", rate(total.out_bits_s), Style::series_3);
  add("peak", rate(total.peak_bits_s), Style::plain);
  add("mean", rate(total.mean_bits_s), Style::plain);
  add("packets", packets_text(total.in_packets_s) + " in " + packets_text(total.out_packets_s) + " out",
      Style::plain);
  add("total", format_bytes(static_cast<double>(total.in_bytes + total.out_bytes)), Style::plain);
}

std::string list_title(const TrafficList& list, const TrafficView& view) {
  std::string title = list.title;
  std::transform(title.begin(), title.end(), title.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (!view.within.empty()) title += " of " + view.within;
  if (!view.search.empty()) title += " with \"" + view.search + "\"";
  return title;
}

std::string list_count(const TrafficList& list, const TrafficView& view) {
  std::string text = list.matching == list.known ? fmt::format("{}", list.known)
                                                 : fmt::format("{} of {}", list.matching, list.known);
  if (!list.rows.empty() && list.rows.size() < list.matching)
    text = fmt::format("{}-{} of {}", list.first + 1, list.first + list.rows.size(), text);
  return view.sort.empty() ? text : text + ", by " + view.sort;
}

void draw_bars(Canvas canvas, const TrafficList& list, int from) {
  const int width = std::min(canvas.columns() - from, kMostBar);
  if (width < kLeastBar) return;
  const auto weight = [&](const TrafficAmounts& amounts) {
    return list.rate_columns ? amounts.in_bits_s.value_or(0) + amounts.out_bits_s.value_or(0)
                             : static_cast<double>(amounts.in_packets + amounts.out_packets);
  };
  double most = 0;
  for (const TrafficRow& row : list.rows) most = std::max(most, weight(row.amounts));
  for (std::size_t i = 0; most > 0 && i < list.rows.size() && static_cast<int>(i) + 1 < canvas.rows(); ++i)
    canvas.bar(from, static_cast<int>(i) + 1, width, weight(list.rows[i].amounts) / most, Style::series_1);
}

void draw_list(Canvas canvas, const TrafficList& list, const TrafficView& view, bool with_cursor) {
  if (list.rows.empty()) {
    canvas.text(0, 0, view.search.empty() ? list.none : "nothing holds \"" + view.search + "\"", Style::dim);
    return;
  }
  const auto lines = traffic_table(list, view.bytes, canvas.columns() - 2).lines(canvas.columns() - 2);
  int widest = 0;
  for (std::size_t i = 0; i < lines.size() && static_cast<int>(i) < canvas.rows(); ++i) {
    const int row = static_cast<int>(i);
    const bool here = with_cursor && i > 0 && list.first + i - 1 == view.cursor;
    if (here) {
      for (int column = 0; column < canvas.columns(); ++column) canvas.dot(column, row, " ", Style::selected);
      canvas.dot(0, row, canvas.unicode() ? "▸" : ">", Style::selected);
    }
    for (const TableSpan& span : lines[i]) {
      canvas.text(2 + span.column, row, cut_text(span.text, canvas.unicode()),
                  here ? Style::selected : span.style);
      widest = std::max(widest, 2 + span.column + width_of(span.text));
    }
  }
  draw_bars(canvas, list, widest + 2);
}

struct KeyHint {
  std::string key, meaning;
};

void draw_footer(Canvas canvas, const TrafficModel& model, const TrafficView& view) {
  int end = canvas.columns();
  if (view.typing) {
    const int after = canvas.text(0, 0, "/" + view.search, Style::bold);
    canvas.dot(after, 0, canvas.unicode() ? "▏" : "_", Style::bold);
    canvas.text_right(end, 0, "enter keeps it, esc forgets it", Style::dim, after + 2);
    return;
  }
  const std::string cost =
      model.missed > 0 ? fmt::format("self {}, {} missed", percent_text(model.own_cpu_share), model.missed)
                       : fmt::format("self {}", percent_text(model.own_cpu_share));
  if (canvas.columns() >= 60) {
    canvas.text_right(end, 0, cost, model.missed > 0 ? Style::warning : Style::dim);
    end -= width_of(cost) + 2;
  }
  if (!view.notice.empty()) {
    canvas.text(0, 0, view.notice, Style::bold, end);
    return;
  }
  std::vector<KeyHint> hints = {{"q", "quit"}, {"?", "help"}, {"tab", "page"}};
  if (model.details || !view.within.empty()) hints.push_back({"esc", "back"});
  if (view.page != TrafficPage::overview && !model.details) {
    hints.push_back({"enter", "open"});
    hints.push_back({"s", "sort"});
    hints.push_back({"/", "search"});
  }
  hints.push_back({"space", view.paused ? "go on" : "pause"});
  hints.push_back({"+/-", format_duration_ns(view.interval_s * 1e9)});
  hints.push_back({"b", view.bytes ? "bits" : "bytes"});
  int at = 0;
  for (const KeyHint& hint : hints) {
    const int width = static_cast<int>(hint.key.size() + 1 + hint.meaning.size());
    if (at + width > end) break;
    at = canvas.text(at, 0, hint.key, Style::bold) + 1;
    at = canvas.text(at, 0, hint.meaning, Style::dim) + 2;
  }
}

}  // namespace

std::string_view traffic_page_name(TrafficPage page) {
  return kPageNames[static_cast<std::size_t>(page)];
}

std::string traffic_rate_text(Number bits_s, bool bytes) {
  if (!bits_s) return "-";
  return bytes ? format_quantity(*bits_s / 8, Unit::bytes_per_second) : format_bits_per_second(*bits_s);
}

std::string cut_text(std::string text, bool unicode) {
  if (!unicode && text.ends_with("…")) text.replace(text.size() - 3, 3, ".");
  return text;
}

TrafficFrame traffic_frame(const TrafficView& view, int columns, int rows) {
  TrafficFrame frame;
  int next = 1;
  int end = rows;
  if (rows >= 4) frame.tabs = next++;
  if (rows >= 6 && (view.page != TrafficPage::overview || columns < 20)) frame.totals = next++;
  if (rows >= kFooterFromRows || (view.typing && rows >= 4)) frame.footer = --end;
  if (rows >= kFooterFromRows && view.page != TrafficPage::overview) frame.rule = next++;
  frame.list = std::min(next, rows);
  frame.list_rows = std::max(0, end - frame.list);
  return frame;
}

std::vector<TrafficTab> traffic_tabs(TrafficPage page, int columns) {
  struct Manner {
    bool with_digits;
    int gap;
  };
  for (const auto& [with_digits, gap] :
       {Manner{true, 2}, Manner{true, 1}, Manner{false, 2}, Manner{false, 1}}) {
    std::vector<TrafficTab> tabs;
    int at = 0;
    for (int i = 0; i < kTrafficPageCount; ++i) {
      const auto each = static_cast<TrafficPage>(i);
      tabs.push_back({each, tab_text(each, with_digits), at});
      at += width_of(tabs.back().text) + gap;
    }
    if (at - gap <= columns) return tabs;
  }
  // Its neighbours are named as long as they fit.
  const int number = static_cast<int>(page);
  std::vector<TrafficTab> tabs;
  int at = 0;
  for (int i = std::max(0, number - 1); i < kTrafficPageCount; ++i) {
    const auto each = static_cast<TrafficPage>(i);
    const std::string text = tab_text(each, true);
    if (at + width_of(text) > columns) {
      if (i > number) break;
      tabs.clear();
      at = 0;
    }
    tabs.push_back({each, text, at});
    at += width_of(text) + 2;
  }
  return tabs;
}

std::size_t traffic_page_rows(const TrafficView& view, int columns, int rows) {
  return static_cast<std::size_t>(std::max(1, traffic_frame(view, columns, rows).list_rows - 1));
}

std::optional<TrafficPage> traffic_tab_at(const TrafficView& view, int columns, int rows, int column,
                                          int row) {
  if (row != traffic_frame(view, columns, rows).tabs) return std::nullopt;
  for (const TrafficTab& tab : traffic_tabs(view.page, columns))
    if (column >= tab.column && column < tab.column + width_of(tab.text)) return tab.page;
  return std::nullopt;
}

std::optional<std::size_t> traffic_row_at(const TrafficView& view, int columns, int rows, int row) {
  const TrafficFrame frame = traffic_frame(view, columns, rows);
  if (view.page == TrafficPage::overview || row <= frame.list || row >= frame.list + frame.list_rows)
    return std::nullopt;
  return static_cast<std::size_t>(row - frame.list - 1);
}

Table traffic_table(const TrafficList& list, bool bytes, int width) {
  const bool one_rate = width < kBothRatesFrom;
  std::vector<TableColumn> columns = list.columns;
  if (list.rate_columns) {
    if (one_rate) {
      columns.push_back({"rate", Align::quantity});
    } else {
      columns.push_back({"in", Align::quantity});
      columns.push_back({"out", Align::quantity});
    }
    columns.push_back({"packets", Align::quantity, 5});
    columns.push_back({"total", Align::quantity, 4});
    columns.push_back({"peak", Align::quantity, 8});
    columns.push_back({"mean", Align::quantity, 9});
  } else {
    if (one_rate) {
      columns.push_back({"packets", Align::quantity});
    } else {
      columns.push_back({"packets in", Align::quantity});
      columns.push_back({"out", Align::quantity});
    }
    columns.push_back({"per second", Align::quantity, 3});
    columns.push_back({"bytes", Align::quantity, 2});
  }
  Table table(columns);
  for (const TrafficRow& row : list.rows) {
    const TrafficAmounts& amounts = row.amounts;
    std::vector<TableCell> cells;
    for (const std::string& cell : row.cells)
      cells.emplace_back(cell, row.warns ? Style::warning : Style::plain);
    cells.resize(list.columns.size(), TableCell(""));
    Number packets_s;
    if (amounts.in_packets_s || amounts.out_packets_s)
      packets_s = amounts.in_packets_s.value_or(0) + amounts.out_packets_s.value_or(0);
    const std::string sum = format_bytes(static_cast<double>(amounts.in_bytes + amounts.out_bytes));
    if (list.rate_columns) {
      if (one_rate) {
        Number both;
        if (amounts.in_bits_s || amounts.out_bits_s)
          both = amounts.in_bits_s.value_or(0) + amounts.out_bits_s.value_or(0);
        cells.emplace_back(traffic_rate_text(both, bytes), Style::series_1);
      } else {
        cells.emplace_back(traffic_rate_text(amounts.in_bits_s, bytes), Style::series_1);
        cells.emplace_back(traffic_rate_text(amounts.out_bits_s, bytes), Style::series_3);
      }
      cells.emplace_back(packets_text(packets_s));
      cells.emplace_back(sum);
      cells.emplace_back(traffic_rate_text(amounts.peak_bits_s, bytes));
      cells.emplace_back(traffic_rate_text(amounts.mean_bits_s, bytes));
    } else {
      if (one_rate) {
        cells.emplace_back(count_text(amounts.in_packets + amounts.out_packets), Style::series_1);
      } else {
        cells.emplace_back(count_text(amounts.in_packets), Style::series_1);
        cells.emplace_back(count_text(amounts.out_packets), Style::series_3);
      }
      cells.emplace_back(packets_text(packets_s));
      cells.emplace_back(sum);
    }
    table.row(std::move(cells));
  }
  return table;
}

Grid render_traffic(const TrafficModel& model, const TrafficView& view, int columns, int rows) {
  Grid grid(columns, rows);
  if (grid.columns() == 0 || grid.rows() == 0) return grid;
  Canvas canvas(grid, {0, 0, grid.columns(), grid.rows()}, view.unicode);
  const TrafficFrame frame = traffic_frame(view, grid.columns(), grid.rows());
  const auto line = [&](int row) { return canvas.part(0, row, canvas.columns(), 1); };
  draw_header(line(0), model, view);
  if (frame.tabs >= 0) draw_tabs(line(frame.tabs), view);
  if (frame.footer >= 0) draw_footer(line(frame.footer), model, view);
  const int bottom = frame.footer >= 0 ? frame.footer : canvas.rows();
  const int top = frame.tabs >= 0 ? 2 : 1;
  const Canvas body = canvas.part(0, top, canvas.columns(), bottom - top);
  if (view.help) {
    draw_traffic_help(body);
  } else if (model.details) {
    draw_traffic_details(body, model, view);
  } else if (view.page == TrafficPage::overview) {
    draw_traffic_overview(body, model, view);
  } else if (!model.lists.empty()) {
    if (frame.totals >= 0) draw_totals(line(frame.totals), model, view);
    const TrafficList& list = model.lists.front();
    if (frame.rule >= 0) line(frame.rule).rule(list_title(list, view), list_count(list, view), Style::dim);
    draw_list(canvas.part(0, frame.list, canvas.columns(), frame.list_rows), list, view, true);
  }
  return grid;
}

}  // namespace isotach::view

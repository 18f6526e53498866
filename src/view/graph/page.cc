#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "view/graph/description.h"
#include "view/graph/graph.h"
#include "view/graph/script.h"
#include "view/plot/canvas.h"
#include "view/plot/markup.h"
#include "view/report/style.h"

namespace isotach::view {
namespace {

// Numbers travel as whole differences from the one before: that is short, and reads fast.
void append_number(std::string& text, std::int64_t number) {
  fmt::format_to(std::back_inserter(text), "{},", number);
}

void end_list(std::string& text) {
  if (text.back() == ',') text.pop_back();
  text += ']';
}

char style_letter(GraphStyle style) {
  switch (style) {
    case GraphStyle::bars:
      return 'b';
    case GraphStyle::step:
      return 's';
    case GraphStyle::line:
      return 'l';
    case GraphStyle::dots:
      return 'd';
    case GraphStyle::marks:
      break;
  }
  return 'm';
}

char unit_letter(Unit unit) {
  switch (unit) {
    case Unit::bytes:
      return 'B';
    case Unit::seconds:
      return 's';
    case Unit::bits_per_second:
      return 'b';
    default:
      return 'n';
  }
}

double greatest_of(const Graph& graph) {
  double greatest = 0;
  for (const GraphSeries& series : graph.series)
    for (const GraphPoint& point : series.points)
      greatest = std::max({greatest, std::abs(point.low), std::abs(point.high)});
  return greatest;
}

// What a whole number of the list stands for, so that a thousandth of the greatest is told apart well.
double step_of(double greatest) {
  if (greatest <= 0) return 1;
  return std::pow(10.0, std::floor(std::log10(greatest)) - 5);
}

// `text` for the inside of a JSON string within a script element.
std::string json_text(std::string_view text) {
  std::string out;
  for (const char c : escaped_markup(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

void append_series(std::string& html, const GraphSeries& series, std::int64_t tick_ns, double step) {
  fmt::format_to(std::back_inserter(html), R"({{"n":"{}","s":"{}","c":{},"k":{},"t":[)",
                 json_text(series.name), style_letter(series.style), series.color % kLineColors,
                 series.count);
  std::int64_t before = 0;
  for (const GraphPoint& point : series.points) {
    const std::int64_t tick = point.time_ns / tick_ns;
    append_number(html, tick - before);
    before = tick;
  }
  end_list(html);
  if (series.style == GraphStyle::marks) {
    html += '}';
    return;
  }
  html += ",\"l\":[";
  before = 0;
  bool has_height = false;
  for (const GraphPoint& point : series.points) {
    const std::int64_t low = std::llround(point.low / step);
    append_number(html, low - before);
    before = low;
    has_height = has_height || point.high != point.low;
  }
  end_list(html);
  if (has_height) {
    html += ",\"h\":[";
    for (const GraphPoint& point : series.points)
      append_number(html, std::llround(point.high / step) - std::llround(point.low / step));
    end_list(html);
  }
  html += '}';
}

constexpr std::string_view kStyle = R"(
.graph{margin:1.2rem 0}
.graph h3{font-size:1rem;margin:0 0 .2rem;font-weight:600}
.graph canvas{display:block;width:100%;height:320px;border:1px solid var(--rule);border-radius:.5rem;
touch-action:pan-y;cursor:crosshair}
.graph.timeline canvas{height:200px}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1rem;font-size:.85rem;color:var(--muted);margin:.3rem 0 0;
padding:0}
.legend button{font:inherit;color:inherit;background:none;border:0;padding:.1rem 0;cursor:pointer}
.legend button[aria-pressed=false]{text-decoration:line-through;opacity:.6}
.legend i{display:inline-block;width:.9em;height:.6em;border-radius:.15em;margin-right:.35em}
.read{margin-left:auto;font-variant-numeric:tabular-nums}
.notice{border-left:.25rem solid var(--accent);padding-left:.8rem}
.scroll td{white-space:nowrap}
.scroll td,.scroll th{padding-left:.5rem;padding-right:.5rem}
.help{color:var(--muted);font-size:.88rem}
)";

std::string colors_of(unsigned (*color)(const Paint&)) {
  std::string text;
  for (std::size_t i = 0; i < kLineColors; ++i)
    fmt::format_to(std::back_inserter(text), "--c{}:#{:06x};", i, color({Ink::line, i}));
  fmt::format_to(std::back_inserter(text), "--grid:#{:06x};--axis:#{:06x}", color({Ink::grid, 0}),
                 color({Ink::axis, 0}));
  return text;
}

class Page {
 public:
  explicit Page(const GraphPage& page) : page_(page) {}

  std::string html() {
    add("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'; "
        "script-src 'unsafe-inline'\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<title>{}</title>\n<style>",
        escaped_markup(page_.title));
    html_ += report_style();
    html_ += kStyle;
    add(":root{{{}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{}}}}}\n",
        colors_of(color_on_light), colors_of(color_on_dark));
    html_ += "</style>\n</head>\n<body>\n<header>\n";
    add("<h1>{}</h1>\n<p class=\"subtitle\">{}</p>\n", escaped_markup(page_.title),
        escaped_markup(page_.subtitle));
    if (!page_.facts.empty()) {
      html_ += "<dl class=\"facts\">\n";
      for (const auto& [name, value] : page_.facts)
        add("<dt>{}</dt><dd>{}</dd>\n", escaped_markup(name), escaped_markup(value));
      html_ += "</dl>\n";
    }
    html_ += "</header>\n<main>\n";
    for (const std::string& note : page_.notes) add("<p class=\"notice\">{}</p>\n", escaped_markup(note));
    if (page_.table.rows.empty())
      contents();
    else
      table();
    html_ +=
        "<p class=\"help\">Drag over a part of a graph to enlarge it, turn the wheel over "
        "it with Ctrl to zoom, double-click to see all again; with the keyboard: + &minus; &larr; &rarr; 0. "
        "The graphs of a connection keep the same time.</p>\n"
        "<noscript><p>The graphs need JavaScript. The option --svg writes them as pictures.</p></noscript>\n";
    for (std::size_t i = 0; i < page_.sections.size(); ++i) section(page_.sections[i], i + 1);
    html_ += "</main>\n";
    add("<footer>{}</footer>\n<script>\n", escaped_markup(page_.footer));
    html_ += graph_script();
    html_ += "</script>\n</body>\n</html>\n";
    return std::move(html_);
  }

 private:
  void contents() {
    constexpr std::size_t kContentsFrom = 3;
    if (page_.sections.size() < kContentsFrom) return;
    html_ += "<nav aria-labelledby=\"contents\">\n<h2 id=\"contents\">Contents</h2>\n<ol>\n";
    for (std::size_t i = 0; i < page_.sections.size(); ++i)
      add("<li><a href=\"#section-{}\">{}</a>{}{}</li>\n", i + 1, escaped_markup(page_.sections[i].title),
          page_.sections[i].verdict.empty() ? "" : ": ", escaped_markup(page_.sections[i].verdict));
    html_ += "</ol>\n</nav>\n";
  }

  void table() {
    html_ +=
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"Connections\"><table>\n<thead><tr>";
    for (const GraphColumn& column : page_.table.columns)
      add("<th scope=\"col\"{}>{}</th>", class_of(column), escaped_markup(column.title));
    html_ += "</tr></thead>\n<tbody>\n";
    for (const GraphRow& row : page_.table.rows) {
      html_ += "<tr>";
      for (std::size_t i = 0; i < row.cells.size(); ++i) {
        add("<td{}>", class_of(page_.table.columns[i]));
        const bool leads = i == 0 && row.section > 0;
        if (leads) add("<a href=\"#section-{}\">", row.section);
        html_ += escaped_markup(row.cells[i]);
        html_ += leads ? "</a></td>" : "</td>";
      }
      html_ += "</tr>\n";
    }
    html_ += "</tbody></table></div>\n";
    if (!page_.table.note.empty()) add("<p class=\"help\">{}</p>\n", escaped_markup(page_.table.note));
  }

  static const char* class_of(const GraphColumn& column) {
    return column.align == GraphColumn::Align::right ? " class=\"number\"" : "";
  }

  void section(const GraphSection& section, std::size_t number) {
    add("<section id=\"section-{0}\" aria-labelledby=\"title-{0}\">\n<div class=\"head\"><h2 "
        "id=\"title-{0}\">{1}"
        "</h2>",
        number, escaped_markup(section.title));
    if (!section.verdict.empty()) add("<p class=\"verdict\">{}</p>", escaped_markup(section.verdict));
    html_ += "</div>\n";
    for (const std::string& text : section.paragraphs) add("<p>{}</p>\n", escaped_markup(text));
    for (const Graph& one : section.graphs) graph(one);
    html_ += "</section>\n";
  }

  void graph(const Graph& graph) {
    const std::int64_t span_ns = std::max<std::int64_t>(1, graph.high_ns - graph.low_ns);
    constexpr std::int64_t kTicks = 2'000'000;
    const std::int64_t tick_ns = std::max<std::int64_t>(1, span_ns / kTicks);
    const double step = step_of(greatest_of(graph));
    add("<div class=\"graph{}\"><h3>{}</h3>\n<canvas tabindex=\"0\" role=\"img\" "
        "aria-label=\"{}\"></canvas>\n",
        graph.is_timeline() ? " timeline" : "", escaped_markup(graph.title),
        escaped_markup(graph_description(graph)));
    if (!graph.caption.empty()) add("<p class=\"help\">{}</p>\n", escaped_markup(graph.caption));
    add("<script "
        "type=\"application/json\">{{\"u\":\"{}\",\"z\":{},\"a\":{},\"b\":{},\"q\":{},\"p\":{},\"g\":[",
        unit_letter(graph.unit), graph.from_zero ? 1 : 0, graph.low_ns, graph.high_ns, tick_ns, step);
    for (const GraphSeries& series : graph.series) {
      append_series(html_, series, tick_ns, step);
      html_ += ',';
    }
    end_list(html_);
    html_ += "}</script></div>\n";
  }

  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(html_), format, std::forward<Args>(args)...);
  }

  const GraphPage& page_;
  std::string html_;
};

}  // namespace

std::string graph_page_of(const GraphPage& page) {
  return Page(page).html();
}

}  // namespace isotach::view

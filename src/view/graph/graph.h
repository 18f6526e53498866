// Graphs of many series over one time axis, and a page of them that can be zoomed: for what a figure with
// lines does not show, such as segments with a height and moments without a value.
//
// Plain data: whoever measures makes it. SVG (a picture) and HTML (a page with a script of its own, which
// needs nothing from elsewhere) show the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"

namespace isotach::view {

enum class GraphStyle : std::uint8_t {
  bars,   // a vertical line from low to high, at its time
  step,   // a value that holds until the next
  line,   // values joined
  dots,   // values not joined
  marks,  // moments, in the row of their series: low and high mean nothing
};

struct GraphPoint {
  std::int64_t time_ns = 0;  // relative to the page's origin
  double low = 0;            // where points were merged: the least and the greatest
  double high = 0;
};

struct GraphSeries {
  std::string name;
  GraphStyle style = GraphStyle::line;
  std::size_t color = 0;                // of the colours that lines of figures have
  std::vector<GraphPoint> points = {};  // in order of time
  std::uint64_t count = 0;              // of marks: how many there were, where some have been merged
};

struct Graph {
  std::string title;
  std::string caption;  // what to see in it; may be empty
  Unit unit = Unit::count;
  bool from_zero = true;  // the value axis begins at 0
  std::int64_t low_ns = 0;
  std::int64_t high_ns = 1;
  std::vector<GraphSeries> series = {};

  [[nodiscard]] bool is_timeline() const {
    return !series.empty() && series.front().style == GraphStyle::marks;
  }
};

struct GraphSection {
  std::string title;
  std::string verdict;  // may be empty
  std::vector<std::string> paragraphs = {};
  std::vector<Graph> graphs = {};
};

struct GraphColumn {
  enum class Align : std::uint8_t { left, right };
  std::string title;
  Align align = Align::left;
};

struct GraphRow {
  std::vector<std::string> cells;  // one for each column
  std::size_t section = 0;         // to which the first cell leads, from 1 on; 0: to none
};

struct GraphTable {
  std::vector<GraphColumn> columns = {};
  std::vector<GraphRow> rows = {};
  std::string note = {};  // below it; may be empty
};

struct GraphPage {
  std::string title;
  std::string subtitle;
  std::vector<std::pair<std::string, std::string>> facts = {};
  std::vector<std::string> notes = {};  // what is wrong with what is shown
  GraphTable table = {};                // instead of the contents
  std::vector<GraphSection> sections = {};
  std::string footer;
};

// A whole HTML document. Graphs are drawn when they come into view, follow light and dark, are zoomed
// together within a section, by mouse, wheel, fingers and keys, and have a description for those who
// cannot see them. All text is escaped.
[[nodiscard]] std::string graph_page_of(const GraphPage& page);

// One graph as a whole SVG document.
[[nodiscard]] std::string graph_svg_of(const Graph& graph, int width, int height);

}  // namespace isotach::view

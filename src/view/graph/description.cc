#include "view/graph/description.h"

#include <fmt/format.h>

#include <algorithm>

namespace isotach::view {

std::string graph_description(const Graph& graph) {
  std::string text = graph.title + ".";
  for (const GraphSeries& series : graph.series) {
    if (series.style == GraphStyle::marks) {
      text += fmt::format(" {}: {}.", series.name, series.count);
      continue;
    }
    if (series.points.empty()) continue;
    double low = series.points.front().low;
    double high = series.points.front().high;
    for (const GraphPoint& point : series.points) {
      low = std::min(low, point.low);
      high = std::max(high, point.high);
    }
    text += fmt::format(" {}: from {} to {}.", series.name, format_quantity(low, graph.unit),
                        format_quantity(high, graph.unit));
  }
  return text;
}

}  // namespace isotach::view

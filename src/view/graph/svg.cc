#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "view/graph/description.h"
#include "view/graph/graph.h"
#include "view/plot/canvas.h"
#include "view/plot/draw_parts.h"
#include "view/plot/picture.h"
#include "view/plot/range.h"
#include "view/plot/ticks.h"

namespace isotach::view {
namespace {

constexpr double kTextSize = 12;
constexpr double kTitleSize = 15;
constexpr double kLeft = 92;
constexpr double kRight = 16;
constexpr double kTop = 64;
constexpr double kBottom = 34;
constexpr double kTickGap = 46;

class GraphDrawing {
 public:
  GraphDrawing(Canvas& canvas, const Graph& graph, int width, int height)
      : canvas_(canvas),
        graph_(graph),
        box_{kLeft, kTop, width - kRight, height - kBottom},
        width_(width),
        height_(height) {}

  void draw() {
    canvas_.fill({0, 0, width_, height_}, {Ink::background});
    canvas_.text({kRight, 26}, fit_text(graph_.title, kTitleSize, width_ - 2 * kRight, true),
                 {.size = kTitleSize, .bold = true, .paint = {Ink::text}});
    legend();
    find_range();
    graph_.is_timeline() ? rows() : values();
    times();
    std::size_t row = 0;
    for (const GraphSeries& series : graph_.series) {
      if (series.points.empty()) continue;
      canvas_.begin_group(series.name);
      one(series, row++);
      canvas_.end_group();
    }
  }

 private:
  void legend() {
    double x = kRight;
    for (const GraphSeries& series : graph_.series) {
      if (series.points.empty()) continue;
      const std::string name =
          series.style == GraphStyle::marks ? series.name + ": " + std::to_string(series.count) : series.name;
      const double needs = 20 + text_width(name, kTextSize) + 18;
      if (x + needs > width_ - kRight + 18) return;
      canvas_.fill({x, 38, x + 14, 47}, {Ink::line, series.color});
      canvas_.text({x + 20, 47}, name, {.size = kTextSize, .paint = {Ink::muted}});
      x += needs;
    }
  }

  void find_range() {
    std::optional<Range> extent;
    for (const GraphSeries& series : graph_.series) {
      for (const GraphPoint& point : series.points) {
        if (!extent) extent = Range{point.low, point.high};
        extent->low = std::min(extent->low, point.low);
        extent->high = std::max(extent->high, point.high);
      }
    }
    if (!extent) extent = Range{0, 1};
    if (graph_.from_zero) extent->low = std::min(extent->low, 0.0);
    const double room = std::max(extent->high - extent->low, 1e-12) * 0.04;
    range_ = {extent->low, extent->high + room};
  }

  [[nodiscard]] double x_of(std::int64_t time_ns) const {
    const double span = std::max(1.0, static_cast<double>(graph_.high_ns - graph_.low_ns));
    return box_.left +
           box_.width() * std::clamp(static_cast<double>(time_ns - graph_.low_ns) / span, 0.0, 1.0);
  }
  [[nodiscard]] double y_of(double value) const {
    return box_.bottom - box_.height() * (value - range_.low) / (range_.high - range_.low);
  }

  void values() {
    const int most = std::max(2, static_cast<int>(box_.height() / kTickGap));
    for (const Tick& tick : value_ticks(range_, graph_.unit, most)) {
      const double y = y_of(tick.position);
      const Spot line[] = {{box_.left, y}, {box_.right, y}};
      canvas_.stroke(line, {.paint = {Ink::grid}});
      canvas_.text({box_.left - 8, y + 4}, tick.label,
                   {.size = kTextSize, .anchor = Anchor::end, .paint = {Ink::muted}});
    }
  }

  void rows() {
    std::size_t row = 0;
    for (const GraphSeries& series : graph_.series) {
      if (series.points.empty()) continue;
      const double y = row_middle(row++);
      const Spot line[] = {{box_.left, y}, {box_.right, y}};
      canvas_.stroke(line, {.paint = {Ink::grid}});
      canvas_.text({box_.left - 8, y + 4},
                   fit_text(series.name.substr(0, series.name.find(' ')), kTextSize, kLeft - 12),
                   {.size = kTextSize, .anchor = Anchor::end, .paint = {Ink::muted}});
    }
  }

  [[nodiscard]] double row_middle(std::size_t row) const {
    const auto rows = std::count_if(graph_.series.begin(), graph_.series.end(),
                                    [](const GraphSeries& series) { return !series.points.empty(); });
    return box_.top + box_.height() * (static_cast<double>(row) + 0.5) /
                          static_cast<double>(std::max<std::ptrdiff_t>(1, rows));
  }

  void times() {
    const auto length = [](std::string_view text) { return text_width(text, kTextSize); };
    for (const Tick& tick : elapsed_ticks(graph_.low_ns, graph_.high_ns, box_.width(), length, 24)) {
      const double x = x_of(static_cast<std::int64_t>(tick.position));
      const Spot line[] = {{x, box_.top}, {x, box_.bottom}};
      canvas_.stroke(line, {.paint = {Ink::grid}});
      canvas_.text(
          {std::min(x, box_.right - text_width(tick.label, kTextSize) / 2 + kRight / 2), box_.bottom + 20},
          tick.label, {.size = kTextSize, .anchor = Anchor::middle, .paint = {Ink::muted}});
    }
    const Spot axis[] = {{box_.left, box_.top}, {box_.left, box_.bottom}, {box_.right, box_.bottom}};
    canvas_.stroke(axis, {.paint = {Ink::axis}});
  }

  // Filled, not stroked: lines of a figure are dashed by their number, and a bar may be short.
  void bar(double x, double low, double high, const Paint& paint) {
    constexpr double kHalf = 0.7;
    canvas_.fill({x - kHalf, high, x + kHalf, std::max(low, high + 1.2)}, paint);
  }

  void one(const GraphSeries& series, std::size_t row) {
    const Paint paint{Ink::line, series.color};
    std::vector<Spot> path;
    const Pen pen{.paint = paint, .width = 1.4};
    for (const GraphPoint& point : series.points) {
      const double x = x_of(point.time_ns);
      const double low = y_of(point.low);
      const double high = y_of(point.high);
      switch (series.style) {
        case GraphStyle::bars:
          bar(x, low, high, paint);
          break;
        case GraphStyle::marks: {
          const double half = std::min(10.0, box_.height() / 20);
          bar(x, row_middle(row) + half, row_middle(row) - half, paint);
          break;
        }
        case GraphStyle::dots:
          if (low - high > 2) {
            bar(x, low, high, paint);
          } else {
            canvas_.circle({x, high}, 1.3, paint);
          }
          break;
        case GraphStyle::step:
          if (!path.empty()) path.push_back({x, path.back().y});
          path.push_back({x, low});
          if (high != low) path.push_back({x, high});
          break;
        case GraphStyle::line:
          path.push_back({x, low});
          if (high != low) path.push_back({x, high});
          break;
      }
    }
    if (!path.empty()) canvas_.stroke(path, pen);
  }

  Canvas& canvas_;
  const Graph& graph_;
  Box box_;
  double width_;
  double height_;
  Range range_;
};

}  // namespace

std::string graph_svg_of(const Graph& graph, int width, int height) {
  return svg_drawing(width, height, graph.title, graph_description(graph),
                     [&](Canvas& canvas) { GraphDrawing(canvas, graph, width, height).draw(); });
}

}  // namespace isotach::view

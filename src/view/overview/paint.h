// The strokes that the overview is painted with: rules, bars, history graphs and short numbers, each
// with an ASCII form for terminals without block and braille characters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "view/overview/layout.h"
#include "view/overview/model.h"
#include "view/terminal/grid.h"

namespace isotach::view {

// Draws inside a rectangle of a grid: nothing it is told can reach outside.
class Canvas {
 public:
  Canvas(Grid& grid, Rect area, bool unicode) : grid_(grid), area_(area), unicode_(unicode) {}

  [[nodiscard]] int columns() const { return area_.columns; }
  [[nodiscard]] int rows() const { return area_.rows; }
  [[nodiscard]] bool unicode() const { return unicode_; }
  // A part of this canvas, cut to it.
  [[nodiscard]] Canvas part(int column, int row, int columns, int rows) const;

  // Where such a part lies on the grid.
  [[nodiscard]] Rect place(int column, int row, int columns, int rows) const;

  // Text from `column` on, cut with "…" at `end` (the canvas' right edge by default). Returns the
  // column after it.
  int text(int column, int row, std::string_view text, Style style = Style::plain, int end = -1);
  // Text that ends before `end`; nothing when it does not fit right of `from`.
  void text_right(int end, int row, std::string_view text, Style style = Style::plain, int from = 0);

  // "CPU ──────────── 34 %": the head of a section.
  void rule(std::string_view title, std::string_view right = {}, Style right_style = Style::plain);

  // A bar of `width` cells for a share 0..1; empty and dim when there is none.
  void bar(int column, int row, int width, Number share, Style style);
  // Parts of a whole side by side, each with a texture of its own, so that they differ without colour.
  struct Segment {
    double share;
    int texture;  // 0 densest .. 2 lightest
    Style style;
  };
  void stacked_bar(int column, int row, int width, const std::vector<Segment>& segments);
  [[nodiscard]] std::string_view texture(int texture) const;

  // The newest values of `past`, filled from below, two a cell across (one in ASCII); `top` is the
  // value of the upper edge. Values at or above `warn_at` are drawn in the style of a warning.
  void graph(const Past& past, double top, Style style, Number warn_at = {});

  // One character for a share 0..1: " ▁▂▃▄▅▆▇█".
  [[nodiscard]] std::string_view level(Number share) const;

  // One character known to be one cell wide.
  void dot(int column, int row, std::string_view character, Style style);

 private:
  Grid& grid_;
  Rect area_;
  bool unicode_;
};

// "34 %", " 0.3 %", or "-": at most six columns.
[[nodiscard]] std::string percent_text(Number share);
// format_quantity(), or "-" for nothing.
[[nodiscard]] std::string quantity_text(Number value, Unit unit);
// Calm up to `warning`, then Style::warning, then Style::bad.
[[nodiscard]] Style share_style(Number share, double warning, double bad, Style calm);
// A round number (1, 2 or 5 times a power of ten) that is at least the largest value, and at least `least`.
[[nodiscard]] double graph_top(const Past& past, double least);

}  // namespace isotach::view

// Draws a figure on a canvas: title, legend with last values, event lines, axes and lines.
#pragma once

#include "view/plot/canvas.h"
#include "view/plot/figure.h"

namespace isotach::view {

inline constexpr int kSmallestFigureWidth = 240;
inline constexpr int kSmallestFigureHeight = 160;
inline constexpr int kLargestFigureSide = 8192;

void draw_figure(Canvas& canvas, const Figure& figure, int width, int height);

}  // namespace isotach::view

// Draws a figure on a grid of terminal cells.
#pragma once

#include <string>

#include "view/plot/dot_raster.h"
#include "view/plot/figure.h"
#include "view/terminal/grid.h"

namespace isotach::view {

struct TerminalPlotOptions {
  DotStyle dots = DotStyle::braille;
  std::string status;  // right of the title: "auto  60 s"
};

// Fills the grid. Lines are told apart by letters as well as by colour. Where there is no room for a
// plot, the names with their latest values are shown.
void draw_figure(Grid& grid, const Figure& figure, const TerminalPlotOptions& options);

}  // namespace isotach::view

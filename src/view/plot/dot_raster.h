// A fine raster on terminal cells: braille has 2 by 4 dots in each cell, quadrant blocks 2 by 2, ASCII
// one. Lines are drawn in dots; each cell remembers whose dots it shows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace isotach::view {

enum class DotStyle { braille, block, ascii };

class DotRaster {
 public:
  DotRaster(int columns, int rows, DotStyle style);

  // Size in dots.
  [[nodiscard]] int width() const { return columns_ * dots_across_; }
  [[nodiscard]] int height() const { return rows_ * dots_down_; }
  [[nodiscard]] int column_of(int x) const { return x / dots_across_; }
  [[nodiscard]] int row_of(int y) const { return y / dots_down_; }

  // Dots outside the raster are left out.
  void dot(int x, int y, std::size_t owner);
  void line(int x1, int y1, int x2, int y2, std::size_t owner);

  [[nodiscard]] bool is_empty(int column, int row) const { return cell(column, row).mask == 0; }
  // Whose dots the cell shows: the last one that drew there.
  [[nodiscard]] std::size_t owner(int column, int row) const { return cell(column, row).owner; }
  // The character with this cell's dots; for ASCII a "*".
  [[nodiscard]] std::string character(int column, int row) const;

 private:
  struct Cell {
    std::uint8_t mask = 0;
    std::size_t owner = 0;
  };
  [[nodiscard]] const Cell& cell(int column, int row) const;

  int columns_, rows_;
  DotStyle style_;
  int dots_across_, dots_down_;
  std::vector<Cell> cells_;
};

}  // namespace isotach::view

#include "view/plot/dot_raster.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/check.h"

namespace isotach::view {
namespace {

// Bit of each dot in U+2800 + mask; Unicode numbers the left column 1, 2, 3, 7, the right 4, 5, 6, 8.
constexpr std::uint8_t kBrailleBits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};

// Quadrants by mask: upper left 1, upper right 2, lower left 4, lower right 8.
constexpr std::array<const char*, 16> kQuadrants = {" ", "▘", "▝", "▀", "▖", "▌", "▞", "▛",
                                                    "▗", "▚", "▐", "▜", "▄", "▙", "▟", "█"};

}  // namespace

DotRaster::DotRaster(int columns, int rows, DotStyle style)
    : columns_(std::max(columns, 0)),
      rows_(std::max(rows, 0)),
      style_(style),
      dots_across_(style == DotStyle::ascii ? 1 : 2),
      dots_down_(style == DotStyle::braille ? 4
                 : style == DotStyle::block ? 2
                                            : 1) {
  cells_.resize(static_cast<std::size_t>(columns_) * static_cast<std::size_t>(rows_));
}

const DotRaster::Cell& DotRaster::cell(int column, int row) const {
  CHECK(column >= 0 && column < columns_ && row >= 0 && row < rows_);
  return cells_[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
                static_cast<std::size_t>(column)];
}

void DotRaster::dot(int x, int y, std::size_t owner) {
  if (x < 0 || y < 0 || x >= width() || y >= height()) return;
  Cell& target = cells_[static_cast<std::size_t>(row_of(y)) * static_cast<std::size_t>(columns_) +
                        static_cast<std::size_t>(column_of(x))];
  const int across = x % dots_across_;
  const int down = y % dots_down_;
  const int bit =
      style_ == DotStyle::braille ? kBrailleBits[down][across] : 1 << (down * dots_across_ + across);
  target.mask = static_cast<std::uint8_t>(target.mask | bit);
  target.owner = owner;
}

void DotRaster::line(int x1, int y1, int x2, int y2, std::size_t owner) {
  // Both ends lie near the raster, so the number of steps is bounded by its size.
  const int steps = std::max(std::abs(x2 - x1), std::abs(y2 - y1));
  CHECK(steps < 1'000'000);
  dot(x1, y1, owner);
  for (int i = 1; i <= steps; ++i) {
    const double share = static_cast<double>(i) / steps;
    dot(static_cast<int>(x1 + (x2 - x1) * share + 0.5), static_cast<int>(y1 + (y2 - y1) * share + 0.5),
        owner);
  }
}

std::string DotRaster::character(int column, int row) const {
  const std::uint8_t mask = cell(column, row).mask;
  if (mask == 0) return " ";
  if (style_ == DotStyle::ascii) return "*";
  if (style_ == DotStyle::block) return kQuadrants[mask];
  // U+2800 + mask in UTF-8.
  return {'\xe2', static_cast<char>(0xa0 | (mask >> 6)), static_cast<char>(0x80 | (mask & 0x3f))};
}

}  // namespace isotach::view

#include "view/overview/paint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"

namespace isotach::view {
namespace {

constexpr std::array<std::string_view, 9> kLevels = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 9> kAsciiLevels = {" ", ".", ".", ":", "-", "=", "+", "*", "#"};
constexpr std::array<std::string_view, 3> kTextures = {"█", "▓", "░"};
constexpr std::array<std::string_view, 3> kAsciiTextures = {"#", "=", "-"};

// U+2800 + dots. Bits of the left and the right column of dots, filled from below.
constexpr std::array<unsigned, 5> kLeftDots = {0x00, 0x40, 0x44, 0x46, 0x47};
constexpr std::array<unsigned, 5> kRightDots = {0x00, 0x80, 0xa0, 0xb0, 0xb8};

std::string braille(unsigned dots) {
  const unsigned code = 0x2800 + dots;
  return {static_cast<char>(0xe0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 0x3f)),
          static_cast<char>(0x80 | (code & 0x3f))};
}

double clamp_share(Number share) {
  return share && std::isfinite(*share) ? std::clamp(*share, 0.0, 1.0) : 0.0;
}

// The value `back` samples before the newest.
Number value_back(const Past& past, std::size_t back) {
  if (back >= past.size()) return std::nullopt;
  return past[past.size() - 1 - back];
}

}  // namespace

Rect Canvas::place(int column, int row, int columns, int rows) const {
  const int left = std::clamp(column, 0, area_.columns);
  const int top = std::clamp(row, 0, area_.rows);
  return {area_.column + left, area_.row + top, std::clamp(columns, 0, area_.columns - left),
          std::clamp(rows, 0, area_.rows - top)};
}

Canvas Canvas::part(int column, int row, int columns, int rows) const {
  return {grid_, place(column, row, columns, rows), unicode_};
}

int Canvas::text(int column, int row, std::string_view text, Style style, int end) {
  if (end < 0 || end > area_.columns) end = area_.columns;
  if (row < 0 || row >= area_.rows || column < 0 || column >= end) return column;
  const std::string safe = printable(text);
  std::string fitted = fit_columns(safe, static_cast<std::size_t>(end - column));
  if (!unicode_ && fitted != safe && fitted.ends_with("…")) fitted.replace(fitted.size() - 3, 3, ".");
  return grid_.write(area_.column + column, area_.row + row, fitted, style) - area_.column;
}

void Canvas::dot(int column, int row, std::string_view character, Style style) {
  if (column < 0 || column >= area_.columns || row < 0 || row >= area_.rows) return;
  grid_.put(area_.column + column, area_.row + row, character, style);
}

void Canvas::text_right(int end, int row, std::string_view text, Style style, int from) {
  const std::string safe = printable(text);
  const int width = static_cast<int>(std::min<std::size_t>(display_width(safe), 4096));
  if (end > area_.columns || end - width < from) return;
  this->text(end - width, row, safe, style);
}

void Canvas::rule(std::string_view title, std::string_view right, Style right_style) {
  const int after_title = text(0, 0, title, Style::title);
  const int width = static_cast<int>(std::min<std::size_t>(display_width(printable(right)), 4096));
  const bool fits = width > 0 && after_title + 1 + width <= area_.columns;
  const int end = fits ? area_.columns - width - 1 : area_.columns;
  for (int column = after_title + 1; column < end; ++column) dot(column, 0, unicode_ ? "─" : "-", Style::dim);
  if (fits) text_right(area_.columns, 0, right, right_style);
}

void Canvas::bar(int column, int row, int width, Number share, Style style) {
  const int half_cells = static_cast<int>(std::lround(clamp_share(share) * width * 2));
  for (int i = 0; i < width; ++i) {
    std::string_view character = unicode_ ? "─" : "-";
    bool filled = true;
    if (2 * i + 2 <= half_cells) {
      character = unicode_ ? "━" : "=";
    } else if (2 * i + 1 <= half_cells) {
      character = unicode_ ? "╸" : "=";
    } else {
      filled = false;
    }
    // What is too small to be half a cell and yet there gets the smallest stroke.
    if (i == 0 && !filled && clamp_share(share) > 0) {
      character = unicode_ ? "╴" : "-";
      filled = true;
    }
    dot(column + i, row, character, filled ? style : Style::dim);
  }
}

std::string_view Canvas::texture(int texture) const {
  const auto index = static_cast<std::size_t>(std::clamp(texture, 0, 2));
  return unicode_ ? kTextures[index] : kAsciiTextures[index];
}

void Canvas::stacked_bar(int column, int row, int width, const std::vector<Segment>& segments) {
  double until = 0;
  int at = 0;
  for (const Segment& segment : segments) {
    until = std::min(1.0, until + clamp_share(segment.share));
    for (const int end = static_cast<int>(std::lround(until * width)); at < end; ++at)
      dot(column + at, row, texture(segment.texture), segment.style);
  }
  for (; at < width; ++at) dot(column + at, row, unicode_ ? "·" : ".", Style::dim);
}

void Canvas::graph(const Past& past, double top, Style style, Number warn_at) {
  const int steps_a_row = unicode_ ? 4 : 2;
  const int steps = area_.rows * steps_a_row;
  const auto height = [&](Number value) {
    if (!value || !std::isfinite(*value) || top <= 0) return 0;
    const int exact = static_cast<int>(std::lround(std::clamp(*value / top, 0.0, 1.0) * steps));
    return *value > 0 ? std::max(exact, 1) : 0;
  };
  for (int column = 0; column < area_.columns; ++column) {
    const auto from_right = static_cast<std::size_t>(area_.columns - 1 - column);
    const Number newer = value_back(past, unicode_ ? 2 * from_right : from_right);
    const Number older = unicode_ ? value_back(past, 2 * from_right + 1) : newer;
    const int left = height(older);
    const int right = height(newer);
    const double largest = std::max(older.value_or(0), newer.value_or(0));
    const Style edge = warn_at && largest >= *warn_at ? Style::warning : style;
    for (int row = 0; row < area_.rows; ++row) {
      const int below = (area_.rows - 1 - row) * steps_a_row;
      const int left_here = std::clamp(left - below, 0, steps_a_row);
      const int right_here = std::clamp(right - below, 0, steps_a_row);
      if (left_here == 0 && right_here == 0) {
        // The ground line shows where the graph is while there is nothing to see yet.
        if (row == area_.rows - 1) dot(column, row, unicode_ ? "⣀" : "_", Style::dim);
        continue;
      }
      // Only the edge is in colour: it is what the eye follows.
      const Style drawn = std::max(left, right) - below <= steps_a_row ? edge : Style::dim;
      if (unicode_) {
        const unsigned dots =
            kLeftDots[static_cast<std::size_t>(left_here)] | kRightDots[static_cast<std::size_t>(right_here)];
        dot(column, row, braille(dots), drawn);
      } else {
        dot(column, row, right_here == 2 ? "#" : ":", drawn);
      }
    }
  }
}

std::string_view Canvas::level(Number share) const {
  const double value = clamp_share(share);
  auto index = static_cast<std::size_t>(std::lround(value * 8));
  if (value > 0 && index == 0) index = 1;
  return unicode_ ? kLevels[index] : kAsciiLevels[index];
}

std::string percent_text(Number share) {
  if (!share || !std::isfinite(*share)) return "-";
  const double percent = *share * 100;
  if (percent > 0 && percent < 9.95) return fmt::format("{:.1f} %", percent);
  return fmt::format("{:.0f} %", percent);
}

std::string quantity_text(Number value, Unit unit) {
  return value ? format_quantity(*value, unit) : "-";
}

Style share_style(Number share, double warning, double bad, Style calm) {
  if (!share) return Style::dim;
  if (*share >= bad) return Style::bad;
  return *share >= warning ? Style::warning : calm;
}

double graph_top(const Past& past, double least) {
  double largest = least;
  for (const Number& value : past)
    if (value && std::isfinite(*value)) largest = std::max(largest, *value);
  if (largest <= 0) return 1;
  const double power = std::pow(10, std::floor(std::log10(largest)));
  for (const double step : {1.0, 2.0, 5.0})
    if (largest <= step * power) return step * power;
  return 10 * power;
}

}  // namespace isotach::view

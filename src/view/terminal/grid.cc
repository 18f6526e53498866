#include "view/terminal/grid.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace isotach::view {
namespace {

// A hostile size must not ask for gigabytes; no terminal is larger.
constexpr int kLargestSide = 4096;

struct Character {
  std::string text;  // empty: the bytes must not reach a terminal
  std::size_t bytes = 1;
  int width = 1;
};

// The character at the start of `text`. What could act on a terminal becomes "?".
Character first_character(std::string_view text) {
  const std::size_t length = std::max<std::size_t>(1, utf8_length(text));
  const std::string_view bytes = text.substr(0, length);
  return {printable(bytes), length, static_cast<int>(display_width(bytes))};
}

// SGR parameters of a style; 256 colours are not needed, so the 16 of every terminal's own palette
// are used, which users have already chosen to be readable.
std::string_view sgr(Style style) {
  switch (style) {
    case Style::plain:
      return "0";
    case Style::dim:
      return "0;2";
    case Style::bold:
      return "0;1";
    case Style::title:
      return "0;1;36";
    case Style::good:
      return "0;32";
    case Style::warning:
      return "0;33";
    case Style::bad:
      return "0;1;31";
    case Style::series_1:
      return "0;94";
    case Style::series_2:
      return "0;33";
    case Style::series_3:
      return "0;32";
    case Style::series_4:
      return "0;35";
    case Style::series_5:
      return "0;36";
    case Style::series_6:
      return "0;91";
    case Style::selected:
      return "0;7";
  }
  return "0";
}

}  // namespace

Grid::Grid(int columns, int rows)
    : columns_(std::clamp(columns, 0, kLargestSide)), rows_(std::clamp(rows, 0, kLargestSide)) {
  cells_.resize(static_cast<std::size_t>(columns_) * static_cast<std::size_t>(rows_));
}

const Cell& Grid::at(int column, int row) const {
  CHECK(column >= 0 && column < columns_ && row >= 0 && row < rows_);
  return cells_[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
                static_cast<std::size_t>(column)];
}

void Grid::put(int column, int row, std::string_view character, Style style) {
  if (row < 0 || row >= rows_ || column < 0 || column >= columns_ || character.empty()) return;
  Cell* const line = &cells_[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_)];
  const Character piece = first_character(character);
  if (piece.width == 0) {
    // A combining mark joins the character before it, if there is one; marks do not pile up forever.
    const int base = column > 0 && line[column - 1].text.empty() ? column - 2 : column - 1;
    if (base >= 0 && line[base].text.size() < 32) line[base].text += piece.text;
    return;
  }
  // Whoever loses one half of a double-width character loses the other half too.
  const auto release = [&](int at) {
    if (at + 1 < columns_ && line[at + 1].text.empty()) line[at + 1].text = " ";
    if (at > 0 && line[at].text.empty()) line[at - 1].text = " ";
  };
  release(column);
  if (piece.width > 1 && column + 1 >= columns_) {
    line[column] = {" ", style};
    return;
  }
  line[column] = {piece.text, style};
  if (piece.width > 1) {
    release(column + 1);
    line[column + 1] = {"", style};
  }
}

int Grid::write(int column, int row, std::string_view text, Style style, bool ellipsis) {
  if (row < 0 || row >= rows_ || column >= columns_) return column;
  std::string cut;
  if (ellipsis && column >= 0) {
    const auto room = static_cast<std::size_t>(columns_ - column);
    if (display_width(text) > room) {
      cut = fit_columns(text, room);
      text = cut;
    }
  }
  while (!text.empty() && column < columns_) {
    const Character piece = first_character(text);
    if (piece.width > columns_ - column) break;
    put(column, row, text.substr(0, piece.bytes), style);
    column += piece.width;
    text.remove_prefix(piece.bytes);
  }
  return column;
}

void Grid::write_right(int right_column, int row, std::string_view text, Style style) {
  // Wider text than there is room for loses its start.
  int width = static_cast<int>(std::min<std::size_t>(display_width(text), 2 * kLargestSide));
  while (right_column - width + 1 < 0 && !text.empty()) {
    const Character piece = first_character(text);
    width -= piece.width;
    text.remove_prefix(piece.bytes);
  }
  write(right_column - width + 1, row, text, style);
}

void Grid::fill(int column, int row, int width, int height, std::string_view character, Style style) {
  const int right =
      column >= columns_ ? columns_ : std::min<int>(columns_, column + std::min(width, columns_));
  const int below = row >= rows_ ? rows_ : std::min<int>(rows_, row + std::min(height, rows_));
  for (int y = std::max(row, 0); y < below; ++y)
    for (int x = std::max(column, 0); x < right; ++x) put(x, y, character, style);
}

std::string Grid::text() const {
  std::string lines;
  for (int row = 0; row < rows_; ++row) {
    std::string line;
    for (int column = 0; column < columns_; ++column) line += at(column, row).text;
    line.erase(line.find_last_not_of(' ') + 1);
    lines += line + '\n';
  }
  return lines;
}

std::string Grid::text_with_color() const {
  std::string lines;
  for (int row = 0; row < rows_; ++row) {
    int last = columns_ - 1;
    while (last >= 0 && at(last, row).text == " ") --last;
    Style style = Style::plain;
    for (int column = 0; column <= last; ++column) {
      const Cell& cell = at(column, row);
      // Blanks take the colour of what stands before them: fewer bytes, the same picture.
      if (cell.style != style && cell.text != " ") {
        style = cell.style;
        lines.append("\033[").append(sgr(style)).append("m");
      }
      lines += cell.text;
    }
    if (style != Style::plain) lines += "\033[0m";
    lines += '\n';
  }
  return lines;
}

}  // namespace isotach::view

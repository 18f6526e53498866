// A rectangle of character cells: what terminal views draw on. Pure: no terminal, no input; tests
// compare it as text, and screen.h puts it on a real terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace isotach::view {

// What a piece of text means; the driver chooses the colour. Meaning is never by colour alone.
enum class Style : std::uint8_t {
  plain,
  dim,
  bold,
  title,
  good,
  warning,
  bad,
  series_1,
  series_2,
  series_3,
  series_4,
  series_5,
  series_6,
  selected,  // the row that keys act on
};

struct Cell {
  std::string text = " ";  // one character in UTF-8; empty right of a double-width one
  Style style = Style::plain;
};

class Grid {
 public:
  Grid(int columns, int rows);

  [[nodiscard]] int columns() const { return columns_; }
  [[nodiscard]] int rows() const { return rows_; }
  [[nodiscard]] const Cell& at(int column, int row) const;

  // Writes text from this cell to the right; what does not fit is cut with "…" when `ellipsis`, or
  // left out. Cells outside the grid are ignored. Returns the column after the last one written.
  int write(int column, int row, std::string_view text, Style style = Style::plain, bool ellipsis = false);
  // One character.
  void put(int column, int row, std::string_view character, Style style = Style::plain);
  // Text whose last character stands at `right_column`.
  void write_right(int right_column, int row, std::string_view text, Style style = Style::plain);
  void fill(int column, int row, int width, int height, std::string_view character,
            Style style = Style::plain);

  // Lines with trailing blanks removed, each ended by a newline; for tests and non-terminals.
  [[nodiscard]] std::string text() const;
  // The same with SGR colours, for a terminal that scrolls.
  [[nodiscard]] std::string text_with_color() const;

 private:
  int columns_;
  int rows_;
  std::vector<Cell> cells_;
};

}  // namespace isotach::view

// A plain text table: columns aligned, cut and left out so that a line never exceeds the terminal.
//
//     Table table({{"interface", Align::left}, {"received", Align::quantity}});
//     table.row({"eth0", "94.1 Mbit/s"});
//     out.write(table.text(columns));
//
// Widths are those of UTF-8 characters on a terminal. Every cell passes printable(): a name from
// outside cannot act on the terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "view/terminal/grid.h"

namespace isotach::view {

enum class Align {
  left,
  right,
  quantity,  // "1.50 GiB": the number ends, and its unit begins, at the same place in every row
};

struct TableColumn {
  std::string head;
  Align align = Align::right;
  // Where the table is too wide, the column with the largest number is left out first; among equals
  // the one further right. 0 stays.
  int drop_order = 0;
  // Cells may be cut with "…" down to this width before any column is left out. 0: never cut.
  std::size_t shrink_to = 0;
};

struct TableCell {
  TableCell(std::string cell_text, Style cell_style = Style::plain)
      : text(std::move(cell_text)), style(cell_style) {}
  TableCell(const char* cell_text) : text(cell_text) {}

  std::string text;
  Style style = Style::plain;
};

// A piece of a laid-out line.
struct TableSpan {
  int column = 0;  // where it starts
  std::string text;
  Style style = Style::plain;
};

class Table {
 public:
  explicit Table(std::vector<TableColumn> columns);

  // One cell for each column; cells that are absent are blank, cells too many a bug of ours.
  void row(std::vector<TableCell> cells);
  // A blank line.
  void gap();
  [[nodiscard]] std::size_t row_count() const { return rows_.size(); }

  // Lines ended by a newline, at most `columns` wide, without blanks at their ends. The head is left
  // out when all heads are empty.
  [[nodiscard]] std::string text(int columns) const;
  // The same lines as pieces with their styles, for grids.
  [[nodiscard]] std::vector<std::vector<TableSpan>> lines(int columns) const;
  // Draws the lines with their left upper corner there; returns the row below the last.
  int draw(Grid& grid, int column, int row) const;
  // Heads of the columns that are left out at this width, for a note that says so.
  [[nodiscard]] std::vector<std::string> dropped(int columns) const;

 private:
  struct Layout {
    std::vector<std::size_t> widths;         // 0: left out
    std::vector<std::size_t> suffix_widths;  // of Align::quantity: blank and unit
  };
  using Row = std::vector<TableCell>;  // no cells: a blank line

  [[nodiscard]] bool has_head() const;
  [[nodiscard]] Layout natural_layout() const;
  [[nodiscard]] Layout layout(int columns) const;
  [[nodiscard]] std::vector<TableSpan> line(const Row& row, const Layout& layout) const;

  std::vector<TableColumn> columns_;
  std::vector<Row> rows_;
};

}  // namespace isotach::view

#include "view/table/table.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace isotach::view {
namespace {

constexpr std::size_t kGap = 2;

// Columns of " GiB" in "1.50 GiB", 0 for a bare number, nothing for what is no number.
std::optional<std::size_t> unit_width(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') || text.starts_with('+') ? 1 : 0);
  if (digits.empty() || digits[0] < '0' || digits[0] > '9') return std::nullopt;
  const std::size_t blank = text.find(' ');
  return blank == std::string_view::npos ? 0 : display_width(text.substr(blank));
}

std::size_t total_width(const std::vector<std::size_t>& widths) {
  std::size_t total = 0;
  for (const std::size_t width : widths)
    if (width > 0) total += width + (total > 0 ? kGap : 0);
  return total;
}

// Takes up to `excess` from the widest columns that may shrink; what could not be taken remains.
std::size_t shrink(std::vector<std::size_t>& widths, const std::vector<std::size_t>& smallest,
                   std::size_t excess) {
  while (excess > 0) {
    std::optional<std::size_t> widest;
    for (std::size_t i = 0; i < widths.size(); ++i)
      if (widths[i] > smallest[i] && (!widest || widths[i] > widths[*widest])) widest = i;
    if (!widest) break;
    --widths[*widest];
    --excess;
  }
  return excess;
}

}  // namespace

Table::Table(std::vector<TableColumn> columns) : columns_(std::move(columns)) {
  for (TableColumn& column : columns_) column.head = printable(column.head);
}

void Table::row(std::vector<TableCell> cells) {
  CHECK(cells.size() <= columns_.size());
  cells.resize(columns_.size(), TableCell(""));
  for (TableCell& cell : cells) cell.text = printable(cell.text);
  rows_.push_back(std::move(cells));
}

void Table::gap() {
  rows_.emplace_back();
}

bool Table::has_head() const {
  return std::any_of(columns_.begin(), columns_.end(),
                     [](const TableColumn& column) { return !column.head.empty(); });
}

Table::Layout Table::natural_layout() const {
  Layout layout;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = 0;
    std::size_t prefix = 0;
    std::size_t suffix = 0;
    for (const Row& row : rows_) {
      if (row.empty()) continue;
      const std::size_t cell = display_width(row[i].text);
      width = std::max(width, cell);
      if (columns_[i].align != Align::quantity) continue;
      // Words among quantities ("-", "none") end where the units end and move no number.
      const auto unit = unit_width(row[i].text);
      if (!unit) continue;
      prefix = std::max(prefix, cell - *unit);
      suffix = std::max(suffix, *unit);
    }
    layout.widths.push_back(std::max({width, prefix + suffix, display_width(columns_[i].head)}));
    layout.suffix_widths.push_back(suffix);
  }
  return layout;
}

Table::Layout Table::layout(int columns) const {
  const auto limit = static_cast<std::size_t>(std::max(columns, 1));
  Layout layout = natural_layout();
  std::vector<std::size_t> smallest;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::size_t width = layout.widths[i];
    smallest.push_back(columns_[i].shrink_to == 0 ? width : std::min(width, columns_[i].shrink_to));
  }
  for (;;) {
    const std::size_t total = total_width(layout.widths);
    if (total <= limit) return layout;
    std::vector<std::size_t> widths = layout.widths;
    if (shrink(widths, smallest, total - limit) == 0) {
      layout.widths = std::move(widths);
      return layout;
    }
    std::optional<std::size_t> leaves;
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (layout.widths[i] > 0 && columns_[i].drop_order > 0 &&
          (!leaves || columns_[i].drop_order >= columns_[*leaves].drop_order))
        leaves = i;
    if (!leaves) break;
    layout.widths[*leaves] = 0;
    smallest[*leaves] = 0;
  }
  // Nothing more may be left out: all columns give way down to one character, the last ones then end.
  for (std::size_t& width : smallest) width = std::min<std::size_t>(width, 1);
  shrink(layout.widths, smallest, total_width(layout.widths) - limit);
  while (total_width(layout.widths) > limit) {
    const auto last = std::find_if(layout.widths.rbegin(), layout.widths.rend(),
                                   [](std::size_t width) { return width > 0; });
    *last = 0;
  }
  return layout;
}

std::vector<TableSpan> Table::line(const Row& row, const Layout& layout) const {
  std::vector<TableSpan> spans;
  std::size_t at = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::size_t width = layout.widths[i];
    if (width == 0) continue;
    const std::string text = fit_columns(row[i].text, width);
    std::size_t before = 0;
    if (columns_[i].align != Align::left) before = width - display_width(text);
    if (columns_[i].align == Align::quantity) {
      const std::size_t room = layout.suffix_widths[i];
      const std::size_t unit = unit_width(text).value_or(room);
      before -= std::min(before, room - std::min(room, unit));
    }
    if (!text.empty()) spans.push_back({static_cast<int>(at + before), text, row[i].style});
    at += width + kGap;
  }
  return spans;
}

std::vector<std::vector<TableSpan>> Table::lines(int columns) const {
  const Layout shape = layout(columns);
  std::vector<std::vector<TableSpan>> lines;
  if (has_head()) {
    Row head;
    for (const TableColumn& column : columns_) head.emplace_back(column.head, Style::dim);
    lines.push_back(line(head, shape));
  }
  for (const Row& row : rows_) lines.push_back(line(row, shape));
  return lines;
}

std::string Table::text(int columns) const {
  std::string text;
  for (const std::vector<TableSpan>& spans : lines(columns)) {
    std::string current;
    std::size_t width = 0;
    for (const TableSpan& span : spans) {
      current.append(static_cast<std::size_t>(span.column) - width, ' ');
      current += span.text;
      width = static_cast<std::size_t>(span.column) + display_width(span.text);
    }
    current.erase(current.find_last_not_of(' ') + 1);
    text += current + '\n';
  }
  return text;
}

int Table::draw(Grid& grid, int column, int row) const {
  for (const std::vector<TableSpan>& spans : lines(grid.columns() - column)) {
    for (const TableSpan& span : spans) grid.write(column + span.column, row, span.text, span.style);
    ++row;
  }
  return row;
}

std::vector<std::string> Table::dropped(int columns) const {
  const Layout shape = layout(columns);
  std::vector<std::string> heads;
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (shape.widths[i] == 0 && !columns_[i].head.empty()) heads.push_back(columns_[i].head);
  return heads;
}

}  // namespace isotach::view

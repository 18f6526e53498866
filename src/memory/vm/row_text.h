// vmstat's main table: one line a sample. Pure.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "memory/vm/text_options.h"
#include "memory/vm/vm_row.h"

namespace isotach::memory {

class RowText {
 public:
  explicit RowText(const TextOptions& options);

  // The head that stands before the first row; `wall_ns` decides the zone's name.
  void begin(std::int64_t wall_ns, std::string& out);
  // A row, after a repeated head where one is due.
  void append(const VmRow& row, std::int64_t wall_ns, std::string& out);
  // The terminal has another size now: a new head follows before the next row, if the layout changes.
  void resize(std::size_t columns, std::size_t rows);

  [[nodiscard]] const Layout& layout() const { return *layout_; }
  // Some number had to be shortened to fit the terminal.
  [[nodiscard]] bool has_shortened() const { return has_shortened_; }

 private:
  void make_layout();
  void append_head(std::int64_t wall_ns, std::string& out) const;

  TextOptions options_;
  std::optional<Layout> layout_;
  std::vector<RowColumn> columns_;  // in the order shown; the timestamp comes after them
  std::uint64_t rows_since_start_ = 0;
  bool head_due_ = false;
  bool has_shortened_ = false;
};

}  // namespace isotach::memory

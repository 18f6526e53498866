// The tables of the other modes. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "memory/vm/tables.h"
#include "memory/vm/text_options.h"

namespace isotach::memory {

class RecordText {
 public:
  explicit RecordText(const TextOptions& options);
  RecordText(const RecordText&) = delete;  // titles point into options_
  RecordText& operator=(const RecordText&) = delete;

  // What stands before the first sample.
  void begin(std::int64_t wall_ns, std::string& out);
  void append(const std::vector<VmRecord>& records, std::int64_t wall_ns, std::string& out);
  // The terminal has another size now.
  void resize(std::size_t columns, std::size_t rows);

  // Titles of columns that the terminal has no room for; empty where all are shown.
  [[nodiscard]] std::string left_out() const { return layout_ ? layout_->left_out() : std::string(); }
  [[nodiscard]] bool has_shortened() const { return has_shortened_; }

 private:
  void make_layout();
  void append_disk_head(std::int64_t wall_ns, std::string& out) const;
  void append_table(const std::vector<VmRecord>& records, std::int64_t wall_ns, std::string& out);
  void append_list(const VmRecord& record, std::string& out);
  void append_free(const VmRecord& record, std::string& out);
  void append_cells(std::string_view label, const std::vector<Cell>& cells, std::string_view timestamp,
                    std::string& out);

  TextOptions options_;
  std::optional<Layout> layout_;    // none for modes of one line a number
  std::vector<std::size_t> cells_;  // which cell stands in which column; kLabel, kTimestamp for others
  bool has_shortened_ = false;
  bool first_ = true;
};

}  // namespace isotach::memory

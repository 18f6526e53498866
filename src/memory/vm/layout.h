// Lines of columns as vmstat and free lay them out, and how they shrink to a narrow terminal. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isotach::memory {

// A heading over several columns: "---swap--".
struct LayoutGroup {
  std::string_view title;
  bool odd_dash_right = false;  // where the dash that cannot be halved goes
};

struct LayoutColumn {
  std::string_view title;
  std::size_t width = 0;
  std::size_t group = 0;  // into the groups, where there are any
  std::size_t gap = 1;    // blanks before it, except at the start of a line
  bool left_aligned = false;
  std::uint8_t importance = 0;  // in a terminal that is too narrow, the lowest goes first
};

class Layout {
 public:
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  // Keeps what fits into `terminal_columns`, the most important column in any case.
  // `repay_overflow`: an overlong cell takes its room from the cells after it (vmstat since 4.0.5).
  Layout(std::vector<LayoutColumn> columns, std::vector<LayoutGroup> groups, std::size_t terminal_columns,
         bool repay_overflow);

  // Indices of the columns that are kept, in their order.
  [[nodiscard]] const std::vector<std::size_t>& kept() const { return kept_; }
  [[nodiscard]] bool is_whole() const { return kept_.size() == columns_.size(); }
  [[nodiscard]] const LayoutColumn& column(std::size_t index) const { return columns_[index]; }
  // Titles of what was left out: "st gu".
  [[nodiscard]] std::string left_out() const;
  [[nodiscard]] std::size_t terminal_columns() const { return terminal_columns_; }

  // Append one line with its newline. `texts` has one text for each of kept().
  void append_groups(std::string& out) const;
  void append_titles(std::string& out) const;
  void append_line(std::span<const std::string_view> texts, std::string& out) const;
  // Length of what append_line() would write, without the newline.
  [[nodiscard]] std::size_t line_length(std::span<const std::string_view> texts) const;

 private:
  [[nodiscard]] std::size_t kept_length() const;

  std::vector<LayoutColumn> columns_;
  std::vector<LayoutGroup> groups_;
  std::vector<std::size_t> kept_;
  std::size_t terminal_columns_;
  bool repay_overflow_;
};

}  // namespace isotach::memory

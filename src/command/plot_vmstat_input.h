// Reads what vmstat(8) prints: any of its row modes (-a, -w, -n, -t, -S), of procps-ng 3 and 4, with
// headers that repeat or are missing. Lines that are no rows are counted, never guessed at.
//
// Pure: text in, points out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "record/sample.h"
#include "record/series.h"

namespace isotach::command {

// The columns of vmstat, and what is computed from them (used).
enum class VmstatColumn : std::size_t {
  r,
  b,
  swpd,
  free,
  buff,
  cache,
  inact,
  active,
  si,
  so,
  bi,
  bo,
  in,
  cs,
  us,
  sy,
  id,
  wa,
  st,
  gu,
  used,
};
inline constexpr std::size_t kVmstatColumnCount = static_cast<std::size_t>(VmstatColumn::used) + 1;

// "free", as in vmstat's head.
[[nodiscard]] std::string_view vmstat_column_name(VmstatColumn column);
[[nodiscard]] std::optional<VmstatColumn> vmstat_column(std::string_view name);

struct VmstatRow {
  std::array<std::optional<std::uint64_t>, kVmstatColumnCount> values;
  std::optional<std::int64_t> wall_ns;  // where -t was given: seconds, read as UTC

  [[nodiscard]] const std::optional<std::uint64_t>& operator[](VmstatColumn column) const {
    return values[static_cast<std::size_t>(column)];
  }
};

class VmstatParser {
 public:
  enum class Kind { blank, header, row, unknown };

  // Takes one line without its end.
  Kind line(std::string_view text);
  // The row of the last call that returned Kind::row.
  [[nodiscard]] const VmstatRow& row() const { return row_; }
  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] std::uint64_t unknown_lines() const { return unknown_lines_; }
  [[nodiscard]] const std::string& first_unknown() const { return first_unknown_; }

 private:
  bool header(const std::vector<std::string_view>& words);
  bool values(const std::vector<std::string_view>& words);
  void assume_columns(std::size_t count);

  std::vector<VmstatColumn> columns_;  // from the last header
  VmstatRow row_;
  std::uint64_t rows_ = 0;
  std::uint64_t unknown_lines_ = 0;
  std::string first_unknown_;
};

// Splits input into lines as it comes. A line that grows past kLineLimit is cut off there.
class LineSplitter {
 public:
  static constexpr std::size_t kLineLimit = 4096;

  // Calls `take(line)` for each line that is complete now.
  template <class Take>
  void feed(std::string_view bytes, const Take& take) {
    for (const char c : bytes) {
      if (c == '\n') {
        take(std::string_view(line_));
        line_.clear();
      } else if (line_.size() < kLineLimit) {
        line_ += c;
      }
    }
  }
  // The last line, if it had no end.
  template <class Take>
  void finish(const Take& take) {
    if (!line_.empty()) take(std::string_view(line_));
    line_.clear();
  }

 private:
  std::string line_;
};

// From rows to samples. `unit_bytes` is what vmstat's -S says (1024 without it).
class VmstatSeries {
 public:
  VmstatSeries(record::SeriesTable& table, double unit_bytes, std::optional<std::uint64_t> total_bytes);

  // Appends the points of `row`. Rates of vmstat's first row are means since boot, which belong to no
  // moment of the plot: `first` leaves them out.
  void put(const VmstatRow& row, bool first, record::Sample& sample);

  // Rows whose free memory is more than the total: it is another machine's.
  [[nodiscard]] std::uint64_t rows_beyond_total() const { return rows_beyond_total_; }
  // Whether the memory columns have stood still for so many rows that it is no chance: vmstat 4.0.2
  // repeats its first values.
  [[nodiscard]] bool looks_frozen() const { return equal_rows_ >= kFrozenRows; }

  [[nodiscard]] static record::MetricDescriptor metric(VmstatColumn column, double unit_bytes);

 private:
  static constexpr std::uint64_t kFrozenRows = 20;

  record::SeriesTable& table_;
  double unit_bytes_;
  std::optional<std::uint64_t> total_bytes_;
  std::array<std::optional<record::SeriesId>, kVmstatColumnCount> ids_;
  std::uint64_t rows_beyond_total_ = 0;
  std::optional<VmstatRow> before_;
  std::uint64_t equal_rows_ = 0;
};

}  // namespace isotach::command

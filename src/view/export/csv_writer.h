// Writes comma-separated values (RFC 4180) into a string, field by field, in base units.
//
// Lines end in LF alone: every reader of the format takes it, and `cut` and `awk` need it. A missing
// value is an empty field, never 0. A row with more or fewer fields than the head is a bug of ours and
// checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"

namespace isotach::view {

class CsvWriter {
 public:
  // The head line. Not required; without it the first row decides how many fields a row has.
  CsvWriter& head(const std::vector<std::string>& names);

  // Quoted where necessary. Invalid UTF-8 and control characters other than tab and line ends become
  // U+FFFD, so that a hostile name cannot act on the terminal that shows the file.
  CsvWriter& text(std::string_view field);
  CsvWriter& integer(std::int64_t field);
  CsvWriter& unsigned_integer(std::uint64_t field);
  CsvWriter& real(double field);  // shortest text that reads back equal; NaN and infinity are empty
  CsvWriter& real(std::optional<double> field);  // nothing is empty
  // A raw value in base units; whole numbers stay exact as long as `scale` is a whole number.
  CsvWriter& value(const Value& field, double scale = 1);
  CsvWriter& empty();

  CsvWriter& end_row();

  // The lines ended so far and the fields of the one begun.
  [[nodiscard]] const std::string& written() const { return text_; }
  // Takes the text out, so that a long document can be written as it grows.
  [[nodiscard]] std::string take();

 private:
  void separate();

  std::string text_;
  std::size_t fields_ = 0;            // of the row at hand
  std::optional<std::size_t> width_;  // fields of every row
};

}  // namespace isotach::view

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

#include "base/check.h"
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
  // So many fields at once: `write` puts them, with the commas between them, to where it is told, where there
  // is room for `room` characters, and returns the end. They hold nothing that must be quoted.
  template <class Write>
  CsvWriter& fields(std::size_t number, std::size_t room, const Write& write) {
    CHECK(number > 0);
    char* at = begin_field(room);
    fields_ += number - 1;
    return end_field(write(at));
  }

  CsvWriter& end_row();

  // The lines ended so far and the fields of the one begun.
  [[nodiscard]] std::string_view written() const { return {text_.data(), used_}; }
  // Takes the text out, so that a long document can be written as it grows.
  [[nodiscard]] std::string take();
  // Forgets the text, and keeps the room that it took for what follows.
  void clear() { used_ = 0; }

 private:
  // The end of what is written, behind a comma where one is due; `size` characters have room there. What was
  // put there counts once used_ says so.
  [[nodiscard]] char* begin_field(std::size_t size) {
    if (text_.size() - used_ <= size) grow(size);
    char* at = text_.data() + used_;
    if (fields_++ > 0) *at++ = ',';
    return at;
  }
  CsvWriter& end_field(const char* end) {
    used_ = static_cast<std::size_t>(end - text_.data());
    return *this;
  }
  void grow(std::size_t size);

  std::string text_;  // its first `used_` characters
  std::size_t used_ = 0;
  std::size_t fields_ = 0;            // of the row at hand
  std::optional<std::size_t> width_;  // fields of every row
};

}  // namespace isotach::view

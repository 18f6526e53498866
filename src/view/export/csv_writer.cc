#include "view/export/csv_writer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/number_text.h"
#include "base/text.h"
#include "view/export/exact.h"

namespace isotach::view {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// `field` without bytes that are no text.
std::string cleaned(std::string_view field) {
  std::string clean;
  clean.reserve(field.size());
  while (!field.empty()) {
    const std::size_t length = utf8_length(field);
    const auto first = static_cast<unsigned char>(field[0]);
    const bool line_end_or_tab = first == '\n' || first == '\r' || first == '\t';
    // U+0080 to U+009F are control characters too: 0xc2 and a byte below 0xa0.
    const bool control = (first < 0x20 && !line_end_or_tab) || first == 0x7f ||
                         (length == 2 && first == 0xc2 && static_cast<unsigned char>(field[1]) < 0xa0);
    if (length == 0 || control) {
      clean += kReplacement;
    } else {
      clean.append(field.substr(0, length));
    }
    field.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return clean;
}

// What nearly every field is: letters, digits and signs that mean nothing in a CSV file.
bool is_plain(std::string_view field) {
  return !field.empty() && std::all_of(field.begin(), field.end(),
                                       [](char c) { return c > ' ' && c <= '~' && c != ',' && c != '"'; });
}

}  // namespace

void CsvWriter::grow(std::size_t size) {
  constexpr std::size_t kLeast = 512;
  text_.resize(std::max(kLeast, text_.size() * 2 + size + 1));
}

CsvWriter& CsvWriter::head(const std::vector<std::string>& names) {
  CHECK(fields_ == 0 && !width_);
  for (const std::string& name : names) text(name);
  return end_row();
}

CsvWriter& CsvWriter::text(std::string_view field) {
  if (is_plain(field)) {
    char* at = begin_field(field.size());
    std::memcpy(at, field.data(), field.size());
    return end_field(at + field.size());
  }
  const std::string clean = cleaned(field);
  char* at = begin_field(clean.size() * 2 + 2);
  // A row of one empty field would be a blank line, which readers skip: it is quoted instead.
  const bool blank_line = clean.empty() && fields_ == 1;
  const bool edge_blank = !clean.empty() && (clean.front() == ' ' || clean.back() == ' ');
  if (!blank_line && !edge_blank && clean.find_first_of(",\"\r\n") == std::string::npos)
    return end_field(std::copy(clean.begin(), clean.end(), at));
  *at++ = '"';
  for (const char c : clean) {
    if (c == '"') *at++ = '"';
    *at++ = c;
  }
  *at++ = '"';
  return end_field(at);
}

CsvWriter& CsvWriter::integer(std::int64_t field) {
  return end_field(write_integer(begin_field(kLongestNumber), field));
}

CsvWriter& CsvWriter::unsigned_integer(std::uint64_t field) {
  return end_field(write_unsigned(begin_field(kLongestNumber), field));
}

CsvWriter& CsvWriter::real(double field) {
  if (!std::isfinite(field)) return empty();
  return end_field(write_real(begin_field(kLongestNumber), field));
}

CsvWriter& CsvWriter::real(std::optional<double> field) {
  return field ? real(*field) : empty();
}

CsvWriter& CsvWriter::value(const Value& field, double scale) {
  const auto number = exact_text(field, scale);
  if (!number) return empty();
  return end_field(std::copy(number->begin(), number->end(), begin_field(number->size())));
}

CsvWriter& CsvWriter::empty() {
  return end_field(begin_field(0));
}

CsvWriter& CsvWriter::end_row() {
  CHECK(fields_ > 0);
  if (!width_) width_ = fields_;
  CHECK(fields_ == *width_);
  fields_ = 0;
  char* at = begin_field(0);
  *at = '\n';
  fields_ = 0;
  return end_field(at + 1);
}

std::string CsvWriter::take() {
  text_.resize(std::exchange(used_, 0));
  return std::exchange(text_, {});
}

}  // namespace isotach::view

#include "view/export/csv_writer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "view/export/exact.h"
#include "view/export/number_text.h"

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

void CsvWriter::separate() {
  if (fields_ > 0) text_ += ',';
  ++fields_;
}

CsvWriter& CsvWriter::head(const std::vector<std::string>& names) {
  CHECK(fields_ == 0 && !width_);
  for (const std::string& name : names) text(name);
  return end_row();
}

CsvWriter& CsvWriter::text(std::string_view field) {
  separate();
  if (is_plain(field)) {
    text_ += field;
    return *this;
  }
  const std::string clean = cleaned(field);
  // A row of one empty field would be a blank line, which readers skip: it is quoted instead.
  const bool blank_line = clean.empty() && fields_ == 1;
  const bool edge_blank = !clean.empty() && (clean.front() == ' ' || clean.back() == ' ');
  if (!blank_line && !edge_blank && clean.find_first_of(",\"\r\n") == std::string::npos) {
    text_ += clean;
    return *this;
  }
  text_ += '"';
  for (const char c : clean) {
    if (c == '"') text_ += '"';
    text_ += c;
  }
  text_ += '"';
  return *this;
}

CsvWriter& CsvWriter::integer(std::int64_t field) {
  separate();
  append_integer(text_, field);
  return *this;
}

CsvWriter& CsvWriter::unsigned_integer(std::uint64_t field) {
  separate();
  append_unsigned(text_, field);
  return *this;
}

CsvWriter& CsvWriter::real(double field) {
  if (!std::isfinite(field)) return empty();
  separate();
  append_real(text_, field);
  return *this;
}

CsvWriter& CsvWriter::real(std::optional<double> field) {
  return field ? real(*field) : empty();
}

CsvWriter& CsvWriter::value(const Value& field, double scale) {
  const auto number = exact_text(field, scale);
  if (!number) return empty();
  separate();
  text_ += *number;
  return *this;
}

CsvWriter& CsvWriter::empty() {
  separate();
  return *this;
}

CsvWriter& CsvWriter::end_row() {
  CHECK(fields_ > 0);
  if (!width_) width_ = fields_;
  CHECK(fields_ == *width_);
  text_ += '\n';
  fields_ = 0;
  return *this;
}

std::string CsvWriter::take() {
  return std::exchange(text_, {});
}

}  // namespace isotach::view

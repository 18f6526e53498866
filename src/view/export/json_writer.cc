#include "view/export/json_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/number_text.h"
#include "base/text.h"

namespace isotach::view {

void JsonWriter::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) return;
  CHECK(levels_.back().closer == ']');
  if (!levels_.back().empty) text_ += ',';
  levels_.back().empty = false;
}

JsonWriter& JsonWriter::begin_object() {
  separate();
  text_ += '{';
  levels_.push_back({'}'});
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  CHECK(!levels_.empty() && levels_.back().closer == '}' && !after_key_);
  levels_.pop_back();
  text_ += '}';
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  separate();
  text_ += '[';
  levels_.push_back({']'});
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  CHECK(!levels_.empty() && levels_.back().closer == ']');
  levels_.pop_back();
  text_ += ']';
  return *this;
}

namespace {

// Control characters are escaped, those of U+0080 to U+009F too: JSON allows them, but a terminal that
// shows the text would act on them.
void append_escaped(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text[0];
    const auto byte = static_cast<unsigned char>(c);
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else if (byte == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(text[1]));
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  out += '"';
}

}  // namespace

JsonWriter& JsonWriter::key(std::string_view name) {
  CHECK(!levels_.empty() && levels_.back().closer == '}' && !after_key_);
  if (!levels_.back().empty) text_ += ',';
  levels_.back().empty = false;
  append_escaped(text_, name);
  text_ += ':';
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view value) {
  separate();
  append_escaped(text_, value);
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t value) {
  separate();
  append_integer(text_, value);
  return *this;
}

JsonWriter& JsonWriter::unsigned_integer(std::uint64_t value) {
  separate();
  append_unsigned(text_, value);
  return *this;
}

JsonWriter& JsonWriter::real(double value) {
  if (!std::isfinite(value)) return null();
  separate();
  append_real(text_, value);
  return *this;
}

JsonWriter& JsonWriter::real(std::optional<double> value) {
  return value ? real(*value) : null();
}

JsonWriter& JsonWriter::boolean(bool value) {
  separate();
  text_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::null() {
  separate();
  text_ += "null";
  return *this;
}

JsonWriter& JsonWriter::value(const Value& value) {
  switch (value.type()) {
    case Value::Type::unsigned_integer:
      return unsigned_integer(value.as_unsigned());
    case Value::Type::signed_integer:
      return integer(value.as_signed());
    case Value::Type::real:
      return real(value.as_real());
    case Value::Type::missing:
      break;
  }
  return null();
}

std::string JsonWriter::take() {
  return std::exchange(text_, {});
}

}  // namespace isotach::view

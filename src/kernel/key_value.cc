#include "kernel/key_value.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"

namespace isotach::kernel {

namespace {

// string_view::find_first_of calls memchr() for every character: a third of the time of a reading went
// there.
constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::size_t count_blanks(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && is_blank(text[count])) ++count;
  return count;
}

}  // namespace

KeyValueParser::KeyValueParser(std::span<const std::string_view> keys) : keys_(keys) {}

int KeyValueParser::index_of(std::string_view key) const {
  for (std::size_t i = 0; i < keys_.size(); ++i)
    if (keys_[i] == key) return static_cast<int>(i);
  return kUnwanted;
}

int KeyValueParser::remembered_index(std::size_t line_number, std::string_view key) {
  // A file with more lines is none of the kernel's.
  if (line_number >= kRememberedLines) return index_of(key);
  if (line_number == lines_.size()) lines_.emplace_back();
  Line& known = lines_[line_number];
  if (known.key != key) known = {std::string(key), index_of(key)};
  return known.index;
}

void KeyValueParser::parse(std::string_view text, std::span<Value> values) {
  CHECK(values.size() == keys_.size());
  std::fill(values.begin(), values.end(), Value(Missing::not_supported));

  std::size_t line_number = 0;
  for (; !text.empty(); ++line_number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));

    std::size_t key_end = 0;
    while (key_end < line.size() && line[key_end] != ':' && !is_blank(line[key_end])) ++key_end;
    const std::string_view key = line.substr(0, key_end);
    const int index = remembered_index(line_number, key);
    if (index == kUnwanted) continue;
    Value& value = values[static_cast<std::size_t>(index)];
    if (!value.is_missing() || value.reason() == Missing::malformed) continue;
    line.remove_prefix(key_end);
    if (line.starts_with(':')) line.remove_prefix(1);
    const auto number = take_unsigned(line);
    value = number ? Value::of(*number) : Value(Missing::malformed);
  }
}

std::optional<std::uint64_t> take_unsigned(std::string_view& text) {
  std::uint64_t number = 0;
  const char* begin = text.data() + count_blanks(text);
  const auto [stopped, error] = std::from_chars(begin, text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stopped - text.data()));
  return number;
}

std::string_view take_word(std::string_view& text) {
  text.remove_prefix(count_blanks(text));
  std::size_t size = 0;
  while (size < text.size() && !is_blank(text[size])) ++size;
  const std::string_view word = text.substr(0, size);
  text.remove_prefix(size);
  return word;
}

std::optional<std::string_view> take_line(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace isotach::kernel

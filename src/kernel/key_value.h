// Reads files of "key value" lines (/proc/meminfo, /proc/vmstat, ...) into a fixed array of wanted
// values. The line of each key is remembered from the last reading, so that in the steady state a
// reading costs one comparison a line and allocates nothing; when the kernel's list changes, the
// lines are looked up afresh.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"

namespace isotach::kernel {

class KeyValueParser {
 public:
  // `keys` as they stand in the file, without a colon; must outlive the parser.
  explicit KeyValueParser(std::span<const std::string_view> keys);

  // Sets values[i] to the number after keys[i]: unsigned, or missing(not_supported) when the file
  // has no such key, or missing(malformed). values.size() == keys.size(). A later line with the same
  // key is ignored.
  void parse(std::string_view text, std::span<Value> values);

 private:
  static constexpr int kUnwanted = -1;
  struct Line {
    std::string key;
    int index = kUnwanted;  // into keys_
  };

  static constexpr std::size_t kRememberedLines = 4096;

  [[nodiscard]] int index_of(std::string_view key) const;
  [[nodiscard]] int remembered_index(std::size_t line_number, std::string_view key);

  std::span<const std::string_view> keys_;
  std::vector<Line> lines_;  // as the last reading had them
};

// The decimal number at the start of `text` after blanks; advances `text` past it. nullopt when
// there is none. Saturates nothing: a number over 64 bits is malformed.
[[nodiscard]] std::optional<std::uint64_t> take_unsigned(std::string_view& text);

// The word at the start of `text` after blanks; advances `text` past it. Empty at the end of the line.
[[nodiscard]] std::string_view take_word(std::string_view& text);

// The next line without its newline; advances `text`. nullopt at the end.
[[nodiscard]] std::optional<std::string_view> take_line(std::string_view& text);

}  // namespace isotach::kernel

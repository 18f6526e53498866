// Small text tools: splitting, strict number parsing, display width.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isotach {

// The whole of `text` as a decimal number, or nothing. No sign, no blanks, no overflow.
[[nodiscard]] std::optional<std::uint64_t> parse_unsigned(std::string_view text);

// A finite decimal number such as "0.25"; the whole of `text`, or nothing.
[[nodiscard]] std::optional<double> parse_real(std::string_view text);

// A duration in ns: "1.5" (seconds), "10ms", "250us", "2m", "1h", "1d". Negative ones are refused.
[[nodiscard]] Result<std::int64_t> parse_duration_ns(std::string_view text);

// A size or a count: "4096", "10M" (1000*1000*10), "10Mi" (1024*1024*10), "2K", "32KiB", "1GB".
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);

// Pieces between blanks and tabs; empty pieces are left out.
[[nodiscard]] std::vector<std::string_view> split_blanks(std::string_view text);

// Pieces between `separator`; empty pieces are kept.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

[[nodiscard]] std::string_view trim(std::string_view text);

// Bytes of the valid UTF-8 character at the start of `text`; 0 when there is none.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

// Terminal columns that UTF-8 `text` takes. Invalid bytes and control characters count as one.
[[nodiscard]] std::size_t display_width(std::string_view text);

// The longest start of `text` that fits in `columns`; ends in "…" where something was cut.
[[nodiscard]] std::string fit_columns(std::string_view text, std::size_t columns);

// `text` with every byte that could act on a terminal (control characters, invalid UTF-8) replaced
// by "?". For names that come from outside, such as interface or process names.
[[nodiscard]] std::string printable(std::string_view text);

// The candidate nearest to `word` by edit distance, when it is near enough to be what was meant.
[[nodiscard]] std::optional<std::string> nearest_word(std::string_view word,
                                                      const std::vector<std::string>& candidates);

// `text` in lines of at most `columns`, the first after `first_indent` blanks and the others after
// `indent`. Words that are longer than a line are not broken: they may be copied from the terminal.
[[nodiscard]] std::string wrap_words(std::string_view text, std::size_t first_indent, std::size_t indent,
                                     std::size_t columns);

}  // namespace isotach

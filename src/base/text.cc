#include "base/text.h"

#include <wchar.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace isotach {

std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc{} || stopped != end) return std::nullopt;
  return value;
}

std::optional<double> parse_real(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc{} || stopped != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

namespace {

struct Suffix {
  std::string_view text;
  double factor;
};

// Splits "1.5ms" into its number and its suffix.
std::pair<std::optional<double>, std::string_view> split_suffix(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (text.empty() || error != std::errc{} || !std::isfinite(value) || std::signbit(value))
    return {std::nullopt, {}};
  return {value, text.substr(static_cast<std::size_t>(stopped - text.data()))};
}

}  // namespace

Result<std::int64_t> parse_duration_ns(std::string_view text) {
  static constexpr Suffix kSuffixes[] = {{"", 1e9},   {"s", 1e9},    {"ms", 1e6},   {"us", 1e3},   {"ns", 1},
                                         {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
  const auto [value, suffix] = split_suffix(text);
  if (value) {
    for (const Suffix& known : kSuffixes) {
      if (suffix != known.text) continue;
      const double duration_ns = *value * known.factor;
      if (duration_ns > 9.2e18) break;
      return static_cast<std::int64_t>(std::llround(duration_ns));
    }
  }
  return failure(ErrorKind::usage, "'" + printable(text) + "' is not a duration",
                 "write seconds or a unit, such as 1, 0.25, 100ms, 2m, 1h");
}

Result<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::string_view kLetters = "KMGTPE";
  const auto [value, suffix_whole] = split_suffix(text);
  std::string_view suffix = suffix_whole;
  if (value) {
    double factor = 1;
    bool known = true;
    if (suffix.ends_with('B')) suffix.remove_suffix(1);
    const bool binary = suffix.ends_with('i');
    if (binary) suffix.remove_suffix(1);
    if (suffix.size() == 1) {
      const char letter = suffix[0] == 'k' ? 'K' : suffix[0];
      const std::size_t power = kLetters.find(letter);
      known = power != std::string_view::npos;
      if (known) factor = std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power + 1));
    } else {
      known = suffix.empty() && !binary;
    }
    if (known && factor == 1) {
      // Whole numbers stay exact past 2^53.
      std::string_view digits = text;
      if (digits.ends_with('B')) digits.remove_suffix(1);
      if (const auto exact = parse_unsigned(digits)) return *exact;
    }
    const double size = std::round(*value * factor);
    if (known && size < 0x1p64) return static_cast<std::uint64_t>(size);
  }
  return failure(ErrorKind::usage, "'" + printable(text) + "' is not a size",
                 "write a number and a unit, such as 4096, 2K (2000), 10M, 10Mi (10*1024*1024)");
}

std::vector<std::string_view> split_blanks(std::string_view text) {
  std::vector<std::string_view> pieces;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t start = text.find_first_not_of(" \t", at);
    if (start == std::string_view::npos) break;
    const std::size_t end = std::min(text.find_first_of(" \t", start), text.size());
    pieces.push_back(text.substr(start, end - start));
    at = end;
  }
  return pieces;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const std::size_t end = text.find(separator);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

std::string_view trim(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

namespace {

struct DecodedCharacter {
  char32_t code_point;  // U+FFFD when invalid
  std::size_t length;   // bytes taken, at least 1
  bool valid = true;
};

DecodedCharacter decode_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length == 0 || first > 0xf4 || text.size() < length) return {0xfffd, 1, false};
  char32_t code_point = first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {0xfffd, 1, false};
    code_point = (code_point << 6) | (byte(i) & 0x3fu);
  }
  static constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  if (code_point < kSmallest[length] || code_point > 0x10ffff || surrogate) return {0xfffd, 1, false};
  return {code_point, length};
}

std::size_t character_width(char32_t code_point) {
  if (code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0)) return 1;
  if (code_point < 0x300) return 1;
  // wcwidth() needs a UTF-8 locale; without one it knows ASCII only and everything else counts 1.
  const int width = ::wcwidth(static_cast<wchar_t>(code_point));
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const DecodedCharacter character = decode_utf8(text);
  return character.valid ? character.length : 0;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const DecodedCharacter character = decode_utf8(text);
    width += character_width(character.code_point);
    text.remove_prefix(character.length);
  }
  return width;
}

std::string fit_columns(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::string fitted;
  std::size_t width = 0;
  while (!text.empty()) {
    const DecodedCharacter character = decode_utf8(text);
    const std::size_t next = character_width(character.code_point);
    if (width + next > columns - 1) break;
    width += next;
    fitted.append(text.substr(0, character.length));
    text.remove_prefix(character.length);
  }
  return fitted + "…";
}

std::string printable(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const DecodedCharacter character = decode_utf8(text);
    const char32_t c = character.code_point;
    const bool acts = c < 0x20 || (c >= 0x7f && c < 0xa0) || !character.valid;
    if (acts) {
      clean += '?';
    } else {
      clean.append(text.substr(0, character.length));
    }
    text.remove_prefix(character.length);
  }
  return clean;
}

std::optional<std::string> nearest_word(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::vector<std::size_t> row;
  for (const std::string& candidate : candidates) {
    row.resize(candidate.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j < row.size(); ++j) {
        const std::size_t substituted = diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = &candidate;
    }
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

std::string wrap_words(std::string_view text, std::size_t first_indent, std::size_t indent,
                       std::size_t columns) {
  std::string out;
  std::string current(first_indent, ' ');
  bool has_word = false;
  for (const std::string_view line : split(text, '\n')) {
    for (const std::string_view word : split_blanks(line)) {
      if (has_word && display_width(current) + 1 + display_width(word) > columns) {
        out += current + '\n';
        current.assign(indent, ' ');
        has_word = false;
      }
      if (has_word) current += ' ';
      current += word;
      has_word = true;
    }
  }
  return has_word ? out + current + '\n' : out;
}

}  // namespace isotach

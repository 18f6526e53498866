#include "command/nettest/reading.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"

namespace isotach::command {

Failure bad_value(const std::string& option, const std::string& text, const std::string& remedy) {
  return failure(ErrorKind::usage, fmt::format("'{}' is no value for {}", printable(text), option), remedy);
}

// A whole number, decimal or as 0x10.
std::optional<std::uint64_t> whole_number(const std::string& text) {
  if (!text.starts_with("0x") && !text.starts_with("0X")) return parse_unsigned(text);
  std::uint64_t value = 0;
  if (text.size() < 3 || text.size() > 10) return std::nullopt;
  for (const char c : std::string_view(text).substr(2)) {
    const auto digit =
        std::string_view("0123456789abcdef").find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
    if (digit == std::string_view::npos) return std::nullopt;
    value = value * 16 + digit;
  }
  return value;
}

Result<std::uint64_t> parse_buffer_size(const std::string& text) {
  constexpr std::string_view kLetters = "KMGTkmgt";
  if (text.size() < 2 || kLetters.find(text.back()) == std::string_view::npos) return parse_size(text);
  return parse_size(text.substr(0, text.size() - 1) + static_cast<char>(text.back() & ~0x20) + "i");
}

std::optional<std::uint64_t> Reading::number_of(const char* option, std::uint64_t least, std::uint64_t most) {
  const auto text = arguments_.value(option);
  if (!text || problem_) return std::nullopt;
  const auto value = whole_number(*text);
  if (value && *value >= least && *value <= most) return value;
  problem_ = bad_value(option, *text, fmt::format("write a whole number from {} to {}", least, most)).value();
  return std::nullopt;
}

std::optional<std::uint64_t> Reading::size_of(const char* option, std::uint64_t most) {
  const auto text = arguments_.value(option);
  if (!text || problem_) return std::nullopt;
  const auto value = parse_buffer_size(*text);
  if (value && *value > 0 && *value <= most) return *value;
  problem_ =
      bad_value(option, *text, fmt::format("write a size such as 1400, 128K, 4M; at most {} bytes", most))
          .value();
  return std::nullopt;
}

void Reading::time(const char* option, bool zero, std::int64_t most_ns, std::int64_t& target_ns) {
  const auto text = arguments_.value(option);
  if (!text || problem_) return;
  const auto value_ns = parse_duration_ns(*text);
  if (value_ns && *value_ns <= most_ns && (*value_ns > 0 || zero)) {
    target_ns = *value_ns;
    return;
  }
  problem_ = bad_value(option, *text,
                       fmt::format("write seconds or a unit, such as 10, 0.5, 250ms; at most {} s",
                                   most_ns / kNanosecondsPerSecond))
                 .value();
}

}  // namespace isotach::command

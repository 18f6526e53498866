#include "command/replay_time.h"

#include <cmath>
#include <ctime>
#include <limits>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/text.h"

namespace isotach::command {
namespace {

// Takes `digits` decimal digits from the front.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  const auto number = parse_unsigned(text.substr(0, digits));
  if (!number) return std::nullopt;
  text.remove_prefix(digits);
  return static_cast<int>(*number);
}

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

// HH:MM[:SS[.fraction]] as ns since midnight.
std::optional<std::int64_t> take_clock(std::string_view& text) {
  const auto hours = take_digits(text, 2);
  if (!hours || *hours > 23 || !take(text, ':')) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  std::int64_t clock_ns = (*hours * 60 + *minutes) * 60 * kNanosecondsPerSecond;
  if (!take(text, ':')) return clock_ns;
  const auto seconds = take_digits(text, 2);
  if (!seconds || *seconds > 60) return std::nullopt;
  clock_ns += *seconds * kNanosecondsPerSecond;
  if (!take(text, '.')) return clock_ns;
  std::int64_t digit_ns = kNanosecondsPerSecond / 10;
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), digit_ns /= 10)
    clock_ns += (text[0] - '0') * digit_ns;
  return clock_ns;
}

// YYYY-MM-DD[ T]HH:MM..., in the local zone, or in UTC where a Z follows.
std::optional<std::int64_t> take_date(std::string_view& text) {
  const auto year = take_digits(text, 4);
  // What fits in 64 bits of ns.
  if (!year || *year < 1970 || *year > 2261 || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || *month < 1 || *month > 12 || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || *day < 1 || *day > 31) return std::nullopt;
  std::int64_t clock_ns = 0;
  if (take(text, ' ') || take(text, 'T')) {
    const auto clock = take_clock(text);
    if (!clock) return std::nullopt;
    clock_ns = *clock;
  }
  std::tm parts{};
  parts.tm_year = *year - 1900;
  parts.tm_mon = *month - 1;
  parts.tm_mday = *day;
  parts.tm_isdst = -1;
  const std::int64_t seconds = clock_ns / kNanosecondsPerSecond;
  parts.tm_hour = static_cast<int>(seconds / 3600);
  parts.tm_min = static_cast<int>(seconds / 60 % 60);
  parts.tm_sec = static_cast<int>(seconds % 60);
  const bool utc = take(text, 'Z');
  const std::time_t time = utc ? ::timegm(&parts) : ::mktime(&parts);
  // 31 February became a day in March.
  if (parts.tm_mday != *day) return std::nullopt;
  return std::int64_t{time} * kNanosecondsPerSecond + clock_ns % kNanosecondsPerSecond;
}

}  // namespace

Result<ReplayTime> parse_replay_time(const std::string& text, const std::string& option) {
  std::string_view rest = text;
  if (const auto wall_ns = take_date(rest); wall_ns && rest.empty())
    return ReplayTime{ReplayTime::Origin::wall, *wall_ns};
  rest = text;
  if (const auto clock_ns = take_clock(rest); clock_ns && rest.empty())
    return ReplayTime{ReplayTime::Origin::time_of_day, *clock_ns};
  const bool from_end = text.starts_with('-');
  const auto offset_ns = parse_duration_ns(std::string_view(text).substr(from_end ? 1 : 0));
  if (offset_ns)
    return ReplayTime{from_end ? ReplayTime::Origin::end : ReplayTime::Origin::start, *offset_ns};
  return failure(ErrorKind::usage, "'" + printable(text) + "' is no time for " + option,
                 "write 90s (after the start), -10s (before the end), 01:29:23 or '2026-11-23 01:29'");
}

std::int64_t next_time_of_day(std::int64_t start_wall_ns, std::int64_t offset_ns) {
  constexpr std::int64_t kDaySeconds = 86400;
  const std::time_t start_s = start_wall_ns / kNanosecondsPerSecond;
  std::int64_t found = start_wall_ns;
  // Today or tomorrow; the day after only when tomorrow lacks the hour, as clocks are put forward.
  for (int days = 0; days <= 2; ++days) {
    const std::time_t day_s = start_s + days * kDaySeconds;
    std::tm parts{};
    ::localtime_r(&day_s, &parts);
    const std::int64_t seconds = offset_ns / kNanosecondsPerSecond;
    parts.tm_hour = static_cast<int>(seconds / 3600);
    parts.tm_min = static_cast<int>(seconds / 60 % 60);
    parts.tm_sec = static_cast<int>(seconds % 60);
    parts.tm_isdst = -1;
    found = std::int64_t{::mktime(&parts)} * kNanosecondsPerSecond + offset_ns % kNanosecondsPerSecond;
    if (found >= start_wall_ns) break;
  }
  return found;
}

}  // namespace isotach::command

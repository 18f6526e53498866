#include "base/number_text.h"

#include <fmt/format.h>

#include <cmath>

namespace isotach {
namespace {

using detail::write_pair;

void write_four(char* at, std::uint32_t below_10000) {
  write_pair(at, below_10000 / 100);
  write_pair(at + 2, below_10000 % 100);
}

char* without_zeros(char* end) {
  while (end[-1] == '0') --end;
  return end;
}

// Six digits of `rest`, which is not 0, behind a point, without the zeros at their end.
char* write_places(char* at, std::uint32_t rest) {
  *at = '.';
  write_pair(at + 1, rest / 10'000);
  write_four(at + 3, rest % 10'000);
  return without_zeros(at + 7);
}

// Two numbers of at most fifteen digits are never the same double, so that their digits are the shortest
// text; below 0.0001 that has an exponent.
constexpr std::uint64_t kMostDigits = 1'000'000'000'000'000;
constexpr std::uint64_t kLeastMillionths = 100;
constexpr std::uint64_t kLeastBillionths = 100'000;

char* write_whole_millionths(char* at, std::uint64_t number) {
  const std::uint64_t whole = number / 1'000'000;
  const auto rest = static_cast<std::uint32_t>(number - whole * 1'000'000);
  at = write_unsigned(at, whole);
  return rest == 0 ? at : write_places(at, rest);
}

// Most numbers here are times in milliseconds made of nanoseconds, and whole numbers: at most six places
// after the point and fifteen digits. Returns `at` where the number is no such one.
char* write_short(char* at, double number) {
  constexpr double kMillion = 1e6;
  constexpr double kLeast = 1e-4;
  constexpr double kMost = 1e9;
  if (!(number >= kLeast && number < kMost)) return at;
  // Nearly all fit into 63 bits with a sign, which the processor makes of a double in one step.
  const auto millionths = static_cast<std::uint64_t>(static_cast<std::int64_t>(number * kMillion + 0.5));
  if (static_cast<double>(static_cast<std::int64_t>(millionths)) / kMillion != number) return at;
  return write_whole_millionths(at, millionths);
}

}  // namespace

namespace detail {

char* write_long_unsigned(char* at, std::uint64_t number) {
  constexpr std::uint64_t kTenThousand = 10'000;
  if (number >= kTenThousand) {
    const std::uint64_t front = number / kTenThousand;
    at = write_unsigned(at, front);
    write_four(at, static_cast<std::uint32_t>(number - front * kTenThousand));
    return at + 4;
  }
  const auto small = static_cast<std::uint32_t>(number);
  if (small >= 1000) {
    write_four(at, small);
    return at + 4;
  }
  *at = static_cast<char>('0' + small / 100);
  write_pair(at + 1, small % 100);
  return at + 3;
}

}  // namespace detail

char* write_integer(char* at, std::int64_t number) {
  if (number >= 0) return write_unsigned(at, static_cast<std::uint64_t>(number));
  *at = '-';
  return write_unsigned(at + 1, std::uint64_t{0} - static_cast<std::uint64_t>(number));
}

char* write_real(char* at, double number) {
  if (number == 0 && !std::signbit(number)) {
    *at = '0';
    return at + 1;
  }
  char* const end = write_short(at, number);
  return end != at ? end : fmt::format_to(at, "{}", number);
}

char* write_millionths(char* at, std::uint64_t number) {
  if (number - kLeastMillionths < kMostDigits - kLeastMillionths) return write_whole_millionths(at, number);
  return write_real(at, static_cast<double>(number) / 1e6);
}

char* write_billionths(char* at, std::int64_t number) {
  const auto positive = static_cast<std::uint64_t>(number);
  if (positive - kLeastBillionths >= kMostDigits - kLeastBillionths)
    return write_real(at, static_cast<double>(number) / 1e9);
  const std::uint64_t whole = positive / 1'000'000'000;
  const auto rest = static_cast<std::uint32_t>(positive - whole * 1'000'000'000);
  at = write_unsigned(at, whole);
  if (rest == 0) return at;
  *at = '.';
  write_four(at + 1, rest / 100'000);
  *(at + 5) = static_cast<char>('0' + rest / 10'000 % 10);
  write_four(at + 6, rest % 10'000);
  return without_zeros(at + 10);
}

void append_unsigned(std::string& text, std::uint64_t number) {
  char digits[kLongestNumber];
  text.append(digits, write_unsigned(digits, number));
}

void append_integer(std::string& text, std::int64_t number) {
  char digits[kLongestNumber];
  text.append(digits, write_integer(digits, number));
}

void append_real(std::string& text, double number) {
  char digits[kLongestNumber];
  text.append(digits, write_real(digits, number));
}

}  // namespace isotach

#include "view/export/number_text.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace isotach::view {
namespace {

constexpr std::size_t kLongest = 24;

// Digits of `number` that end before `end`; returns where they begin.
char* write_before(char* end, std::uint64_t number) {
  do {
    *--end = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  return end;
}

// Most numbers here are times in milliseconds made of nanoseconds, and whole numbers: at most six places
// after the point and fifteen digits. Two such numbers are never the same double, so that this is the
// shortest text.
bool append_short(std::string& text, double number) {
  constexpr double kMillion = 1e6;
  constexpr double kLeast = 1e-4;  // below it the shortest text has an exponent
  constexpr double kMost = 1e9;
  if (!(number >= kLeast && number < kMost)) return false;
  auto millionths = static_cast<std::uint64_t>(number * kMillion + 0.5);
  if (static_cast<double>(millionths) / kMillion != number) return false;
  char digits[kLongest];
  char* const end = digits + sizeof digits;
  char* at = end;
  std::uint64_t rest = millionths % 1'000'000;
  int places = 6;
  for (; places > 0 && rest % 10 == 0; --places) rest /= 10;
  for (int i = 0; i < places; ++i) {
    *--at = static_cast<char>('0' + rest % 10);
    rest /= 10;
  }
  if (places > 0) *--at = '.';
  at = write_before(at, millionths / 1'000'000);
  text.append(at, end);
  return true;
}

}  // namespace

void append_unsigned(std::string& text, std::uint64_t number) {
  if (number < 10) {
    text += static_cast<char>('0' + number);
    return;
  }
  char digits[kLongest];
  char* const end = digits + sizeof digits;
  text.append(write_before(end, number), end);
}

void append_integer(std::string& text, std::int64_t number) {
  const auto bits = static_cast<std::uint64_t>(number);
  if (number < 0) text += '-';
  // Negated as unsigned, for the smallest number has no positive twin.
  append_unsigned(text, number < 0 ? 0 - bits : bits);
}

void append_real(std::string& text, double number) {
  if (number == 0 && !std::signbit(number)) {
    text += '0';
    return;
  }
  if (append_short(text, number)) return;
  fmt::format_to(std::back_inserter(text), "{}", number);
}

}  // namespace isotach::view

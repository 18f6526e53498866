#include "view/export/number_text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>

namespace isotach::view {
namespace {

constexpr char kPairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

// Six digits of `rest` behind a point, without the zeros at their end.
char* write_places(char* at, std::uint32_t rest) {
  constexpr std::size_t kPlaces = 6;
  *at++ = '.';
  std::memcpy(at, kPairs + std::size_t{rest / 10'000} * 2, 2);
  std::memcpy(at + 2, kPairs + std::size_t{rest / 100 % 100} * 2, 2);
  std::memcpy(at + 4, kPairs + std::size_t{rest % 100} * 2, 2);
  char* end = at + kPlaces;
  while (end[-1] == '0') --end;
  return end;
}

// Most numbers here are times in milliseconds made of nanoseconds, and whole numbers: at most six places
// after the point and fifteen digits. Two such numbers are never the same double, so that this is the
// shortest text. Returns `at` where the number is no such one.
char* write_short(char* at, double number) {
  constexpr double kMillion = 1e6;
  constexpr double kLeast = 1e-4;  // below it the shortest text has an exponent
  constexpr double kMost = 1e9;
  if (!(number >= kLeast && number < kMost)) return at;
  // Nearly all fit into 63 bits with a sign, which the processor makes of a double in one step.
  const auto millionths = static_cast<std::uint64_t>(static_cast<std::int64_t>(number * kMillion + 0.5));
  if (static_cast<double>(static_cast<std::int64_t>(millionths)) / kMillion != number) return at;
  const std::uint64_t whole = millionths / 1'000'000;
  const auto rest = static_cast<std::uint32_t>(millionths - whole * 1'000'000);
  at = write_unsigned(at, whole);
  return rest == 0 ? at : write_places(at, rest);
}

}  // namespace

char* write_unsigned(char* at, std::uint64_t number) {
  if (number < 10) {
    *at = static_cast<char>('0' + number);
    return at + 1;
  }
  return std::to_chars(at, at + kLongestNumber, number).ptr;
}

char* write_integer(char* at, std::int64_t number) {
  return std::to_chars(at, at + kLongestNumber, number).ptr;
}

char* write_real(char* at, double number) {
  if (number == 0 && !std::signbit(number)) {
    *at = '0';
    return at + 1;
  }
  char* const end = write_short(at, number);
  return end != at ? end : fmt::format_to(at, "{}", number);
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

}  // namespace isotach::view

// Numbers as text: what CSV and JSON have millions of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace isotach {

// No number takes more characters than this.
inline constexpr std::size_t kLongestNumber = 32;

namespace detail {

inline constexpr char kDigitPairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

inline void write_pair(char* at, std::uint32_t below_100) {
  std::memcpy(at, kDigitPairs + std::size_t{below_100} * 2, 2);
}

[[nodiscard]] char* write_long_unsigned(char* at, std::uint64_t number);

}  // namespace detail

// To where there is room for kLongestNumber; return the end of what was written.
[[nodiscard]] inline char* write_unsigned(char* at, std::uint64_t number) {
  if (number < 10) {
    *at = static_cast<char>('0' + number);
    return at + 1;
  }
  if (number < 100) {
    detail::write_pair(at, static_cast<std::uint32_t>(number));
    return at + 2;
  }
  return detail::write_long_unsigned(at, number);
}
[[nodiscard]] char* write_integer(char* at, std::int64_t number);
// The shortest text that reads back as the same number: "0.25", "1e-07". `number` is finite.
[[nodiscard]] char* write_real(char* at, double number);
// As write_real(number / 1e6) and write_real(number / 1e9) would, without making a fraction first.
[[nodiscard]] char* write_millionths(char* at, std::uint64_t number);
[[nodiscard]] char* write_billionths(char* at, std::int64_t number);

void append_unsigned(std::string& text, std::uint64_t number);
void append_integer(std::string& text, std::int64_t number);
void append_real(std::string& text, double number);

}  // namespace isotach

#include "view/export/exact.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>

namespace isotach::view {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t kPowersOfTen[] = {1,       10,        100,        1'000,       10'000,
                                          100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

std::string wide_text(Wide number) {
  char digits[40];
  char* at = digits + sizeof digits;
  do {
    *--at = static_cast<char>('0' + static_cast<int>(number % 10));
    number /= 10;
  } while (number != 0);
  return {at, digits + sizeof digits};
}

// magnitude / 10^places, without zeros at the end.
std::string decimal_text(std::uint64_t magnitude, int places) {
  const std::uint64_t divisor = kPowersOfTen[places];
  std::string text = std::to_string(magnitude / divisor);
  const std::uint64_t rest = magnitude % divisor;
  if (rest == 0) return text;
  text += fmt::format(".{:0{}}", rest, places);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

// The text of magnitude * scale where that is exact.
std::optional<std::string> whole_text(std::uint64_t magnitude, double scale) {
  if (scale >= 1 && scale == std::floor(scale) && scale < 1e15)
    return wide_text(static_cast<Wide>(magnitude) * static_cast<std::uint64_t>(scale));
  // 0.01 is no binary number, but 1/0.01 is 100 once rounded: what was meant is hundredths.
  for (int places = 1; places < 10; ++places)
    if (scale == 1 / static_cast<double>(kPowersOfTen[places])) return decimal_text(magnitude, places);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> exact_text(const Value& value, double scale) {
  if (value.is_missing()) return std::nullopt;
  std::optional<std::string> whole;
  if (value.type() == Value::Type::unsigned_integer) {
    whole = whole_text(value.as_unsigned(), scale);
  } else if (value.type() == Value::Type::signed_integer) {
    const std::int64_t number = value.as_signed();
    // Negated as unsigned, for the smallest number has no positive twin.
    const auto bits = static_cast<std::uint64_t>(number);
    whole = whole_text(number < 0 ? 0 - bits : bits, scale);
    if (whole && number < 0) whole = fmt::format("-{}", *whole);
  }
  if (whole) return whole;
  const double product = value.as_real() * scale;
  if (!std::isfinite(product)) return std::nullopt;
  return fmt::format("{}", product);
}

}  // namespace isotach::view

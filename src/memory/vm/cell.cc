#include "memory/vm/cell.h"

#include <limits>

#include "base/clock.h"

namespace isotach::memory {
namespace {

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kBytesPerKib = 1024;
constexpr std::uint64_t kBytesPerSector = 512;

BaseNumber scaled(std::uint64_t amount, std::uint64_t scale) {
  const Wide product = static_cast<Wide>(amount) * scale;
  BaseNumber number;
  if (product <= kLargest) number.whole = static_cast<std::uint64_t>(product);
  number.real = static_cast<double>(product);
  return number;
}

BaseNumber quotient(double amount, std::uint64_t per) {
  BaseNumber number;
  number.real = amount / static_cast<double>(per);
  return number;
}

}  // namespace

std::string_view absent_text(Absent reason) {
  switch (reason) {
    case Absent::no:
      return "";
    case Absent::not_supported:
      return missing_text(Missing::not_supported);
    case Absent::not_permitted:
      return missing_text(Missing::not_permitted);
    case Absent::vanished:
      return missing_text(Missing::vanished);
    case Absent::malformed:
      return missing_text(Missing::malformed);
    case Absent::went_backwards:
      return "the counter went backwards: it was reset";
    case Absent::no_time:
      return "no time passed between the readings";
  }
  return "";
}

Cell Cell::from(const Value& value) {
  if (value.type() == Value::Type::unsigned_integer) return of(value.as_unsigned());
  if (!value.is_missing()) return missing(Absent::malformed);
  switch (value.reason()) {
    case Missing::not_permitted:
      return missing(Absent::not_permitted);
    case Missing::vanished:
      return missing(Absent::vanished);
    case Missing::malformed:
      return missing(Absent::malformed);
    case Missing::not_supported:
      break;
  }
  return missing(Absent::not_supported);
}

Wide rounded(Wide amount, Wide scale, Wide per) {
  return (amount * scale + per / 2) / per;
}

Wide rounded_down(Wide amount, Wide scale, Wide per) {
  return amount * scale / per;
}

std::uint64_t saturating_product(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return product > kLargest ? kLargest : static_cast<std::uint64_t>(product);
}

std::uint64_t saturating_sum(std::uint64_t a, std::uint64_t b) {
  return b > kLargest - a ? kLargest : a + b;
}

std::optional<BaseNumber> base_number(const Cell& cell, Form form, std::uint64_t ticks_per_second) {
  if (cell.is_missing()) return std::nullopt;
  const auto amount = static_cast<double>(cell.amount);
  constexpr auto kPerSecond = static_cast<double>(kNanosecondsPerSecond);
  switch (form) {
    case Form::count:
    case Form::bytes:
    case Form::unix_seconds:
      return scaled(cell.amount, 1);
    case Form::kib:
      return scaled(cell.amount, kBytesPerKib);
    case Form::sectors:
      return scaled(cell.amount, kBytesPerSector);
    case Form::count_rate:
      return quotient(amount * kPerSecond, cell.per);
    case Form::kib_rate:
    case Form::block_rate:
      return quotient(amount * kBytesPerKib * kPerSecond, cell.per);
    case Form::share:
    case Form::pressure:
      return quotient(amount, cell.per);
    case Form::milliseconds:
    case Form::seconds_of_ms:
      return quotient(amount, 1000);
    case Form::ticks:
      return quotient(amount, ticks_per_second);
  }
  return std::nullopt;
}

}  // namespace isotach::memory

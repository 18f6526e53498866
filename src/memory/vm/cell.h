// One number of a vm view, exact: an amount per something, or the reason why there is none.
//
// Text and JSON round differently (a table shows whole units, JSON the quotient), so the quotient is
// formed only when it is shown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/value.h"

namespace isotach::memory {

// Why a cell is empty.
enum class Absent : std::uint8_t {
  no,              // it is not: there is a number
  not_supported,   // the kernel does not offer it
  not_permitted,   // reading needs a right this process lacks
  vanished,        // the device went away
  malformed,       // the kernel's text could not be understood
  went_backwards,  // a counter was reset between the two readings
  no_time,         // no time passed between the two readings, or the time since boot is not known
};

[[nodiscard]] std::string_view absent_text(Absent reason);

struct Cell {
  Absent absent = Absent::not_supported;
  std::uint64_t amount = 0;
  std::uint64_t per = 1;  // above 0: nanoseconds of a rate, ticks of a share; 1 for a plain number

  [[nodiscard]] static Cell of(std::uint64_t amount, std::uint64_t per = 1) {
    return {Absent::no, amount, per};
  }
  [[nodiscard]] static Cell missing(Absent reason) { return {reason, 0, 1}; }
  // An unsigned value, or its reason.
  [[nodiscard]] static Cell from(const Value& value);

  [[nodiscard]] bool is_missing() const { return absent != Absent::no; }
  friend bool operator==(const Cell&, const Cell&) = default;
};

// What an amount is, and so how it is shown.
enum class Form : std::uint8_t {
  count,       // things
  count_rate,  // things, per nanoseconds
  kib,         // KiB; tables show the unit of --unit
  kib_rate,    // KiB per nanoseconds, in the unit of --unit
  block_rate,  // KiB per nanoseconds; always shown in KiB
  share,       // ticks of all ticks; tables show whole percents
  pressure,    // nanoseconds of nanoseconds; tables show tenths of a percent
  sectors,     // of 512 bytes
  milliseconds,
  seconds_of_ms,  // milliseconds; tables show whole seconds
  ticks,          // of 1/100 s
  bytes,
  unix_seconds,
};

// Wide enough for any 64-bit amount times any scale here.
__extension__ typedef unsigned __int128 Wide;

// amount * scale / per, to the nearest whole number, halves up; or rounded down.
[[nodiscard]] Wide rounded(Wide amount, Wide scale, Wide per);
[[nodiscard]] Wide rounded_down(Wide amount, Wide scale, Wide per);

// a * b, or the largest number where that does not fit.
[[nodiscard]] std::uint64_t saturating_product(std::uint64_t a, std::uint64_t b);
[[nodiscard]] std::uint64_t saturating_sum(std::uint64_t a, std::uint64_t b);

// The number a cell stands for in base units (bytes, seconds, ratios, things, per second); nothing
// when it is missing. Whole numbers up to 64 bits are exact as `whole`.
struct BaseNumber {
  std::optional<std::uint64_t> whole;
  double real = 0;
};
[[nodiscard]] std::optional<BaseNumber> base_number(const Cell& cell, Form form,
                                                    std::uint64_t ticks_per_second);

}  // namespace isotach::memory

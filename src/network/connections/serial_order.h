// Which of two numbers that wrap around comes later (serial number arithmetic, RFC 1982): TCP's sequence
// numbers and timestamps, and IP ids.
#pragma once

#include <cstdint>

namespace isotach::network {

[[nodiscard]] constexpr bool after(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) > 0;
}
[[nodiscard]] constexpr bool after16(std::uint16_t a, std::uint16_t b) {
  return static_cast<std::int16_t>(a - b) > 0;
}
// Not after16() the other way round: numbers half of their range apart are neither after, but before one
// another.
[[nodiscard]] constexpr bool before16(std::uint16_t a, std::uint16_t b) {
  return static_cast<std::int16_t>(a - b) < 0;
}

}  // namespace isotach::network

// Numbers in bytes from outside, of either byte order and at any alignment. The caller has checked that
// they are there.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace isotach::network {

static_assert(std::endian::native == std::endian::little, "the loads below turn big-endian numbers around");

[[nodiscard]] inline std::uint16_t little16(const std::uint8_t* bytes) {
  std::uint16_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}
[[nodiscard]] inline std::uint32_t little32(const std::uint8_t* bytes) {
  std::uint32_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}
[[nodiscard]] inline std::uint16_t big16(const std::uint8_t* bytes) {
  return __builtin_bswap16(little16(bytes));
}
[[nodiscard]] inline std::uint32_t big32(const std::uint8_t* bytes) {
  return __builtin_bswap32(little32(bytes));
}

}  // namespace isotach::network

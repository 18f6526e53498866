// Variable-length integers as Protocol Buffers and many others write them: seven bits a byte, lowest
// first, the top bit set on all but the last byte. Zigzag folds the sign into the lowest bit, so that
// small steps in either direction take one byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace isotach::record {

inline constexpr std::size_t kVarintLimitBytes = 10;

inline void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(value) | 0x80U));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

// Takes a number from the front of `in`; false when it is cut off or does not fit 64 bits.
[[nodiscard]] inline bool take_varint(std::string_view& in, std::uint64_t& value) {
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < kVarintLimitBytes && i < in.size(); ++i) {
    const auto byte = static_cast<unsigned char>(in[i]);
    // The tenth byte carries the 64th bit and nothing else.
    if (i == kVarintLimitBytes - 1 && byte > 1) return false;
    result |= static_cast<std::uint64_t>(byte & 0x7fU) << (7 * i);
    if (byte < 0x80) {
      in.remove_prefix(i + 1);
      value = result;
      return true;
    }
  }
  return false;
}

// `step` is a difference modulo 2^64, so that a step across the whole range is exact too.
[[nodiscard]] constexpr std::uint64_t zigzag(std::uint64_t step) {
  const std::uint64_t sign = (step >> 63) != 0 ? ~std::uint64_t{0} : 0;
  return (step << 1) ^ sign;
}

[[nodiscard]] constexpr std::uint64_t unzigzag(std::uint64_t coded) {
  const std::uint64_t sign = (coded & 1) != 0 ? ~std::uint64_t{0} : 0;
  return (coded >> 1) ^ sign;
}

}  // namespace isotach::record

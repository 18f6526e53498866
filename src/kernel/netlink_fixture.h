// Netlink messages for tests, byte by byte.
#pragma once

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace isotach::kernel {

inline std::string attribute(std::uint16_t type, std::string_view payload) {
  nlattr head{static_cast<std::uint16_t>(sizeof(nlattr) + payload.size()), type};
  std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);
  bytes += payload;
  bytes.resize(NLA_ALIGN(bytes.size()), '\0');
  return bytes;
}

template <class Number>
std::string number_attribute(std::uint16_t type, Number number) {
  return attribute(type, {reinterpret_cast<const char*>(&number), sizeof number});
}

// A set in the short form, of 64 bits; without a mask where `mask` is 0.
inline std::string bitset_attribute(std::uint16_t type, std::uint64_t value, std::uint64_t mask) {
  std::string inside = mask == 0 ? attribute(1, "") : std::string();
  inside += number_attribute<std::uint32_t>(2, 64);
  inside += number_attribute(4, value);
  if (mask != 0) inside += number_attribute(5, mask);
  return attribute(type, inside);
}

// An answer of the family "ethtool" about interface number 3, "nic0".
inline std::string ethtool_answer(std::string_view attributes) {
  genlmsghdr head{};
  std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);
  bytes += attribute(1, number_attribute<std::uint32_t>(1, 3) + attribute(2, std::string_view("nic0\0", 5)));
  bytes += attributes;
  return bytes;
}

}  // namespace isotach::kernel

// The attributes of a netlink message: type, length and value, one after the other, some with others
// inside (kernel: include/uapi/linux/netlink.h). Pure, and made for any bytes: what does not fit ends
// the list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isotach::kernel {

struct NetlinkAttribute {
  std::uint16_t type = 0;  // without the bits for nesting and byte order
  std::string_view payload;

  // The number, by the size of the payload: 1, 2, 4 or 8 bytes.
  [[nodiscard]] std::optional<std::uint64_t> number() const;
  // Up to the first NUL.
  [[nodiscard]] std::string text() const;
};

// At most kAttributeLimit of them. They point into `bytes`.
inline constexpr std::size_t kAttributeLimit = 4096;
[[nodiscard]] std::vector<NetlinkAttribute> netlink_attributes(std::string_view bytes);

// The first of that type; nothing when there is none.
[[nodiscard]] std::optional<NetlinkAttribute> find_attribute(const std::vector<NetlinkAttribute>& attributes,
                                                             std::uint16_t type);

}  // namespace isotach::kernel

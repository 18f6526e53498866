#include "kernel/netlink_attributes.h"

#include <linux/netlink.h>

#include <cstring>

namespace isotach::kernel {
namespace {

template <class Number>
std::uint64_t copied(std::string_view bytes) {
  Number number{};
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

}  // namespace

std::optional<std::uint64_t> NetlinkAttribute::number() const {
  switch (payload.size()) {
    case 1:
      return copied<std::uint8_t>(payload);
    case 2:
      return copied<std::uint16_t>(payload);
    case 4:
      return copied<std::uint32_t>(payload);
    case 8:
      return copied<std::uint64_t>(payload);
    default:
      return std::nullopt;
  }
}

std::string NetlinkAttribute::text() const {
  return std::string(payload.substr(0, payload.find('\0')));
}

std::vector<NetlinkAttribute> netlink_attributes(std::string_view bytes) {
  std::vector<NetlinkAttribute> attributes;
  while (bytes.size() >= sizeof(nlattr) && attributes.size() < kAttributeLimit) {
    nlattr head{};
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.nla_len < sizeof(nlattr) || head.nla_len > bytes.size()) break;
    attributes.push_back({static_cast<std::uint16_t>(head.nla_type & NLA_TYPE_MASK),
                          bytes.substr(sizeof(nlattr), head.nla_len - sizeof(nlattr))});
    const std::size_t step = NLA_ALIGN(static_cast<std::size_t>(head.nla_len));
    if (step >= bytes.size()) break;
    bytes.remove_prefix(step);
  }
  return attributes;
}

std::optional<NetlinkAttribute> find_attribute(const std::vector<NetlinkAttribute>& attributes,
                                               std::uint16_t type) {
  for (const NetlinkAttribute& attribute : attributes)
    if (attribute.type == type) return attribute;
  return std::nullopt;
}

}  // namespace isotach::kernel

// What drivers tell about their interfaces and what can be set: the generic netlink family "ethtool", and
// ioctl where that lacks something or the kernel is older than 5.6.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "kernel/ethtool_ioctl.h"
#include "kernel/ethtool_reply.h"
#include "kernel/netlink.h"

namespace isotach::kernel {

// An interface, as netlink and as ioctl name it.
struct LinkTarget {
  unsigned index = 0;
  std::string name;
};

// Where in the memory of a plugged module: QSFP and later have pages.
struct ModuleAddress {
  std::uint8_t page = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

class Ethtool {
 public:
  // `netlink` false: as on a kernel that has none.
  [[nodiscard]] static Result<Ethtool> open(bool netlink = true);
  [[nodiscard]] bool speaks_netlink() const { return netlink_.has_value(); }

  // Of all of `targets` in one request; those whose drivers tell nothing are left out.
  [[nodiscard]] Result<std::vector<std::pair<unsigned, LinkModes>>> all_link_modes(
      const std::vector<LinkTarget>& targets);

  // Of one. not_supported where the driver or the kernel does not tell.
  [[nodiscard]] Result<LinkModes> link_modes(const LinkTarget& target);
  [[nodiscard]] Result<GroupReading> group(EthtoolGroup group, const LinkTarget& target);
  [[nodiscard]] Result<std::vector<Feature>> features(const LinkTarget& target);
  [[nodiscard]] Result<std::vector<NamedNumber>> standard_statistics(const LinkTarget& target);
  [[nodiscard]] Result<std::string> module_bytes(const LinkTarget& target, const ModuleAddress& address);
  [[nodiscard]] Result<DriverInfo> driver(const LinkTarget& target) const;
  [[nodiscard]] Result<std::vector<NamedNumber>> driver_statistics(const LinkTarget& target) const;

  // Autonegotiation, what is advertised, and speed and duplex as far as they are known.
  [[nodiscard]] Result<void> set_link_modes(const LinkTarget& target, const LinkModes& modes);
  [[nodiscard]] Result<void> set_field(const FieldOfGroup& field, const LinkTarget& target,
                                       std::uint64_t value);
  [[nodiscard]] Result<void> set_feature(const LinkTarget& target, const std::string& feature, bool on);

 private:
  explicit Ethtool(EthtoolIoctl ioctl) : ioctl_(std::move(ioctl)) {}
  [[nodiscard]] NetlinkMessage request(std::uint8_t command, NetlinkMessage::Kind kind,
                                       const LinkTarget* target, std::uint32_t flags) const;
  [[nodiscard]] Result<std::string> ask_one(std::uint8_t command, const LinkTarget& target,
                                            const std::string& what);

  EthtoolIoctl ioctl_;
  std::optional<NetlinkSocket> netlink_;
  std::uint16_t family_ = 0;
};

}  // namespace isotach::kernel

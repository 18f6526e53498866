// What ethtool netlink lacks: names of drivers and their own statistics; and link modes of kernels before
// 5.6, which have no ethtool netlink (man 7 netdevice, SIOCETHTOOL; kernel: include/uapi/linux/ethtool.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "kernel/ethtool_reply.h"

namespace isotach::kernel {

struct DriverInfo {
  std::string name;  // "virtio_net"
  std::string version;
  std::string firmware;
  std::string bus;  // "0000:00:1f.6"; empty where there is none
};

class EthtoolIoctl {
 public:
  [[nodiscard]] static Result<EthtoolIoctl> open();

  [[nodiscard]] Result<DriverInfo> driver(const std::string& interface) const;
  // What ethtool -S prints, in its order, at most kStatisticLimit.
  [[nodiscard]] Result<std::vector<NamedNumber>> statistics(const std::string& interface) const;
  [[nodiscard]] Result<LinkModes> link_modes(const std::string& interface) const;
  [[nodiscard]] Result<void> set_link_modes(const std::string& interface, const LinkModes& modes) const;

  static constexpr std::uint32_t kStatisticLimit = 65536;

 private:
  explicit EthtoolIoctl(Fd socket) : socket_(std::move(socket)) {}
  // `data` begins with the command. `doing` is for the error.
  [[nodiscard]] Result<void> call(const std::string& interface, void* data, const std::string& doing) const;

  Fd socket_;
};

// A masked answer of ETHTOOL_GLINKSETTINGS: three sets of `words` 32-bit words behind its head. Pure.
[[nodiscard]] LinkModes modes_of_settings(std::uint32_t speed, std::uint8_t duplex,
                                          std::uint8_t autonegotiation, const std::uint32_t* masks,
                                          std::size_t words);

}  // namespace isotach::kernel

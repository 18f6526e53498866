// Making interfaces and telling them who they are and where packets go (man 7 rtnetlink), in the network
// namespace of the calling thread. Needs CAP_NET_ADMIN there.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "kernel/netlink.h"

namespace isotach::kernel {

using HardwareAddress = std::array<std::uint8_t, 6>;

struct VethPair {
  std::string name;  // of the end in this namespace
  std::string other_name;
  HardwareAddress other_address{};
  int other_namespace = -1;  // a descriptor of the namespace of the other end
  std::uint32_t queue_packets = 10'000;
  std::uint32_t mtu = 1500;
};

class NetworkSetup {
 public:
  [[nodiscard]] static Result<NetworkSetup> open();

  [[nodiscard]] Result<void> make_veth(const VethPair& pair);
  [[nodiscard]] Result<void> set_up(unsigned interface);
  // At once, without asking whether anybody else has it.
  [[nodiscard]] Result<void> add_address(unsigned interface, const in_addr& address, int prefix);
  [[nodiscard]] Result<void> add_address(unsigned interface, const in6_addr& address, int prefix);
  // What knows that neighbour without asking.
  [[nodiscard]] Result<void> add_neighbour(unsigned interface, const in_addr& address,
                                           const HardwareAddress& hardware);
  [[nodiscard]] Result<void> add_neighbour(unsigned interface, const in6_addr& address,
                                           const HardwareAddress& hardware);
  // The way to `to` alone, or to everything else.
  [[nodiscard]] Result<void> add_route(unsigned interface, const in_addr& to);
  [[nodiscard]] Result<void> add_default_route(unsigned interface, const in_addr& gateway);
  [[nodiscard]] Result<void> add_default_route(unsigned interface, const in6_addr& gateway);

 private:
  explicit NetworkSetup(NetlinkSocket socket) : socket_(std::move(socket)) {}
  [[nodiscard]] Result<void> address(unsigned interface, int family, std::string_view bytes, int prefix);
  [[nodiscard]] Result<void> neighbour(unsigned interface, int family, std::string_view bytes,
                                       const HardwareAddress& hardware);
  [[nodiscard]] Result<void> route(unsigned interface, int family, std::string_view to,
                                   std::string_view gateway);

  NetlinkSocket socket_;
};

}  // namespace isotach::kernel

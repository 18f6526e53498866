#include "network/traffic/socket_lister.h"

#include <linux/netlink.h>
#include <netinet/in.h>

#include <unordered_map>
#include <utility>

#include "kernel/socket_list.h"

namespace isotach::network {

SocketLister::SocketLister(bool processes) : processes_(processes) {
  if (auto socket = kernel::NetlinkSocket::open(NETLINK_INET_DIAG)) diag_.emplace(std::move(*socket));
}

std::vector<TrafficAccounts::SocketFacts> SocketLister::list() {
  std::vector<TrafficAccounts::SocketFacts> facts;
  if (!diag_) return facts;
  std::vector<kernel::SocketEntry> sockets;
  for (const std::uint8_t protocol : {std::uint8_t{IPPROTO_TCP}, std::uint8_t{IPPROTO_UDP}})
    if (!kernel::list_sockets(*diag_, protocol, sockets)) break;
  std::unordered_map<std::uint32_t, std::uint32_t> holders;
  if (processes_) holders = kernel::find_socket_holders(kernel::SystemRoot());
  facts.reserve(sockets.size());
  for (const kernel::SocketEntry& socket : sockets) {
    const auto holder = holders.find(socket.inode);
    facts.push_back({socket, holder == holders.end() ? 0 : holder->second});
  }
  return facts;
}

}  // namespace isotach::network

// The processes behind followed connections, and their other ends on this machine.
#include <linux/netlink.h>
#include <netinet/in.h>

#include <utility>

#include "kernel/network_namespace.h"
#include "network/connections/transfer_watch.h"

namespace isotach::network {
using kernel::SocketEntry;

bool are_ends_of_one(const SocketEntry& one, const SocketEntry& other) {
  return one.local_port == other.remote_port && one.remote_port == other.local_port &&
         one.ip_version == other.ip_version && one.local == other.remote && one.remote == other.local;
}

bool TransferWatch::is_connection(const SocketEntry& socket) {
  return socket.state != kernel::kTcpListening && socket.inode != 0;
}

void TransferWatch::look_for_holders(Clock& clock) {
  if (held_ == traces_.size() || clock.now().monotonic_ns < holders_due_ns_) return;
  std::vector<std::uint32_t> wanted;
  for (std::size_t i = held_; i < traces_.size(); ++i) {
    if (traces_[i].processes.empty()) wanted.push_back(traces_[i].socket.inode);
    if (followed_[i].theirs != nullptr) wanted.push_back(followed_[i].other.inode);
  }
  held_ = traces_.size();
  if (wanted.empty()) return;
  const std::int64_t begin_ns = clock.now().monotonic_ns;
  take_holders(kernel::holders_of(root_, wanted));
  const std::int64_t end_ns = clock.now().monotonic_ns;
  holders_due_ns_ = end_ns + options_.rest * (end_ns - begin_ns);
}

void TransferWatch::take_holders(const std::unordered_map<std::uint32_t, std::vector<pid_t>>& holders) {
  const auto take = [&](std::uint32_t inode, std::vector<int>& processes, std::string& command) {
    const auto held = holders.find(inode);
    if (held == holders.end() || held->second.empty() || !processes.empty()) return;
    processes.assign(held->second.begin(), held->second.end());
    command = command_of(processes.front());
  };
  for (std::size_t i = 0; i < traces_.size(); ++i) {
    take(traces_[i].socket.inode, traces_[i].processes, traces_[i].command);
    if (followed_[i].theirs != nullptr)
      take(followed_[i].other.inode, traces_[i].their_processes, traces_[i].their_command);
  }
}

kernel::NetlinkSocket* TransferWatch::socket_in(const std::string& identity) {
  if (identity == namespace_) return socket_.get();
  const auto found = others_.find(identity);
  if (found != others_.end()) return found->second.get();
  std::unique_ptr<kernel::NetlinkSocket> opened;
  // A namespace that may not be entered has none of our other ends, as far as we can see.
  static_cast<void>(kernel::in_network_namespace(identity, [&]() -> Result<void> {
    auto made = kernel::NetlinkSocket::open(NETLINK_SOCK_DIAG);
    if (made) opened = std::make_unique<kernel::NetlinkSocket>(std::move(*made));
    return {};
  }));
  return others_.emplace(identity, std::move(opened)).first->second.get();
}

void TransferWatch::look_for_other_ends() {
  if (paired_ == traces_.size()) return;
  const std::size_t from = std::exchange(paired_, traces_.size());
  for (const std::string& identity : kernel::list_network_namespaces()) {
    kernel::NetlinkSocket* socket = socket_in(identity);
    std::vector<SocketEntry> sockets;
    if (socket == nullptr || !kernel::list_sockets(*socket, IPPROTO_TCP, sockets)) continue;
    std::unordered_multimap<std::uint32_t, const SocketEntry*> by_ports;
    const auto ports = [](std::uint16_t local, std::uint16_t remote) {
      return std::uint32_t{local} << 16 | remote;
    };
    for (const SocketEntry& entry : sockets)
      if (is_connection(entry)) by_ports.emplace(ports(entry.local_port, entry.remote_port), &entry);
    for (std::size_t i = from; i < traces_.size(); ++i) {
      if (followed_[i].theirs != nullptr) continue;
      const SocketEntry& ours = traces_[i].socket;
      const auto [first, last] = by_ports.equal_range(ports(ours.remote_port, ours.local_port));
      for (auto entry = first; entry != last; ++entry) {
        if (!are_ends_of_one(ours, *entry->second)) continue;
        followed_[i].other = *entry->second;
        followed_[i].theirs = socket;
        traces_[i].other_end_here = true;
        break;
      }
    }
  }
}

}  // namespace isotach::network

// Looks again and again at all TCP sockets of this machine and at who holds them, at any number of sockets 10
// times a second where that can be: very many are walked over by BPF where that is allowed
// (kernel/socket_walk_program.h), and the holders are looked for beside, on another thread, where it is not.
//
// Thread rule: one thread at a time for each object.
#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "kernel/netlink.h"
#include "kernel/socket_list.h"
#include "kernel/socket_walk_program.h"
#include "kernel/system_root.h"

namespace isotach::network {

class LiveSockets {
 public:
  // From this number of sockets on the programs that walk over them are worth loading.
  static constexpr std::size_t kManySockets = 4096;

  // `again`: it will be looked more than once.
  [[nodiscard]] static Result<LiveSockets> open(kernel::SystemRoot root, bool again,
                                                std::size_t many = kManySockets);

  [[nodiscard]] Result<void> look(Clock& clock);
  [[nodiscard]] const std::vector<kernel::SocketEntry>& all() const { return sockets_; }
  // Processes by inodes; some seconds old.
  [[nodiscard]] const std::unordered_map<std::uint32_t, std::uint32_t>& holders() const { return holders_; }
  // Goes up when holders() are other ones.
  [[nodiscard]] std::uint64_t holders_version() const { return version_; }
  [[nodiscard]] bool walks() const { return walk_ != nullptr; }

 private:
  using Holders = std::unordered_map<std::uint32_t, std::uint32_t>;
  LiveSockets(kernel::SystemRoot root, bool again, std::size_t many, kernel::NetlinkSocket socket)
      : root_(std::move(root)), again_(again), many_(many), socket_(std::move(socket)) {}

  Result<void> list();
  void look_for_holders(Clock& clock);
  void take_holders(Holders holders, std::int64_t now_ns, std::int64_t took_ns);

  kernel::SystemRoot root_;
  bool again_;
  std::size_t many_;
  kernel::NetlinkSocket socket_;
  std::unique_ptr<kernel::SocketWalk> walk_;
  bool walk_tried_ = false;
  std::vector<kernel::SocketEntry> sockets_;
  Holders holders_;
  std::future<Holders> being_found_;
  std::int64_t asked_ns_ = 0;
  std::int64_t next_holders_ns_ = 0;
  std::uint64_t version_ = 0;
};

}  // namespace isotach::network

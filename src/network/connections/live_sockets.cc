#include "network/connections/live_sockets.h"

#include <linux/netlink.h>
#include <netinet/in.h>

#include <algorithm>
#include <chrono>

namespace isotach::network {
namespace {

// Whose a socket is changes seldom, and finding out costs as much as some looks.
constexpr std::int64_t kHoldersEveryNs = 2 * kNanosecondsPerSecond;
// Rests so many times as long as it took, of one processor at most a tenth.
constexpr std::int64_t kHoldersRest = 10;

}  // namespace

Result<LiveSockets> LiveSockets::open(kernel::SystemRoot root, bool again, std::size_t many) {
  auto socket = kernel::NetlinkSocket::open(NETLINK_SOCK_DIAG);
  if (!socket) return tl::make_unexpected(std::move(socket.error()));
  return LiveSockets(std::move(root), again, many, std::move(*socket));
}

Result<void> LiveSockets::list() {
  sockets_.clear();
  if (walk_) {
    if (walk_->list(sockets_)) return {};
    walk_.reset();
    sockets_.clear();
  }
  return kernel::list_sockets(socket_, IPPROTO_TCP, sockets_);
}

void LiveSockets::take_holders(Holders holders, std::int64_t now_ns, std::int64_t took_ns) {
  holders_ = std::move(holders);
  ++version_;
  next_holders_ns_ = now_ns + std::max(kHoldersEveryNs, took_ns * kHoldersRest);
}

void LiveSockets::look_for_holders(Clock& clock) {
  const std::int64_t now_ns = clock.now().monotonic_ns;
  if (being_found_.valid()) {
    if (being_found_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
    take_holders(being_found_.get(), now_ns, now_ns - asked_ns_);
    return;
  }
  if (version_ > 0 && now_ns < next_holders_ns_) return;
  if (walk_) {
    auto found = walk_->holders();
    if (found) {
      const std::int64_t after_ns = clock.now().monotonic_ns;
      return take_holders(std::move(*found), after_ns, after_ns - now_ns);
    }
  }
  asked_ns_ = now_ns;
  if (version_ == 0) {
    Holders found = kernel::find_socket_holders(root_);
    const std::int64_t after_ns = clock.now().monotonic_ns;
    return take_holders(std::move(found), after_ns, after_ns - now_ns);
  }
  being_found_ = std::async(std::launch::async, [root = root_] { return kernel::find_socket_holders(root); });
}

Result<void> LiveSockets::look(Clock& clock) {
  if (auto listed = list(); !listed) return listed;
  if (again_ && !walk_tried_ && sockets_.size() >= many_) {
    walk_tried_ = true;
    // Where it is not allowed, the kernel's lists do.
    if (auto walk = kernel::SocketWalk::load()) walk_ = std::move(*walk);
  }
  look_for_holders(clock);
  return {};
}

}  // namespace isotach::network

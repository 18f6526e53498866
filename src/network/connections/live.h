// The machine's own TCP connections from moment to moment: rates between two lists of sockets, and what
// limits each sender, by the times that the kernel keeps (tcp_info: busy, limited by the receiver's window,
// by the send buffer). Pure but for the lists it is given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernel/socket_list.h"
#include "network/connections/limits.h"

namespace isotach::network {

struct LiveConnection {
  kernel::SocketEntry socket;
  double sent_rate = 0;      // bytes/s acknowledged since the list before; of a new one, since then at most
  double received_rate = 0;  // bytes/s
  std::uint64_t retransmitted = 0;  // segments since the list before
  std::optional<Limit> limit;       // nothing: it sends nothing
  double limit_share = 0;           // of the time
  std::string why;                  // the evidence, a few words
  [[nodiscard]] double rate() const { return sent_rate + received_rate; }
};

class LiveConnections {
 public:
  // Takes a list of TCP sockets, of which those that listen are left out; the first gives no rates, and
  // limits since each connection began.
  void update(const std::vector<kernel::SocketEntry>& sockets, std::int64_t now_ns);
  [[nodiscard]] const std::vector<LiveConnection>& all() const { return all_; }
  [[nodiscard]] bool has_rates() const { return updates_ > 1; }

 private:
  struct Before {
    std::uint64_t acknowledged = 0, received = 0, retransmitted = 0;
    std::uint64_t busy_us = 0, window_us = 0, buffer_us = 0;
    std::uint32_t update = 0;
  };
  std::vector<LiveConnection> all_;
  std::unordered_map<std::uint64_t, Before> before_;  // by cookie
  std::int64_t before_ns_ = 0;
  std::uint32_t updates_ = 0;
};

// What limits the sender of a socket that was busy for `busy_us` of `span_us`; for tests.
void judge_live(LiveConnection& one, std::uint64_t span_us, std::uint64_t busy_us, std::uint64_t window_us,
                std::uint64_t buffer_us);

}  // namespace isotach::network

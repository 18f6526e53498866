// What was seen of a connection from moment to moment, 20 times a second: both of its ends where both are on
// this machine, and what the threads behind them did. Plain data, from which the doctor finds out what
// limits it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernel/socket_detail.h"
#include "kernel/socket_list.h"
#include "kernel/task_activity.h"

namespace isotach::network {

struct TransferMoment {
  std::int64_t time_ns = 0;  // monotonic
  kernel::SocketDetail ours;
  kernel::Activity our_activity = kernel::Activity::unknown;
  std::optional<kernel::SocketDetail> theirs;  // of the other end, where it is on this machine
  kernel::Activity their_activity = kernel::Activity::unknown;
};

// Five minutes at 20 Hz; later moments replace every second one of the earlier.
inline constexpr std::size_t kMomentLimit = 6000;

struct TransferTrace {
  kernel::SocketEntry socket;  // our end
  std::vector<int> processes;  // that hold it
  std::string command;         // of the first; empty where it is not known
  std::vector<int> their_processes;
  std::string their_command;
  bool other_end_here = false;
  std::vector<TransferMoment> moments;

  [[nodiscard]] double seconds() const;
  [[nodiscard]] std::uint64_t bytes_sent() const;      // acknowledged while it was watched
  [[nodiscard]] std::uint64_t bytes_received() const;  // while it was watched
  [[nodiscard]] bool sends() const { return bytes_sent() >= bytes_received(); }
};

// What a followed process did, whatever its connections: for waits that belong to none.
struct ProcessTrace {
  int process = 0;
  std::string command;
  std::uint32_t moments = 0;
  std::uint32_t waits_for_names = 0;      // of them: it held a socket to a DNS server and waited
  std::vector<std::uint32_t> activities;  // of them, by kernel::Activity
};

}  // namespace isotach::network

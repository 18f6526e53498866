// The busiest TCP connections of this host, for as long as it is asked: all are listed every two seconds,
// and those that moved most since the last list are watched 20 times a second (TransferWatch). Of two ends
// on this host the one that sends is watched, with the other beside it.
//
// Costs about 1.1 us of CPU time a connection and list, and 2 us a watched one and look; finding the
// processes behind new ones and looking at their threads is kept below 1 % of the time each. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "kernel/netlink.h"
#include "kernel/system_root.h"
#include "network/connections/transfer_watch.h"

namespace isotach::network {

// What a connection had moved when it was listed.
class ListedConnections {
 public:
  struct Moved {
    std::uint64_t out = 0, in = 0;  // bytes of payload since the list before; 0 of one that is new
  };
  void begin() { ++list_; }
  [[nodiscard]] Moved update(const kernel::SocketEntry& socket);
  // Forgets those that the last list did not name.
  void end();
  [[nodiscard]] std::size_t size() const { return known_.size(); }

 private:
  struct Known {
    std::uint64_t out = 0, in = 0;
    std::uint32_t list = 0;
  };
  std::unordered_map<std::uint64_t, Known> known_;  // by cookie
  std::uint32_t list_ = 0;
  std::size_t listed_ = 0;
};

class BusyConnections {
 public:
  struct Options {
    std::int64_t list_every_ns = 2 * kNanosecondsPerSecond;
    std::int64_t remember_ns = 6 * kNanosecondsPerSecond;  // of what was seen of each
    std::size_t most = 100;                                // watched at a time
    // Slower ones are left alone, but for those with data that does not go out.
    double least_bytes_per_second = 16384;
  };

  // Of this program's network namespace.
  [[nodiscard]] static Result<BusyConnections> open(const kernel::SystemRoot& root, const Options& options);

  // Does what is due; true when all were listed.
  [[nodiscard]] Result<bool> step(Clock& clock);
  // When something is due next; monotonic.
  [[nodiscard]] std::int64_t deadline_ns() const;

  [[nodiscard]] const std::vector<TransferTrace>& traces() const { return watch_.traces(); }
  // In the last list: all, and those that were busy but not watched.
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t left_out() const { return left_out_; }

 private:
  struct Candidate {
    kernel::SocketEntry socket;
    std::uint64_t moved = 0;
    bool sends = false;
  };

  BusyConnections(const Options& options, kernel::NetlinkSocket socket, TransferWatch watch);
  [[nodiscard]] Result<void> list(std::int64_t now_ns);
  void choose();

  Options options_;
  kernel::NetlinkSocket socket_;
  TransferWatch watch_;
  ListedConnections listed_;
  std::vector<Candidate> candidates_;
  std::int64_t last_list_ns_ = 0, next_list_ns_ = 0, next_look_ns_ = 0;
  std::size_t count_ = 0, left_out_ = 0;
};

}  // namespace isotach::network

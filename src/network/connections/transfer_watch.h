// Follows connections, or all of a process and its children, and notes at each sample() what their sockets,
// their other ends on this machine, and the threads behind them do.
//
// Costs about 6 us a connection and 50 us a thread and sample. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "kernel/netlink.h"
#include "kernel/process.h"
#include "kernel/system_root.h"
#include "network/connections/transfer_trace.h"

namespace isotach::network {

inline constexpr std::int64_t kWatchIntervalNs = 50'000'000;

class TransferWatch {
 public:
  struct Options {
    bool both_ends = true;   // looks for the other ends on this machine, in all network namespaces
    std::size_t most = 100;  // connections; more are counted and left out
    bool activities = true;  // of threads
    // For a watch that is left on: what costs more than one connection's counters, finding the processes
    // behind new ones and looking at their threads, rests this many times as long as it took. Until threads
    // are looked at again they count as doing what they did.
    int rest = 0;
  };

  // Of the network namespace of `process`, or of this program for 0.
  [[nodiscard]] static Result<TransferWatch> open(const kernel::SystemRoot& root, int process,
                                                  Options options);

  // The connections of this process, and of the children that it has or gets, those to come as well.
  void follow_process(int process);
  // One connection; it may be followed already.
  void follow(const kernel::SocketEntry& socket);
  // The same, where its other end is known to be one of this namespace.
  void follow(const kernel::SocketEntry& socket, const kernel::SocketEntry& other_end);
  // Forgets the connections whose cookies are not among these.
  void keep_only(const std::unordered_set<std::uint64_t>& cookies);
  // Forgets what was seen before that time.
  void forget_before(std::int64_t time_ns);

  [[nodiscard]] Result<void> sample(Clock& clock);

  [[nodiscard]] const std::vector<TransferTrace>& traces() const { return traces_; }
  [[nodiscard]] const std::vector<ProcessTrace>& processes() const { return processes_; }
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }
  [[nodiscard]] const std::string& name_space() const { return namespace_; }

 private:
  [[nodiscard]] Result<void> read_counters(Clock& clock);
  struct Followed {
    bool gone = false;
    kernel::SocketEntry other;                // the other end, where it is here
    kernel::NetlinkSocket* theirs = nullptr;  // of its namespace
  };
  using Tasks = std::unordered_map<int, std::vector<kernel::TaskActivity>>;

  TransferWatch(const kernel::SystemRoot& root, Options options, kernel::NetlinkSocket socket,
                std::string name_space);
  [[nodiscard]] static bool is_connection(const kernel::SocketEntry& socket);
  void look_for_children();
  [[nodiscard]] Result<void> look_for_sockets();
  void look_for_holders(Clock& clock);
  void take_holders(const std::unordered_map<std::uint32_t, std::vector<pid_t>>& holders);
  void look_for_other_ends();
  void note_name_waits(Tasks& tasks);
  const std::vector<kernel::TaskActivity>& tasks_of(int process, Tasks& tasks);
  kernel::Activity activity_behind(std::uint32_t inode, const std::vector<int>& processes, Tasks& tasks);
  void look_at_threads(Clock& clock, Tasks& tasks);
  [[nodiscard]] kernel::NetlinkSocket* socket_in(const std::string& identity);
  [[nodiscard]] std::string command_of(int process) const;

  kernel::SystemRoot root_;
  Options options_;
  std::unique_ptr<kernel::NetlinkSocket> socket_;
  std::string namespace_;
  std::vector<TransferTrace> traces_;
  std::vector<Followed> followed_;  // as many
  std::vector<ProcessTrace> processes_;
  std::unordered_map<std::string, std::unique_ptr<kernel::NetlinkSocket>> others_;  // by namespace
  kernel::ProcessLister lister_;
  std::int64_t looked_ns_ = 0;
  std::int64_t holders_due_ns_ = 0, threads_due_ns_ = 0;
  std::size_t held_ = 0;    // traces whose holders were looked for
  std::size_t paired_ = 0;  // traces whose other ends were
  std::uint64_t left_out_ = 0;
};

// The two ends of one connection, as its hosts list them.
[[nodiscard]] bool are_ends_of_one(const kernel::SocketEntry& one, const kernel::SocketEntry& other);

// What the thread behind a socket does, of all that its processes do: whoever names the socket in a call
// is asked first, then whoever computes or waits for a disk. For tests.
[[nodiscard]] kernel::Activity choose_activity(std::uint32_t inode,
                                               const std::vector<kernel::TaskActivity>& tasks);

}  // namespace isotach::network

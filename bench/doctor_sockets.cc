// What a look at all TCP connections of this machine takes, at a hundred of them by name, and the list of the
// doctor that stays; run by doctor.py when there are very many.
#include <linux/netlink.h>
#include <netinet/in.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "kernel/netlink.h"
#include "kernel/socket_detail.h"
#include "kernel/socket_list.h"
#include "network/connections/busy_connections.h"

namespace {

using namespace isotach;

double seconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

}  // namespace

int main() {
  auto socket = kernel::NetlinkSocket::open(NETLINK_SOCK_DIAG);
  if (!socket) return 1;
  std::vector<double> wall, cpu;
  std::vector<kernel::SocketEntry> sockets;
  for (int i = 0; i < 11; ++i) {
    sockets.clear();
    const double wall_before = seconds(CLOCK_MONOTONIC);
    const double cpu_before = seconds(CLOCK_PROCESS_CPUTIME_ID);
    if (!kernel::list_sockets(*socket, IPPROTO_TCP, sockets)) return 1;
    wall.push_back(seconds(CLOCK_MONOTONIC) - wall_before);
    cpu.push_back(seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_before);
  }
  std::printf(
      "a look at %zu sockets: %.1f ms, %.2f us of CPU a socket (medians of 11; the fastest %.1f ms)\n",
      sockets.size(), median(wall) * 1e3, median(cpu) * 1e6 / static_cast<double>(sockets.size()),
      *std::min_element(wall.begin(), wall.end()) * 1e3);
  std::vector<double> each;
  for (int round = 0; round < 20; ++round) {
    const double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
    std::size_t asked = 0;
    for (const kernel::SocketEntry& one : sockets) {
      if (one.state == kernel::kTcpListening || one.inode == 0) continue;
      static_cast<void>(kernel::read_socket_detail(*socket, one));
      if (++asked == 100) break;
    }
    each.push_back(seconds(CLOCK_PROCESS_CPUTIME_ID) - before);
  }
  // The list of the doctor that stays, with what it keeps of each connection.
  auto busy = network::BusyConnections::open(kernel::SystemRoot(), {});
  if (!busy) return 1;
  ManualClock clock({kNanosecondsPerSecond, 0});
  std::vector<double> lists;
  for (int i = 0; i < 11; ++i) {
    clock.advance_ns(2 * kNanosecondsPerSecond);
    const double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
    if (!busy->step(clock)) return 1;
    lists.push_back(seconds(CLOCK_PROCESS_CPUTIME_ID) - before);
  }
  std::printf(
      "the standing doctor's list of %zu: %.1f ms of CPU, %.2f %% of a core every 2 s (median of 11)\n",
      busy->count(), median(lists) * 1e3, median(lists) / 2 * 100);
  std::printf("a hundred by name: %.0f us of CPU, %.2f %% of a core at 20 Hz (median of 20)\n",
              median(each) * 1e6, median(each) * 20 * 100);
  return 0;
}

// What a look at all TCP connections of this machine takes, at a hundred of them by name, and the list of the
// doctor that stays; run by doctor.py when there are very many.
#include <linux/netlink.h>
#include <netinet/in.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "figures.h"
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

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  bench::Figures figures("What a look at many connections takes", arguments);
  auto socket = kernel::NetlinkSocket::open(NETLINK_SOCK_DIAG);
  if (!socket) return 1;
  std::vector<double> cpu, wall;
  std::vector<kernel::SocketEntry> sockets;
  for (int i = 0; i < 11; ++i) {
    sockets.clear();
    const double cpu_before = seconds(CLOCK_PROCESS_CPUTIME_ID);
    const double wall_before = seconds(CLOCK_MONOTONIC);
    if (!kernel::list_sockets(*socket, IPPROTO_TCP, sockets)) return 1;
    cpu.push_back(seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_before);
    wall.push_back(seconds(CLOCK_MONOTONIC) - wall_before);
  }
  std::vector<const kernel::SocketEntry*> hundred;
  for (const kernel::SocketEntry& one : sockets)
    if (one.state != kernel::kTcpListening && one.inode != 0 && hundred.size() < 100) hundred.push_back(&one);
  std::vector<double> each;
  for (int round = 0; round < 20; ++round) {
    const double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
    if (!kernel::read_socket_details(*socket, hundred)) return 1;
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
  figures.table(
      "CPU time of a look at " + std::to_string(sockets.size()) + " sockets",
      {{"", bench::Column::kText}, {"ms", 2}, {"us each", 2}, {"looks a second", 1}, {"% of a core", 2}});
  const auto row = [&](const char* name, double cpu_s, double count, double each_second) {
    figures.row({name, cpu_s * 1e3, cpu_s / count * 1e6, each_second, cpu_s * each_second * 100});
  };
  row("all, once a second", median(cpu), static_cast<double>(sockets.size()), 1);
  row("the standing doctor's list", median(lists), static_cast<double>(busy->count()), 0.5);
  row("a hundred by name", median(each), 100, 20);
  const auto text = [](double value, const char* unit) {
    std::array<char, 32> written{};
    std::snprintf(written.data(), written.size(), "%.3g %s", value, unit);
    return std::string(written.data());
  };
  constexpr std::size_t kFew = 12'000;
  const double share = (median(lists) / 2 + median(each) * 20) * 100;
  const double most = sockets.size() <= kFew ? 1 : 5;
  figures.goal({"time for a look at all, the median of 11", text(median(wall) * 1e3, "ms"), "100 ms",
                median(wall) <= 0.1});
  figures.goal({"the standing doctor with a hundred busy connections", text(share, "% of a core"),
                text(most, "%"), share <= most});
  return figures.finish() ? 0 : 1;
}

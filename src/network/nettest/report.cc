#include "network/nettest/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/counter.h"

namespace isotach::nettest {
namespace {

std::uint64_t growth(std::uint64_t before, std::uint64_t now) {
  return counter_growth(before, now).value_or(0);
}

double share_of(std::uint64_t before_us, std::uint64_t now_us, double seconds) {
  if (seconds <= 0) return 0;
  return std::min(1.0, static_cast<double>(growth(before_us, now_us)) / 1e6 / seconds);
}

// Above it, an end has no processor time left for the network.
constexpr double kThreadLimit = 0.93;
constexpr double kHostLimit = 0.97;
// Of a processor: who takes less of a busy machine is kept waiting by others, if at all.
constexpr double kOwnWorkPercent = 40;
// The kernel counts processor time in steps, and of less it says nothing.
constexpr double kLeastSeconds = 0.2;

void warn_of_cpu(const CpuShare& cpu, const std::string& end, std::vector<std::string>& warnings) {
  if (cpu.busiest_thread && *cpu.busiest_thread >= kThreadLimit) {
    warnings.push_back(
        fmt::format("a thread of {} worked {:.0f} % of the time: its processor is the limit, not the network",
                    end, std::min(1.0, *cpu.busiest_thread) * 100));
  } else if (cpu.host_busy && *cpu.host_busy >= kHostLimit && cpu.total >= kOwnWorkPercent) {
    warnings.push_back(
        fmt::format("all processors of {} were busy ({:.0f} %): they are the limit, not the network", end,
                    *cpu.host_busy * 100));
  } else if (cpu.host_busy && *cpu.host_busy >= kHostLimit) {
    warnings.push_back(fmt::format(
        "other programs kept all processors of {} busy ({:.0f} %): they may be the limit, not the "
        "network",
        end, *cpu.host_busy * 100));
  }
}

// What was marked on its way out and came with another mark.
void warn_of_marks(const TestFacts& facts, const TestReport& report, std::vector<std::string>& warnings) {
  const int sent = facts.parameters.tos >> 2;
  for (const DataPath* path : {&report.local_path, &report.remote_path})
    if (path->tos_received && sent != 0 && *path->tos_received >> 2 != sent) {
      warnings.push_back(fmt::format("sent with DSCP {}, arrived with {}: something on the way changes it",
                                     sent, *path->tos_received >> 2));
      return;
    }
}

void warn_of_fragments(const TestFacts& facts, std::vector<std::string>& warnings) {
  if (const auto text = fragments_text(facts)) warnings.push_back(*text);
}

}  // namespace

std::uint64_t dropped_datagrams(std::uint64_t dropped_pieces, std::uint64_t received_datagrams,
                                std::uint64_t received_pieces, std::int64_t lost) {
  const double a_piece =
      received_pieces == 0
          ? 1
          : std::max(1.0, static_cast<double>(received_datagrams) / static_cast<double>(received_pieces));
  const double dropped = static_cast<double>(dropped_pieces) * a_piece + 0.5;
  return static_cast<std::uint64_t>(std::min(dropped, static_cast<double>(std::max<std::int64_t>(0, lost))));
}

StreamInterval interval_between(const StreamSample& before, const StreamSample& now, bool sender) {
  StreamInterval interval;
  interval.seconds = static_cast<double>(now.time_ns - before.time_ns) / 1e9;
  interval.bytes = growth(before.bytes, now.bytes);
  interval.packets = sender ? growth(before.packets, now.packets) : growth(before.highest, now.highest);
  interval.lost = static_cast<std::int64_t>(now.lost - before.lost);
  interval.out_of_order = growth(before.out_of_order, now.out_of_order);
  interval.duplicates = growth(before.duplicates, now.duplicates);
  interval.jitter_s = now.jitter_s;
  interval.transactions = growth(before.transactions, now.transactions);
  if (interval.transactions > 0)
    interval.mean_latency_ns = static_cast<double>(growth(before.latency_sum_ns, now.latency_sum_ns)) /
                               static_cast<double>(interval.transactions);
  if (now.buffer_drops)
    interval.buffer_drops = dropped_datagrams(growth(before.buffer_drops.value_or(0), *now.buffer_drops),
                                              growth(before.packets, now.packets),
                                              growth(before.calls, now.calls), interval.lost);
  if (!now.tcp) return interval;
  const kernel::TcpInfo earlier = before.tcp.value_or(kernel::TcpInfo{});
  interval.tcp = now.tcp;
  interval.retransmits = growth(earlier.retransmits, now.tcp->retransmits);
  interval.busy = share_of(earlier.busy_us, now.tcp->busy_us, interval.seconds);
  interval.window_limited = share_of(earlier.window_limited_us, now.tcp->window_limited_us, interval.seconds);
  interval.buffer_limited = share_of(earlier.buffer_limited_us, now.tcp->buffer_limited_us, interval.seconds);
  return interval;
}

double headline(const TestFacts& facts, const TestReport& report) {
  if (facts.parameters.transaction != Transaction::none)
    return report.latency && report.seconds > 0
               ? static_cast<double>(report.latency->count()) / report.seconds
               : 0;
  double sum = 0;
  for (const StreamTotal& stream : report.streams) {
    const StreamEnd& end = stream.received.known ? stream.received : stream.sent;
    if (end.seconds > 0) sum += static_cast<double>(end.bytes) * 8 / end.seconds;
  }
  return sum;
}

std::optional<std::string> fragments_text(const TestFacts& facts) {
  const TestParameters& parameters = facts.parameters;
  if (!parameters.udp || facts.path_mtu <= 0) return std::nullopt;
  const bool transactions = parameters.transaction != Transaction::none;
  const std::uint32_t length =
      transactions ? std::max(parameters.request_bytes, parameters.response_bytes) : parameters.length;
  const int headers = facts.peer.is_v6() ? 48 : 28;
  if (static_cast<int>(length) + headers <= facts.path_mtu) return std::nullopt;
  if (parameters.dont_fragment)
    return fmt::format(
        "datagrams of {} bytes do not fit into the path's MTU of {}, and may not be fragmented: none "
        "can be sent; -l {} fits",
        length, facts.path_mtu, facts.path_mtu - headers);
  const auto payload = static_cast<std::uint32_t>(facts.path_mtu - (headers - 8)) / 8 * 8;
  return fmt::format(
      "datagrams of {} bytes do not fit into the path's MTU of {}: each is sent in {} fragments, and "
      "lost if one of them is; {} {} avoids it",
      length, facts.path_mtu, (length + 8 + payload - 1) / payload, transactions ? "-r" : "-l",
      facts.path_mtu - headers);
}

std::vector<std::string> warnings_of(const TestFacts& facts, const TestReport& report) {
  std::vector<std::string> warnings;
  if (report.seconds >= kLeastSeconds) {
    warn_of_cpu(report.local, "ours", warnings);
    CpuShare remote = report.remote;
    if (facts.peer.is_loopback()) remote.host_busy.reset();  // it is this machine: told already
    warn_of_cpu(remote, facts.host.empty() ? "the client" : "the server", warnings);
    if (!report.remote.busiest_thread && report.remote.known && report.remote.total >= kThreadLimit * 100)
      warnings.push_back(
          fmt::format("the server used {:.0f} % of a processor: it may be the limit, not the network",
                      report.remote.total));
  }
  warn_of_marks(facts, report, warnings);
  if (facts.parameters.multipath && report.complete && !report.local_path.multipath)
    warnings.emplace_back("the other end or the path has no MPTCP: the streams were plain TCP");
  if (!facts.parameters.udp) return warnings;
  warn_of_fragments(facts, warnings);
  if (facts.parameters.transaction != Transaction::none) return warnings;

  std::uint64_t drops = 0;
  std::int64_t lost = 0;
  bool told_everywhere = true;
  std::uint64_t skipped = 0;
  for (const StreamTotal& stream : report.streams) {
    drops += stream.received.buffer_drops.value_or(0);
    lost += stream.received.lost;
    skipped += stream.skipped;
    if (stream.received.known && !stream.received.buffer_drops) told_everywhere = false;
  }
  if (drops > 0)
    warnings.push_back(fmt::format(
        "{} of {} lost datagrams found the receive buffer full: no loss of the network. A larger buffer "
        "(-w) or a lower rate (-b) avoids them",
        std::min<std::uint64_t>(drops, static_cast<std::uint64_t>(std::max<std::int64_t>(0, lost))), lost));
  if (lost > 0 && !told_everywhere)
    warnings.emplace_back("the receiver does not tell whether its buffer or the network lost the datagrams");
  if (skipped > 0)
    warnings.push_back(fmt::format(
        "{} datagrams were never sent, because we were stopped too long to send them evenly", skipped));
  return warnings;
}

}  // namespace isotach::nettest

// What TCP, UDP, the receiving of packets and connection tracking count.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "doctor/quantities.h"
#include "doctor/rules.h"
#include "doctor/thresholds.h"

namespace isotach::doctor {
namespace {

using kernel::CpuField;
using kernel::NetworkField;

class Protocols {
 public:
  explicit Protocols(const Evidence& evidence) : evidence_(evidence) {}
  [[nodiscard]] Number grown(NetworkField field) const {
    return growth(evidence_, evidence_.before.network[field], evidence_.now.network[field]);
  }
  [[nodiscard]] Number rate(NetworkField field) const {
    return per_second(evidence_, evidence_.before.network[field], evidence_.now.network[field]);
  }
  [[nodiscard]] Number now(NetworkField field) const { return level(evidence_.now.network[field]); }
  [[nodiscard]] const Evidence& evidence() const { return evidence_; }

 private:
  const Evidence& evidence_;
};

void check_retransmits(const Protocols& seen, std::vector<Finding>& findings) {
  const Number again = seen.grown(NetworkField::tcp_retransmits);
  const Number sent = seen.grown(NetworkField::tcp_segments_out);
  if (!again || !sent) return;
  const double part = share(*again, *sent + *again).value_or(0);
  if (*again < kRetransmittedAtLeast || part < kRetransmittedShare) return;
  findings.push_back(
      {"tcp-retransmits", part >= kRetransmittedShareCritical ? Severity::critical : Severity::warning, "",
       "TCP sends much of its data twice",
       fmt::format("{} of {} segments were sent again ({})", count(*again), count(*sent + *again),
                   percent(part)),
       "see which connections: isotach connections; and where it gets lost: isotach link check -i 5"});
}

void check_listening(const Protocols& seen, std::vector<Finding>& findings) {
  const char* remedy =
      "let the program accept faster, or queue more: raise its backlog and net.core.somaxconn; see ss -ltn";
  if (const Number grown = seen.grown(NetworkField::listen_overflows);
      at_least(grown, kListenOverflowsAtLeast)) {
    const bool many = at_least(seen.rate(NetworkField::listen_overflows), kListenOverflowsPerSecondCritical);
    findings.push_back({"listen-overflow", many ? Severity::critical : Severity::warning, "",
                        "clients are turned away: a listening socket's queue is full",
                        fmt::format("{} connections dropped", count(*grown)), remedy});
  } else if (const Number all = seen.now(NetworkField::listen_overflows);
             at_least(all, kListenOverflowsSinceBoot)) {
    findings.push_back({"listen-overflow-since-boot", Severity::info, "",
                        "clients were turned away by full listen queues",
                        fmt::format("{} connections dropped since boot", count(*all)), remedy});
  }
  if (const Number cookies = seen.grown(NetworkField::syn_cookies_sent); at_least(cookies, 1))
    findings.push_back({"syn-cookies", Severity::warning, "",
                        "a listening socket is flooded with connections",
                        fmt::format("{} SYN cookies sent", count(*cookies)),
                        "more clients than the backlog holds, or an attack: see who with isotach traffic"});
}

void check_buffers(const Protocols& seen, std::vector<Finding>& findings) {
  if (const Number drops = seen.grown(NetworkField::backlog_drops); at_least(drops, kSocketDropsAtLeast))
    findings.push_back({"socket-backlog-drops", Severity::warning, "",
                        "packets are dropped because their socket is busy",
                        fmt::format("{} dropped from backlogs", count(*drops)),
                        "more than one CPU's worth comes to one socket: spread it over more, or raise "
                        "net.ipv4.tcp_rmem"});
  const Number pruned = seen.rate(NetworkField::receive_pruned);
  const Number dropped = seen.grown(NetworkField::receive_queue_drops);
  if (at_least(pruned, kReceivePrunedPerSecond) || at_least(dropped, kSocketDropsAtLeast))
    findings.push_back({"receive-buffers-full", Severity::warning, "",
                        "receive buffers overflow: programs read too slowly, or the buffers are too small",
                        fmt::format("cleared out {:.1f} times a second, {} packets dropped",
                                    pruned.value_or(0), count(dropped.value_or(0))),
                        "see whose Recv-Q is full: isotach doctor; the limit is net.ipv4.tcp_rmem"});
  if (const Number lost = seen.grown(NetworkField::udp_receive_buffer_errors);
      at_least(lost, kDatagramsDroppedAtLeast)) {
    const Number part = share(lost, Number(*lost + seen.grown(NetworkField::udp_received).value_or(0)));
    if (at_least(part, kDatagramsDroppedShare))
      findings.push_back(
          {"udp-receive-drops", Severity::warning, "",
           "datagrams are dropped: a program reads them too slowly",
           fmt::format("{} dropped ({}); the network has delivered them", count(*lost), percent(*part)),
           "a larger SO_RCVBUF (up to net.core.rmem_max) takes bursts; else the program must be "
           "faster"});
  }
}

void check_memory_of_sockets(const Protocols& seen, std::vector<Finding>& findings) {
  const Number aborted = seen.grown(NetworkField::aborts_on_memory);
  const Number pressures = seen.grown(NetworkField::memory_pressures);
  const Number used =
      share(seen.now(NetworkField::tcp_memory_pages), seen.now(NetworkField::tcp_memory_pressure_pages));
  if (!at_least(aborted, 1) && !at_least(pressures, 1) && !at_least(used, kTcpMemoryUsed)) return;
  findings.push_back({"tcp-memory", at_least(aborted, 1) ? Severity::critical : Severity::warning, "",
                      "the memory for TCP's buffers is nearly used up",
                      fmt::format("{} of the amount where the kernel begins to save, {} connections cut",
                                  percent(used.value_or(0)), count(aborted.value_or(0))),
                      "fewer or smaller buffers, or a larger net.ipv4.tcp_mem (in pages)"});
}

void check_packets(const Protocols& seen, std::vector<Finding>& findings) {
  const Number dropped = seen.grown(NetworkField::softnet_dropped);
  if (at_least(dropped, kSoftnetDropsAtLeast))
    findings.push_back(
        {"softnet-drops", Severity::warning, "", "packets are dropped before any program sees them",
         fmt::format("{} dropped from the backlog of a CPU", count(*dropped)),
         "sysctl -w net.core.netdev_max_backlog=10000; spread the packets over CPUs (RSS, RPS)"});
  if (const Number squeezed = seen.rate(NetworkField::softnet_squeezed);
      at_least(squeezed, kSqueezedPerSecond))
    findings.push_back({"softnet-squeezed", Severity::info, "",
                        "CPUs often put packets off for lack of budget",
                        fmt::format("{:.0f} times a second", *squeezed),
                        "sysctl -w net.core.netdev_budget=600 net.core.netdev_budget_usecs=8000"});
  const Evidence& evidence = seen.evidence();
  for (const auto& cpu : evidence.now.cpu.each) {
    const auto before = std::find_if(evidence.before.cpu.each.begin(), evidence.before.cpu.each.end(),
                                     [&](const auto& one) { return one.number == cpu.number; });
    if (before == evidence.before.cpu.each.end()) continue;
    double all = 0;
    for (const CpuField field : {CpuField::user, CpuField::nice, CpuField::system, CpuField::idle,
                                 CpuField::iowait, CpuField::irq, CpuField::softirq, CpuField::steal})
      all += growth(evidence, before->times[field], cpu.times[field]).value_or(0);
    const Number soft =
        share(growth(evidence, before->times[CpuField::softirq], cpu.times[CpuField::softirq]), Number(all));
    if (!at_least(soft, kSoftirqSaturated)) continue;
    findings.push_back({"softirq-saturated", Severity::warning, fmt::format("cpu{}", cpu.number),
                        fmt::format("CPU {} does nothing but packets", cpu.number),
                        fmt::format("softirq {} of its time", percent(*soft)),
                        "spread the packets over more CPUs: isotach link (channels), RPS in "
                        "/sys/class/net/DEV/queues/rx-0/rps_cpus"});
  }
}

void check_tracking(const Protocols& seen, std::vector<Finding>& findings) {
  const Number entries = seen.now(NetworkField::conntrack_entries);
  const Number part = share(entries, seen.now(NetworkField::conntrack_limit));
  if (!at_least(part, kConntrackUsed)) return;
  findings.push_back(
      {"conntrack-full", at_least(part, kConntrackFull) ? Severity::critical : Severity::warning, "",
       "the table of tracked connections is nearly full; new ones are dropped then",
       fmt::format("{} entries, {} of the room", count(*entries), percent(*part)),
       "sysctl -w net.netfilter.nf_conntrack_max=... (about 300 bytes each), or do not track what "
       "needs no NAT"});
}

using Rule = void (*)(const Protocols&, std::vector<Finding>&);
constexpr Rule kRules[] = {check_retransmits,       check_listening, check_buffers,
                           check_memory_of_sockets, check_packets,   check_tracking};

}  // namespace

void check_protocols(const Evidence& evidence, Diagnosis& diagnosis) {
  const Protocols seen(evidence);
  for (const Rule rule : kRules) rule(seen, diagnosis.findings);
}

}  // namespace isotach::doctor

#include "doctor/host_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "doctor/quantities.h"
#include "doctor/thresholds.h"

namespace isotach::doctor {
namespace {

using kernel::QdiscReading;

const QdiscReading* find_same(const std::vector<QdiscReading>& all, const QdiscReading& wanted) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const QdiscReading& one) {
    return one.interface == wanted.interface && one.kind == wanted.kind && one.handle == wanted.handle &&
           one.parent == wanted.parent;
  });
  return found == all.end() ? nullptr : &*found;
}

double grown(std::uint64_t now, std::uint64_t before) {
  return now >= before ? static_cast<double>(now - before) : 0;
}

bool is_shaper(const std::string& kind) {
  return kind == "tbf" || kind == "htb" || kind == "cake";
}

void check_queue(const HostEvidence& evidence, const QdiscReading& before, const QdiscReading& now,
                 Diagnosis& diagnosis) {
  const auto name = evidence.interfaces.find(now.interface);
  const std::string device =
      name != evidence.interfaces.end() ? name->second : fmt::format("interface {}", now.interface);
  const double dropped = grown(now.dropped, before.dropped);
  const double sent = grown(now.packets, before.packets);
  const double part = share(dropped, sent + dropped).value_or(0);
  if (dropped >= kQdiscDroppedAtLeast && part >= kQdiscDroppedShare)
    diagnosis.findings.push_back(
        {"qdisc-drops", Severity::warning, device,
         fmt::format("{}: this host drops packets before they are sent", device),
         fmt::format("{} of {} packets dropped by {} ({}), {} wait", count(dropped), count(sent + dropped),
                     now.kind, percent(part), bytes(now.queued_bytes)),
         fmt::format("more is offered than the link or the shaper takes: tc -s qdisc show dev {}", device)});
  const double over = grown(now.over_limit, before.over_limit) / evidence.elapsed_s;
  if (is_shaper(now.kind) && over >= kShapedPerSecond)
    diagnosis.findings.push_back({"traffic-shaped", Severity::info, device,
                                  fmt::format("{}: a traffic shaper of this host holds packets back", device),
                                  fmt::format("{} was over its limit {:.0f} times a second, {} wait",
                                              now.kind, over, bytes(now.queued_bytes)),
                                  fmt::format("right when it is meant: tc -s qdisc show dev {}", device)});
}

}  // namespace

void check_queues(const HostEvidence& evidence, Diagnosis& diagnosis) {
  if (evidence.elapsed_s <= 0) return;
  for (const QdiscReading& now : evidence.qdiscs_now)
    if (const QdiscReading* before = find_same(evidence.qdiscs_before, now))
      check_queue(evidence, *before, now, diagnosis);
}

void check_names(const HostEvidence& evidence, Diagnosis& diagnosis) {
  std::size_t silent = 0;
  for (const network::NameServerAnswer& answer : evidence.name_servers) {
    if (!answer.time_ms) {
      ++silent;
      diagnosis.findings.push_back(
          {"name-server-silent", Severity::warning, answer.server,
           fmt::format("the DNS server {} does not answer", answer.server), answer.trouble,
           silent == 1 && evidence.name_servers.front().server == answer.server
               ? "every name is asked there first: take it out of /etc/resolv.conf, or mend it"
               : "take it out of /etc/resolv.conf, or mend it"});
      continue;
    }
    if (*answer.time_ms >= kNamesSlowMs)
      diagnosis.findings.push_back(
          {"name-server-slow", Severity::warning, answer.server,
           fmt::format("the DNS server {} is slow", answer.server),
           fmt::format("{} for the servers of the root, which every resolver has at hand",
                       format_duration_ns(*answer.time_ms * 1e6)),
           "put a nearer one first in /etc/resolv.conf, or run a cache on this host"});
  }
  // One server of several is a loss of time; all of them, of all names.
  if (silent > 0 && silent == evidence.name_servers.size())
    for (Finding& finding : diagnosis.findings)
      if (finding.id == "name-server-silent") finding.severity = Severity::critical;
}

void check_settings(const HostEvidence& evidence, Diagnosis& diagnosis) {
  if (evidence.window_scaling && *evidence.window_scaling == 0)
    diagnosis.findings.push_back({"window-scaling-off", Severity::warning, "",
                                  "TCP's windows cannot grow beyond 64 KiB on this host",
                                  "net.ipv4.tcp_window_scaling is 0: at 50 ms that is 10 Mbit/s at most",
                                  "sysctl -w net.ipv4.tcp_window_scaling=1"});
  const auto check = [&](const std::optional<std::uint64_t>& most, const char* which, const char* setting) {
    if (!most || static_cast<double>(*most) >= kBufferMostSmall) return;
    diagnosis.findings.push_back(
        {"tcp-buffers-small", Severity::info, which,
         fmt::format("TCP's {} buffers cannot grow far on this host", which),
         fmt::format("{} ends at {}", setting, bytes(static_cast<double>(*most))),
         fmt::format("sysctl -w {}=\"4096 131072 6291456\"; what a path needs: isotach path HOST", setting)});
  };
  check(evidence.receive_buffer_most, "receive", "net.ipv4.tcp_rmem");
  check(evidence.send_buffer_most, "send", "net.ipv4.tcp_wmem");
}

}  // namespace isotach::doctor

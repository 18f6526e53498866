#include "command/doctor/connections_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "doctor/quantities.h"
#include "network/packet/ip_address.h"

namespace isotach::command {
namespace {

using network::ProcessTrace;
using network::TransferTrace;

// Less than this moved, and nothing waits: a connection that rests.
constexpr std::uint64_t kRestingBytes = 4096;
// From this share of the time on a wait for a DNS server is what is felt.
constexpr double kNameWaitFelt = 0.10;
// Findings about connections of a host are of those that matter.
constexpr double kFindingBps = 1e6;
constexpr std::size_t kConnectionFindings = 10;

std::string endpoint(const std::array<std::uint8_t, 16>& address, std::uint16_t port, std::uint8_t version) {
  return network::endpoint_text(network::IpAddress::from(address.data(), version), port);
}

std::string process_text(const std::string& command, const std::vector<int>& processes) {
  return processes.empty() ? std::string() : fmt::format("{}/{}", command, processes.front());
}

bool rests(const TransferTrace& trace) {
  if (trace.moments.size() < 2) return true;
  if (trace.bytes_sent() + trace.bytes_received() >= kRestingBytes) return false;
  // A black hole moves nothing either: but something is under way, again and again.
  const kernel::SocketDetail& last = trace.moments.back().ours;
  return last.unacked_segments == 0 && last.send_queue == 0;
}

}  // namespace

DoctorConnection judge_connection(const TransferTrace& trace, const LinkContext& links) {
  DoctorConnection one;
  const kernel::SocketEntry& socket = trace.socket;
  one.local = endpoint(socket.local, socket.local_port, socket.ip_version);
  one.remote = endpoint(socket.remote, socket.remote_port, socket.ip_version);
  one.process = process_text(trace.command, trace.processes);
  one.their_process = process_text(trace.their_command, trace.their_processes);
  one.sends = trace.sends();
  one.seconds = trace.seconds();
  one.verdict = doctor::judge_transfer(trace, links.path_of(socket));
  return one;
}

void add_connections(const std::vector<TransferTrace>& traces, const LinkContext& links,
                     DoctorReport& report) {
  std::size_t resting = 0;
  for (const TransferTrace& trace : traces) {
    if (rests(trace)) {
      ++resting;
      continue;
    }
    report.connections.push_back(judge_connection(trace, links));
  }
  std::stable_sort(report.connections.begin(), report.connections.end(),
                   [](const DoctorConnection& a, const DoctorConnection& b) {
                     const auto amount = [](const DoctorConnection& one) {
                       return one.verdict.facts.delivered_bytes;
                     };
                     return amount(a) > amount(b);
                   });
  for (const DoctorConnection& one : report.connections) {
    if (auto finding = one.verdict.finding(one.way())) report.findings.push_back(std::move(*finding));
  }
  if (resting > 0)
    report.healthy.push_back(fmt::format("{} connection{} that rest{}", resting, resting == 1 ? "" : "s",
                                         resting == 1 ? "s" : ""));
}

std::vector<doctor::Finding> findings_that_matter(const std::vector<DoctorConnection>& connections) {
  std::vector<doctor::Finding> findings;
  for (const DoctorConnection& one : connections) {
    auto finding = one.verdict.finding(one.way());
    if (!finding || finding->severity < doctor::Severity::warning) continue;
    const bool matters =
        one.verdict.facts.rate_bps >= kFindingBps || finding->severity == doctor::Severity::critical;
    if (matters && findings.size() < kConnectionFindings) findings.push_back(std::move(*finding));
  }
  return findings;
}

void answer_by_connection(DoctorReport& report) {
  if (report.connections.empty()) return;
  const DoctorConnection& largest = report.connections.front();
  report.answer = largest.verdict.answer + ".";
  report.evidence.insert(report.evidence.begin(), largest.verdict.evidence.begin(),
                         largest.verdict.evidence.end());
  report.remedies = largest.verdict.remedies;
}

void add_processes(const std::vector<ProcessTrace>& processes, DoctorReport& report) {
  for (const ProcessTrace& trace : processes) {
    if (trace.moments == 0) continue;
    const double waits = static_cast<double>(trace.waits_for_names) / trace.moments;
    // What a program does is in the verdicts of its connections, where it has some.
    for (std::size_t i = 1; report.connections.empty() && i < trace.activities.size(); ++i) {
      const double share = static_cast<double>(trace.activities[i]) / trace.moments;
      if (share >= 0.05)
        report.evidence.push_back({fmt::format("{}/{} {}", trace.command, trace.process,
                                               kernel::activity_name(static_cast<kernel::Activity>(i))),
                                   doctor::percent(share), "/proc/PID/task, 20 times a second"});
    }
    if (waits < kNameWaitFelt) continue;
    report.evidence.push_back({fmt::format("{}/{} waits for a DNS server", trace.command, trace.process),
                               doctor::percent(waits), "it waits, and holds a UDP socket to port 53"});
    report.findings.push_back(
        {"name-lookup-slow", doctor::Severity::warning, trace.command,
         fmt::format("{}: it waits for a DNS server", trace.command),
         fmt::format("{} of the time that it was watched", doctor::percent(waits)),
         "see which server is slow: isotach doctor; put a faster one first in /etc/resolv.conf"});
    // What it transferred in the rest of the time is not what was slow.
    const bool most = report.connections.empty() || waits >= 0.5;
    if (!most) continue;
    report.answer = fmt::format("It is the network: the program waits for a DNS server ({} of the time).",
                                doctor::percent(waits));
    report.remedies = {"see which server is slow: isotach doctor",
                       "put a faster one first in /etc/resolv.conf, or run a cache on this host"};
  }
}

}  // namespace isotach::command

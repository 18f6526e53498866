#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "command/path/output.h"

namespace isotach::command {
namespace {

std::string rate(double bps) {
  return format_bits_per_second(bps);
}

std::string range(const path::Estimate& estimate) {
  return fmt::format("{} ({} to {})", rate(estimate.value), rate(estimate.low), rate(estimate.high));
}

std::string line(const char* name, const std::string& text) {
  return fmt::format("{:<22}{}\n", name, text);
}

std::string delays(const path::DelayFacts& facts) {
  if (facts.answered == 0) return "no echo was answered";
  return fmt::format("{} least, {} median, {} p90, {} p99", format_duration_ns(facts.rtt_min_ns),
                     format_duration_ns(facts.rtt_p50_ns), format_duration_ns(facts.rtt_p90_ns),
                     format_duration_ns(facts.rtt_p99_ns));
}

std::string mtu_text(const path::PathMtu& mtu) {
  std::string text = fmt::format("{} bytes", mtu.bytes);
  if (mtu.limit == path::MtuLimit::none) return text;
  text += fmt::format(", less than the interface's {}", mtu.interface_bytes);
  return text + (mtu.limit == path::MtuLimit::told ? "; a router says so"
                                                   : "; larger packets vanish without a word: a black hole");
}

std::string bits_text(const path::HeaderBits& bits) {
  if (!bits.known) return "no answer";
  std::string text = bits.ecn_bleached() ? "ECN is cleared on the way" : "ECN arrives";
  text += bits.dscp_changed()
              ? fmt::format(", DSCP {} arrives as {}", bits.sent_tos >> 2, bits.arrived_tos >> 2)
              : ", DSCP arrives";
  return text;
}

std::string losses_text(const path::Losses& losses) {
  std::string text = fmt::format("{} of {} lost, {} reordered, {} twice", losses.lost, losses.sent,
                                 losses.reordered, losses.duplicates);
  if (losses.dropped_by_socket > 0)
    text += fmt::format("; {} dropped by the receiver's socket, which is no loss of the network",
                        losses.dropped_by_socket);
  return text;
}

std::string measured(const path::PathReport& report) {
  std::string text;
  if (report.capacity) text += line("capacity", range(report.capacity->bps) + ", the narrow link");
  if (report.available) {
    text += line("available", range(report.available->bps) + ", on average");
    text += line("", fmt::format("{} to {} in nine of ten streams", rate(report.available->least_bps),
                                 rate(report.available->most_bps)));
    if (report.available->tight_bps)
      text += line("tight link", rate(*report.available->tight_bps) + ", not the narrow one");
    if (report.capacity)
      text += line(
          "used by others",
          fmt::format("{} of the tight link",
                      rate(std::max(0.0, report.available->tight_bps.value_or(report.capacity->bps.value) -
                                             report.available->bps.value))));
  }
  if (report.transfer) {
    text += line("TCP achieves",
                 fmt::format("{} with {}, {} sent again", rate(report.transfer->bps),
                             printable(report.transfer->congestion), report.transfer->retransmits));
  }
  text += line("RTT", delays(report.idle));
  if (report.transfer) text += line("RTT under load", delays(report.transfer->loaded));
  text += line("delay variation", fmt::format("{} forth, {} back (p90 beyond the least)",
                                              format_duration_ns(report.idle.forth_variation_ns),
                                              format_duration_ns(report.idle.back_variation_ns)));
  text += line("packets", losses_text(report.losses));
  text += line("path MTU", mtu_text(report.mtu));
  text += line("header bits", bits_text(report.bits));
  text += line("probes cost", fmt::format("{}, {} at most, for 12 to 30 ms at a time",
                                          format_bytes(static_cast<double>(report.probing.bytes)),
                                          rate(report.probing.peak_bps)));
  for (const std::string& remark : report.remarks) text += "note: " + printable(remark) + '\n';
  return text;
}

std::string advised(const path::HostTcp& host, const path::Advice& advice) {
  if (advice.bdp_bytes <= 0) return {};
  std::string text = "\nWhat TCP needs to fill it\n";
  text += line("  product", format_bytes(advice.bdp_bytes) + " under way (capacity x least RTT)");
  text +=
      line("  buffers", format_bytes(advice.buffer_bytes) + " at each end, with what packets and queues add");
  for (const path::Cap& cap : advice.caps)
    text += line(("  " + cap.by).c_str(),
                 (cap.window_bytes > 0 ? fmt::format("{} under way: ", format_bytes(cap.window_bytes))
                                       : std::string()) +
                     rate(cap.bps) + " at most");
  text += line("  congestion control", printable(host.congestion));
  text += line("  write size", format_bytes(static_cast<double>(advice.write_bytes)));
  text += line("  streams", advice.streams == 1
                                ? "1 suffices"
                                : fmt::format("{}, as long as nothing is changed", advice.streams));
  if (advice.changes.empty())
    text += "Nothing has to be changed here: this host's settings do not limit TCP on this path.\n";
  for (const path::Change& change : advice.changes)
    text += fmt::format("\n    {}\n  from {} to {}: {}\n", change.command, rate(change.from_bps),
                        rate(change.to_bps), change.why);
  if (!advice.changes.empty())
    text += "\nThe partner needs the same: run isotach path there, towards this host.\n";
  for (const std::string& note : advice.notes) text += "note: " + printable(note) + '\n';
  return text;
}

// Whose packets were measured.
std::string way(const path::PathReport& report) {
  const bool forth = report.direction == path::Direction::to_peer;
  return fmt::format("From {} to {}\n", (forth ? report.local : report.peer).host(),
                     (forth ? report.peer : report.local).host());
}

}  // namespace

std::string path_text(const path::PathReport& report, const path::HostTcp& host, const path::Advice& advice) {
  std::string text = way(report) + measured(report);
  if (report.reverse) text += '\n' + way(*report.reverse) + measured(*report.reverse);
  return text + advised(host, advice);
}

std::string hops_text(const path::HopReport& report) {
  std::string text = fmt::format("{:>3}  {:<40}{:>8}{:>11}{:>11}{:>11}  {}\n", "hop", "address", "answers",
                                 "least", "median", "waiting", "link (estimate)");
  for (const path::Hop& hop : report.hops) {
    std::string link = "-";
    if (hop.link_bps)
      link = fmt::format("{} ({} to {})", rate(*hop.link_bps), rate(*hop.link_low_bps),
                         rate(*hop.link_high_bps));
    const bool known = hop.answered > 0;
    text += fmt::format("{:>3}  {:<40}{:>7}%{:>11}{:>11}{:>11}  {}\n", hop.number,
                        known ? hop.address : "no answer", hop.sent > 0 ? hop.answered * 100 / hop.sent : 0,
                        known ? format_duration_ns(hop.rtt_min_ns) : "-",
                        known ? format_duration_ns(hop.rtt_p50_ns) : "-",
                        known ? format_duration_ns(hop.queueing_ns) : "-", link);
  }
  if (!report.reached) text += "the host itself did not answer\n";
  return text;
}

}  // namespace isotach::command

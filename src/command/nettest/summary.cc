// What a test came to, for people: totals of each direction and stream, latencies, processors, and warnings.
#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "command/nettest/text.h"
#include "command/nettest/timing.h"
#include "command/nettest/verdict_text.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

using nettest::SenderTcp;
using nettest::StreamEnd;
using nettest::StreamTotal;
using nettest::TestFacts;
using nettest::TestReport;
using nettest::Transaction;

StreamEnd add(const StreamEnd& a, const StreamEnd& b) {
  if (!a.known) return b;
  StreamEnd sum = a;
  sum.known = a.known && b.known;
  sum.seconds = std::max(a.seconds, b.seconds);
  sum.bytes += b.bytes;
  sum.packets += b.packets;
  sum.lost += b.lost;
  sum.jitter_s = std::max(a.jitter_s, b.jitter_s);
  const auto both = [](auto x, auto y) { return x && y ? decltype(x)(*x + *y) : decltype(x)(); };
  sum.retransmits = both(a.retransmits, b.retransmits);
  sum.out_of_order = both(a.out_of_order, b.out_of_order);
  sum.duplicates = both(a.duplicates, b.duplicates);
  sum.buffer_drops = both(a.buffer_drops, b.buffer_drops);
  return sum;
}

// Of several streams: their windows together, the slowest round trip, what held one of them up longest.
SenderTcp add(const SenderTcp& a, const SenderTcp& b) {
  SenderTcp sum = a;
  sum.largest_cwnd_bytes += b.largest_cwnd_bytes;
  sum.mean_rtt_us = std::max(a.mean_rtt_us, b.mean_rtt_us);
  sum.busy = std::max(a.busy, b.busy);
  sum.window_limited = std::max(a.window_limited, b.window_limited);
  sum.buffer_limited = std::max(a.buffer_limited, b.buffer_limited);
  return sum;
}

std::string number_or_dash(const std::optional<std::uint64_t>& value) {
  return value ? fmt::format("{}", *value) : "-";
}

void add_rows(view::Table& table, const TestFacts& facts, const std::string& name, const StreamEnd& sent,
              const StreamEnd& received, const std::optional<SenderTcp>& tcp) {
  const bool udp = facts.parameters.udp;
  const auto row = [&](const char* what, const StreamEnd& end, bool sender) {
    std::vector<view::TableCell> cells = {name, what};
    if (!end.known) {
      cells.emplace_back("not told");
      table.row(std::move(cells));
      return;
    }
    cells.emplace_back(format_bytes(static_cast<double>(end.bytes)));
    cells.emplace_back(rate_text(static_cast<double>(end.bytes), end.seconds));
    cells.emplace_back(fmt::format("{:.3f} s", end.seconds));
    if (udp) {
      cells.emplace_back(fmt::format("{}", end.packets));
      cells.emplace_back(sender ? "" : loss_text(end.lost, end.packets));
      cells.emplace_back(sender ? "" : format_duration_ns(end.jitter_s * 1e9));
      cells.emplace_back(sender ? "" : number_or_dash(end.out_of_order));
      cells.emplace_back(sender ? "" : number_or_dash(end.duplicates));
    } else {
      cells.emplace_back(sender ? number_or_dash(end.retransmits) : "");
      if (sender && tcp) {
        cells.emplace_back(format_bytes(static_cast<double>(tcp->largest_cwnd_bytes)));
        cells.emplace_back(format_duration_ns(tcp->mean_rtt_us * 1e3));
        cells.emplace_back(limit_text(tcp->busy, tcp->window_limited, tcp->buffer_limited));
      }
    }
    table.row(std::move(cells));
  };
  row("sent", sent, true);
  row("received", received, false);
}

std::string latency_text(const TestReport& report) {
  const Histogram& latency = *report.latency;
  const double seconds = report.seconds;
  if (latency.count() == 0) return "no transaction was completed\n";
  const auto time = [](std::uint64_t ns) { return format_duration_ns(static_cast<double>(ns)); };
  view::Table table({{"latency", view::Align::left}, {"", view::Align::quantity}});
  table.row({"least", time(latency.minimum())});
  for (const auto& [name, share] : {std::pair{"p50", 0.5}, std::pair{"p90", 0.9}, std::pair{"p99", 0.99},
                                    std::pair{"p99.9", 0.999}, std::pair{"p99.99", 0.9999}})
    table.row({name, time(latency.quantile(share))});
  table.row({"most", time(latency.maximum())});
  table.row({"mean", format_duration_ns(latency.mean())});
  std::string text = fmt::format("{} transactions in {:.3f} s: {:.1f} /s\n", latency.count(), seconds,
                                 seconds > 0 ? static_cast<double>(latency.count()) / seconds : 0);
  std::int64_t lost = 0;
  std::uint64_t never_sent = 0;
  for (const StreamTotal& stream : report.streams) {
    lost += stream.whole.lost;
    never_sent += stream.skipped;
  }
  if (lost > 0) text += fmt::format("{} had no answer in time\n", lost);
  if (never_sent > 0)
    text += fmt::format("{} {} due and could not be sent any more\n", never_sent,
                        never_sent == 1 ? "was" : "were");
  return text + "\n" + table.text(80);
}

std::string cpu_text(const nettest::CpuShare& cpu, double seconds, std::uint64_t bytes,
                     std::uint64_t transactions) {
  if (!cpu.known) return "not told";
  std::string text = fmt::format("{:.1f} % of a processor ({:.1f} % user, {:.1f} % system)", cpu.total,
                                 cpu.user, cpu.system);
  // The service demand: what a gigabyte cost, or a transaction.
  if (bytes > 0)
    text += fmt::format(", {:.3f} s/GB", cpu.total / 100 * seconds / (static_cast<double>(bytes) / 1e9));
  if (transactions > 0)
    text += fmt::format(", {} each",
                        format_duration_ns(cpu.total * 1e7 * seconds / static_cast<double>(transactions)));
  if (cpu.host_busy) text += fmt::format("; whole host {:.0f} % busy", *cpu.host_busy * 100);
  return text;
}

std::string sender_text(const nettest::DataPath& path) {
  std::string text = "sent by " + path.sent_by;
  if (path.sent_copied == 0) return text + ", which copies nothing";
  if (path.sent_copied < 1)
    return text + fmt::format(", {:.0f} % of it copied all the same", path.sent_copied * 100);
  return path.sent_by == "zerocopy" ? text + ", all of it copied all the same: this path has no use for it"
                                    : text;
}

// What each end did with the bytes: a test without copies is another test than one with them.
std::string path_text(const TestFacts& facts, const nettest::DataPath& ours, const nettest::DataPath& theirs,
                      bool we_are_server) {
  std::string text;
  for (const auto& [path, name] : {std::pair{&ours, we_are_server ? "server" : "client"},
                                   std::pair{&theirs, we_are_server ? "client" : "server"}}) {
    std::string line;
    const auto add = [&line](const std::string& what) { line += (line.empty() ? "" : "; ") + what; };
    if (!path->sent_by.empty()) add(sender_text(*path));
    if (path->received_by == nettest::kDiscarded)
      add("received and thrown away by the kernel: copied nothing");
    if (path->received_by == nettest::kReceivedByCopy) add("received by recv");
    if (path->cold_buffers > 0) add(fmt::format("{} buffers in turn", path->cold_buffers));
    if (path->multipath) add("MPTCP");
    // Who did not mark anything, and got nothing marked, does not want to know.
    const bool marks = facts.parameters.tos != 0 || path->tos_received.value_or(0) != 0;
    if (path->tos_received && facts.parameters.udp && marks)
      add(fmt::format("arrived with DSCP {}, ECN {}", *path->tos_received >> 2, *path->tos_received & 3));
    if (path->tos_received && !facts.parameters.udp && marks)
      add(fmt::format("arrived with DSCP {}", *path->tos_received >> 2));
    if (path->followed) add("moved to the processor where its packets came in");
    if (path->ecn) add(path->ecn_seen ? "ECN agreed on and arrived" : "ECN agreed on");
    if (!line.empty()) text += fmt::format("{:<8}{}\n", name, line);
  }
  return text;
}

}  // namespace

std::string NettestText::summary(const TestReport& report, bool we_are_server) const {
  std::string text;
  if (facts_.parameters.transaction == Transaction::none) {
    std::vector<view::TableColumn> columns = {{"stream", view::Align::left},
                                              {"", view::Align::left},
                                              {"data", view::Align::quantity},
                                              {"rate", view::Align::quantity},
                                              {"time", view::Align::quantity, 5}};
    if (facts_.parameters.udp) {
      for (const char* name : {"datagrams", "lost"}) columns.push_back({name, view::Align::right});
      columns.push_back({"jitter", view::Align::quantity, 2});
      columns.push_back({"late", view::Align::right, 3});
      columns.push_back({"twice", view::Align::right, 4});
    } else {
      columns.push_back({"resent", view::Align::right});
      columns.push_back({"largest cwnd", view::Align::quantity, 4});
      columns.push_back({"mean RTT", view::Align::quantity, 2});
      columns.push_back({"held up by", view::Align::left, 1});
    }
    view::Table table(std::move(columns));
    for (const bool sender : {true, false}) {
      StreamEnd sent;
      StreamEnd received;
      std::optional<SenderTcp> tcp;
      int count = 0;
      for (std::size_t i = 0; i < report.streams.size(); ++i) {
        if (facts_.streams[i].sender != sender) continue;
        const StreamTotal& stream = report.streams[i];
        if (facts_.parameters.parallel > 1)
          add_rows(table, facts_, std::to_string(facts_.streams[i].id), stream.sent, stream.received,
                   stream.tcp);
        sent = count == 0 ? stream.sent : add(sent, stream.sent);
        received = count == 0 ? stream.received : add(received, stream.received);
        tcp = count == 0          ? stream.tcp
              : tcp && stream.tcp ? std::optional(add(*tcp, *stream.tcp))
                                  : std::nullopt;
        ++count;
      }
      const bool upward = sender != we_are_server;
      std::string name = upward ? "to server" : "from server";
      if (facts_.parameters.parallel > 1) name = facts_.parameters.bidirectional ? "all " + name : "all";
      if (count > 0) add_rows(table, facts_, name, sent, received, tcp);
    }
    text += table.text(width_);
    text += timing_text(facts_, report, we_are_server);
  } else if (report.latency) {
    text += latency_text(report);
  }
  std::uint64_t bytes = 0;
  for (const StreamTotal& stream : report.streams)
    bytes += stream.received.known ? stream.received.bytes : stream.sent.bytes;
  const std::uint64_t transactions = report.latency ? report.latency->count() : 0;
  if (facts_.parameters.transaction != Transaction::none) bytes = 0;
  text += fmt::format("\n{:<8}{}\n", we_are_server ? "server" : "client",
                      cpu_text(report.local, report.seconds, bytes, transactions));
  text += fmt::format("{:<8}{}\n", we_are_server ? "client" : "server",
                      cpu_text(report.remote, report.seconds, bytes, transactions));
  text += path_text(facts_, report.local_path, report.remote_path, we_are_server);
  text += verdict_text(facts_, report);
  for (const std::string& warning : report.warnings) text += fmt::format("warning: {}\n", warning);
  return text;
}

}  // namespace isotach::command

#include "command/nettest/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "command/nettest/timing.h"
#include "command/nettest/verdict_text.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

using nettest::IntervalReport;
using nettest::StreamEnd;
using nettest::StreamInterval;
using nettest::StreamTotal;
using nettest::TestFacts;
using nettest::TestReport;
using nettest::Transaction;

std::string rate_text(double bytes, double seconds) {
  return seconds > 0 ? format_bits_per_second(bytes * 8 / seconds) : "-";
}

std::string percent(double share) {
  return fmt::format("{:.{}f} %", share * 100, share < 0.0995 && share > 0 ? 2 : 1);
}

std::string loss_text(std::int64_t lost, std::uint64_t packets) {
  if (packets == 0) return "-";
  return fmt::format("{}/{} ({})", lost, packets,
                     percent(static_cast<double>(lost) / static_cast<double>(packets)));
}

// What held the sender up for more than a tenth of the time.
std::string limit_text(const StreamInterval& stream) {
  constexpr double kWorthTelling = 0.1;
  if (!stream.busy) return "-";
  std::string text;
  if (*stream.window_limited >= kWorthTelling)
    text = fmt::format("receive window {:.0f} %", *stream.window_limited * 100);
  if (*stream.buffer_limited >= kWorthTelling)
    text += fmt::format("{}send buffer {:.0f} %", text.empty() ? "" : ", ", *stream.buffer_limited * 100);
  if (text.empty() && *stream.busy < 1 - kWorthTelling)
    text = fmt::format("idle {:.0f} %", (1 - *stream.busy) * 100);
  return text.empty() ? "-" : text;
}

// All streams of one direction, as if they were one.
StreamInterval sum_of(const TestFacts& facts, const std::vector<StreamInterval>& streams, bool sender) {
  StreamInterval sum;
  double latency_ns = 0;
  int count = 0;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (facts.streams[i].sender != sender) continue;
    const StreamInterval& stream = streams[i];
    ++count;
    sum.seconds = std::max(sum.seconds, stream.seconds);
    sum.bytes += stream.bytes;
    sum.packets += stream.packets;
    sum.lost += stream.lost;
    sum.out_of_order += stream.out_of_order;
    sum.duplicates += stream.duplicates;
    sum.jitter_s += stream.jitter_s;
    sum.transactions += stream.transactions;
    if (stream.mean_latency_ns)
      latency_ns += *stream.mean_latency_ns * static_cast<double>(stream.transactions);
    if (stream.retransmits) sum.retransmits = sum.retransmits.value_or(0) + *stream.retransmits;
    if (!stream.tcp) continue;
    if (!sum.tcp) sum.tcp.emplace();
    sum.tcp->cwnd_bytes += stream.tcp->cwnd_bytes;
    sum.tcp->rtt_us = std::max(sum.tcp->rtt_us, stream.tcp->rtt_us);
    sum.busy = std::max(sum.busy.value_or(0), *stream.busy);
    sum.window_limited = std::max(sum.window_limited.value_or(0), *stream.window_limited);
    sum.buffer_limited = std::max(sum.buffer_limited.value_or(0), *stream.buffer_limited);
  }
  if (count > 0) sum.jitter_s /= count;
  if (sum.transactions > 0) sum.mean_latency_ns = latency_ns / static_cast<double>(sum.transactions);
  return sum;
}

bool any_stream(const TestFacts& facts, bool sender) {
  return std::any_of(facts.streams.begin(), facts.streams.end(),
                     [&](const nettest::StreamFacts& stream) { return stream.sender == sender; });
}

std::string direction_name(bool sender) {
  return sender ? "sent" : "received";
}

}  // namespace

std::string describe_test(const TestFacts& facts) {
  const nettest::TestParameters& parameters = facts.parameters;
  std::string text = parameters.udp ? "UDP" : "TCP";
  text += fmt::format(", {} stream{}", parameters.parallel, parameters.parallel == 1 ? "" : "s");
  if (parameters.transaction == Transaction::connect_close) {
    text += ", nothing but connections";
    if (parameters.transaction_rate > 0) text += fmt::format(", {} a second", parameters.transaction_rate);
    if (parameters.outstanding > 1) text += fmt::format(", up to {} under way", parameters.outstanding);
  } else if (parameters.transaction != Transaction::none) {
    text +=
        fmt::format(", transactions of {} and {} bytes", parameters.request_bytes, parameters.response_bytes);
    if (parameters.transaction == Transaction::connect) text += ", a connection for each";
    if (parameters.transaction_rate > 0)
      text += fmt::format(", {} a second{}", parameters.transaction_rate,
                          parameters.parallel > 1 ? " on each" : "");
    if (parameters.outstanding > 1) text += fmt::format(", up to {} under way", parameters.outstanding);
    if (parameters.busy_poll) text += ", busy polling";
  } else {
    text += parameters.bidirectional ? ", both ways"
            : parameters.reverse     ? ", from the server"
                                     : ", to the server";
    text += fmt::format(", {} of {} bytes", parameters.udp ? "datagrams" : "writes", parameters.length);
    if (parameters.rate_bps > 0)
      text += fmt::format(" at {}{}", format_bits_per_second(static_cast<double>(parameters.rate_bps)),
                          parameters.parallel > 1 ? " each" : "");
  }
  if (facts.duration_s > 0) text += fmt::format(", for {:g} s", facts.duration_s);
  return text;
}

NettestText::NettestText(const TestFacts& facts, int columns) : facts_(facts) {
  columns_ = {{"time", 15}};
  if (facts.parameters.bidirectional) columns_.push_back({"", 9});
  if (facts.parameters.transaction != Transaction::none) {
    columns_.push_back({"transactions", 13});
    columns_.push_back({"rate", 13});
    columns_.push_back({"mean latency", 13});
    if (facts.parameters.udp) columns_.push_back({"lost", 8});
  } else {
    columns_.push_back({"data", 11});
    columns_.push_back({"rate", 13});
    if (facts.parameters.udp) {
      columns_.push_back({"datagrams", 11});
      columns_.push_back({"lost", 24});
      columns_.push_back({"jitter", 10});
      columns_.push_back({"late", 7});
      columns_.push_back({"twice", 7});
    } else {
      columns_.push_back({"resent", 8});
      columns_.push_back({"cwnd", 11});
      columns_.push_back({"RTT", 10});
      columns_.push_back({"held up by", 24});
    }
  }
  std::size_t width = 0;
  for (const Column& column : columns_) {
    width += column.width + 1;
    if (width > static_cast<std::size_t>(std::max(columns, 40)) + 1 && shown_ >= 3) break;
    ++shown_;
  }
}

std::string NettestText::line(const std::vector<std::string>& cells) const {
  std::string text;
  for (std::size_t i = 0; i < std::min(cells.size(), shown_); ++i) {
    // The last column of text needs no blanks behind it.
    const bool left = columns_[i].name == "held up by" || columns_[i].name.empty();
    text += left ? fmt::format(" {:<{}}", cells[i], columns_[i].width)
                 : fmt::format(" {:>{}}", cells[i], columns_[i].width);
  }
  text.erase(0, 1);
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text + "\n";
}

std::string NettestText::head() const {
  std::vector<std::string> names;
  for (const Column& column : columns_) names.push_back(column.name);
  return line(names);
}

std::string NettestText::row(const IntervalReport& report, bool sender) const {
  const StreamInterval sum = sum_of(facts_, report.streams, sender);
  std::vector<std::string> cells = {fmt::format("{:.2f}-{:.2f} s", report.start_s, report.end_s)};
  if (facts_.parameters.bidirectional) cells.push_back(direction_name(sender));
  if (facts_.parameters.transaction != Transaction::none) {
    cells.push_back(fmt::format("{}", sum.transactions));
    cells.push_back(sum.seconds > 0
                        ? fmt::format("{:.0f} /s", static_cast<double>(sum.transactions) / sum.seconds)
                        : "-");
    cells.push_back(sum.mean_latency_ns ? format_duration_ns(*sum.mean_latency_ns) : "-");
    cells.push_back(fmt::format("{}", sum.lost));
  } else {
    cells.push_back(format_bytes(static_cast<double>(sum.bytes)));
    cells.push_back(rate_text(static_cast<double>(sum.bytes), sum.seconds));
    if (facts_.parameters.udp) {
      cells.push_back(fmt::format("{}", sum.packets));
      cells.push_back(sender ? "-" : loss_text(sum.lost, sum.packets));
      cells.push_back(sender ? "-" : format_duration_ns(sum.jitter_s * 1e9));
      cells.push_back(sender ? "-" : fmt::format("{}", sum.out_of_order));
      cells.push_back(sender ? "-" : fmt::format("{}", sum.duplicates));
    } else {
      cells.push_back(sum.retransmits ? fmt::format("{}", *sum.retransmits) : "-");
      cells.push_back(sum.tcp ? format_bytes(static_cast<double>(sum.tcp->cwnd_bytes)) : "-");
      cells.push_back(sum.tcp ? format_duration_ns(sum.tcp->rtt_us * 1e3) : "-");
      cells.push_back(sender ? limit_text(sum) : "-");
    }
  }
  std::string text = line(cells);
  if (report.omitted) text.insert(text.size() - 1, "  (left out)");
  return text;
}

std::string NettestText::interval(const IntervalReport& report) const {
  std::string text;
  if (any_stream(facts_, true)) text += row(report, true);
  if (any_stream(facts_, false) &&
      (facts_.parameters.transaction == Transaction::none || !any_stream(facts_, true)))
    text += row(report, false);
  return text;
}

namespace {

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

std::string number_or_dash(const std::optional<std::uint64_t>& value) {
  return value ? fmt::format("{}", *value) : "-";
}

void add_rows(view::Table& table, const TestFacts& facts, const std::string& name, const StreamEnd& sent,
              const StreamEnd& received) {
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
    }
    view::Table table(std::move(columns));
    for (const bool sender : {true, false}) {
      StreamEnd sent;
      StreamEnd received;
      int count = 0;
      for (std::size_t i = 0; i < report.streams.size(); ++i) {
        if (facts_.streams[i].sender != sender) continue;
        const StreamTotal& stream = report.streams[i];
        if (facts_.parameters.parallel > 1)
          add_rows(table, facts_, std::to_string(facts_.streams[i].id), stream.sent, stream.received);
        sent = count == 0 ? stream.sent : add(sent, stream.sent);
        received = count == 0 ? stream.received : add(received, stream.received);
        ++count;
      }
      const bool upward = sender != we_are_server;
      if (count > 0)
        add_rows(table, facts_,
                 facts_.parameters.parallel > 1 ? "all"
                 : upward                       ? "to server"
                                                : "from server",
                 sent, received);
    }
    text += table.text(110);
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

#include "command/nettest/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/units.h"

namespace isotach::command {
namespace {

using nettest::IntervalReport;
using nettest::StreamInterval;
using nettest::TestFacts;
using nettest::Transaction;

std::string percent(double share) {
  return fmt::format("{:.{}f} %", share * 100, share < 0.0995 && share > 0 ? 2 : 1);
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

std::string rate_text(double bytes, double seconds) {
  return seconds > 0 ? format_bits_per_second(bytes * 8 / seconds) : "-";
}

std::string loss_text(std::int64_t lost, std::uint64_t packets) {
  if (packets == 0) return "-";
  return fmt::format("{}/{} ({})", lost, packets,
                     percent(static_cast<double>(lost) / static_cast<double>(packets)));
}

std::string limit_text(double busy, double window_limited, double buffer_limited) {
  constexpr double kWorthTelling = 0.1;
  std::string text;
  if (window_limited >= kWorthTelling) text = fmt::format("receive window {:.0f} %", window_limited * 100);
  if (buffer_limited >= kWorthTelling)
    text += fmt::format("{}send buffer {:.0f} %", text.empty() ? "" : ", ", buffer_limited * 100);
  if (text.empty() && busy < 1 - kWorthTelling) text = fmt::format("idle {:.0f} %", (1 - busy) * 100);
  return text.empty() ? "-" : text;
}

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
  const bool transacts = parameters.transaction != Transaction::none;
  if (parameters.bytes > 0)
    text += fmt::format(", {} in all", format_bytes(static_cast<double>(parameters.bytes)));
  if (parameters.blocks > 0)
    text += fmt::format(", {} {} in all", parameters.blocks,
                        transacts        ? "of them"
                        : parameters.udp ? "datagrams"
                                         : "writes");
  if (facts.duration_s > 0) text += fmt::format(", for {:g} s", facts.duration_s);
  return text;
}

NettestText::NettestText(const TestFacts& facts, int columns) : facts_(facts), width_(std::max(columns, 40)) {
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
    } else if (!facts.parameters.reverse || facts.host.empty()) {
      // In reverse only the server knows these: the summary has them.
      columns_.push_back({"resent", 8});
      columns_.push_back({"cwnd", 11});
      columns_.push_back({"RTT", 10});
      columns_.push_back({"held up by", 24});
    }
  }
  std::size_t width = 0;
  for (const Column& column : columns_) {
    width += column.width + 1;
    if (width > static_cast<std::size_t>(width_) + 1 && shown_ >= 3) break;
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
      cells.push_back(sum.busy ? limit_text(*sum.busy, *sum.window_limited, *sum.buffer_limited) : "-");
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

}  // namespace isotach::command

#include "command/nettest/netperf.h"

#include <fmt/format.h>

#include <cmath>

namespace isotach::command {
namespace {

using nettest::StreamEnd;
using nettest::TestFacts;
using nettest::TestReport;
using nettest::Transaction;

class Lines {
 public:
  void text(std::string_view key, const std::string& value) { out_ += fmt::format("{}={}\n", key, value); }
  void real(std::string_view key, double value, int digits) {
    out_ += fmt::format("{}={:.{}f}\n", key, std::isfinite(value) ? value : 0, digits);
  }
  void count(std::string_view key, std::uint64_t value) { out_ += fmt::format("{}={}\n", key, value); }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

struct Moved {
  std::uint64_t sent = 0, received = 0;
  double send_rate = 0, receive_rate = 0;  // bits per second
  std::uint64_t retransmits = 0;
  bool retransmits_known = false;
};

std::string direction_of(const nettest::TestParameters& parameters) {
  if (parameters.transaction == Transaction::connect_close) return "Connection";
  if (makes_connections(parameters.transaction)) return "Connect|Send|Recv";
  if (parameters.transaction != Transaction::none || parameters.bidirectional) return "Send|Recv";
  return parameters.reverse ? "Receive" : "Send";
}

// Of one end of the test: ours, or the other.
Moved moved_by(const TestFacts& facts, const TestReport& report, bool ours) {
  Moved moved;
  if (facts.parameters.transaction != Transaction::none) {
    const std::uint64_t count = report.latency ? report.latency->count() : 0;
    const std::uint64_t requests = count * facts.parameters.request_bytes;
    const std::uint64_t responses = count * facts.parameters.response_bytes;
    moved.sent = ours ? requests : responses;
    moved.received = ours ? responses : requests;
    if (report.seconds > 0) {
      moved.send_rate = static_cast<double>(moved.sent) * 8 / report.seconds;
      moved.receive_rate = static_cast<double>(moved.received) * 8 / report.seconds;
    }
    return moved;
  }
  const auto rate = [](const StreamEnd& end) {
    return end.seconds > 0 ? static_cast<double>(end.bytes) * 8 / end.seconds : 0;
  };
  for (std::size_t i = 0; i < report.streams.size(); ++i) {
    const nettest::StreamTotal& stream = report.streams[i];
    if (facts.streams[i].sender == ours) {
      moved.sent += stream.sent.bytes;
      moved.send_rate += rate(stream.sent);
      if (!stream.sent.retransmits) continue;
      moved.retransmits += *stream.sent.retransmits;
      moved.retransmits_known = true;
    } else {
      moved.received += stream.received.bytes;
      moved.receive_rate += rate(stream.received);
    }
  }
  return moved;
}

double deviation(const Histogram& values) {
  if (values.count() < 2) return 0;
  double sum = 0;
  for (const auto& [bucket, count] : values.buckets()) {
    const double from_mean = static_cast<double>(Histogram::upper_end(bucket)) - values.mean();
    sum += from_mean * from_mean * static_cast<double>(count);
  }
  return std::sqrt(sum / static_cast<double>(values.count() - 1));
}

void put_latency(Lines& lines, const TestFacts& facts, const TestReport& report, double per_second) {
  const Histogram& latency = *report.latency;
  const auto us = [](double ns) { return ns / 1000; };
  const auto at = [&](double share) { return us(static_cast<double>(latency.quantile(share))); };
  const double under_way = facts.parameters.outstanding * static_cast<double>(facts.parameters.parallel);
  lines.count("REQUEST_SIZE", facts.parameters.request_bytes);
  lines.count("RESPONSE_SIZE", facts.parameters.response_bytes);
  lines.count("BURST_SIZE", facts.parameters.outstanding - 1);
  lines.real("TRANSACTION_RATE", per_second, 3);
  lines.real("RT_LATENCY", per_second > 0 ? 1e6 / per_second * under_way : 0, 3);
  lines.real("MIN_LATENCY", us(static_cast<double>(latency.minimum())), 3);
  lines.real("MEAN_LATENCY", us(latency.mean()), 3);
  lines.real("P50_LATENCY", at(0.5), 3);
  lines.real("P90_LATENCY", at(0.9), 3);
  lines.real("P99_LATENCY", at(0.99), 3);
  lines.real("MAX_LATENCY", us(static_cast<double>(latency.maximum())), 3);
  lines.real("STDDEV_LATENCY", us(deviation(latency)), 3);
}

std::string family_of(const kernel::SocketAddress& address) {
  return address.is_v6() ? "inet6" : "inet";
}

// Calls of our end that moved data, and what one of them moved.
void put_calls(Lines& lines, const TestFacts& facts, const TestReport& report) {
  for (const bool sender : {true, false}) {
    std::uint64_t calls = 0;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < report.streams.size(); ++i) {
      if (facts.streams[i].sender != sender) continue;
      calls += report.streams[i].calls;
      bytes += report.streams[i].whole.bytes;
    }
    if (calls == 0) continue;
    lines.count(sender ? "LOCAL_SEND_CALLS" : "LOCAL_RECV_CALLS", calls);
    lines.real(sender ? "LOCAL_BYTES_PER_SEND" : "LOCAL_BYTES_PER_RECV",
               static_cast<double>(bytes) / static_cast<double>(calls), 3);
  }
}

void put_end(Lines& lines, const std::string& end, const Moved& moved, const nettest::CpuShare& cpu,
             const std::string& congestion, bool udp) {
  lines.count(end + "_BYTES_SENT", moved.sent);
  lines.count(end + "_BYTES_RECVD", moved.received);
  lines.count(end + "_BYTES_XFERD", moved.sent + moved.received);
  lines.real(end + "_SEND_THROUGHPUT", moved.send_rate / 1e6, 2);
  lines.real(end + "_RECV_THROUGHPUT", moved.receive_rate / 1e6, 2);
  if (moved.retransmits_known && !udp) lines.count(end + "_TRANSPORT_RETRANS", moved.retransmits);
  if (!congestion.empty()) lines.text(end + "_CONG_CONTROL", congestion);
  // As netperf, of all processors of the host.
  if (cpu.host_busy) lines.real(end + "_CPU_UTIL", *cpu.host_busy * 100, 2);
}

// Processor time of our threads for each unit of work: netperf would charge all that the host did.
double service_demand(const nettest::CpuShare& cpu, double seconds, double units) {
  return units > 0 ? cpu.total / 100 * seconds * 1e6 / units : 0;
}

void put_confidence(Lines& lines, const nettest::ConfidenceReport& confidence) {
  const auto width = [](const nettest::MeanEstimate& estimate) { return estimate.relative() * 200; };
  lines.real("CONFIDENCE_LEVEL", confidence.goal.level * 100, 0);
  lines.real("CONFIDENCE_INTERVAL", confidence.goal.half_width * 2, 6);
  lines.count("CONFIDENCE_ITERATION", confidence.runs.size());
  lines.real("THROUGHPUT_CONFID", width(confidence.result), 3);
  if (confidence.local_cpu) lines.real("LOCAL_CPU_CONFID", width(*confidence.local_cpu), 3);
  if (confidence.remote_cpu) lines.real("REMOTE_CPU_CONFID", width(*confidence.remote_cpu), 3);
}

}  // namespace

std::string netperf_lines(const TestFacts& facts, const TestReport& report, const std::string& command_line) {
  const nettest::TestParameters& parameters = facts.parameters;
  const bool transactions = parameters.transaction != Transaction::none;
  const double result = report.confidence ? report.confidence->result.mean : headline(facts, report);
  Lines lines;
  lines.text("PROTOCOL", parameters.udp ? "UDP" : "TCP");
  lines.text("SOCKET_TYPE", parameters.udp ? "Datagram" : "Stream");
  lines.text("DIRECTION", direction_of(parameters));
  lines.real("ELAPSED_TIME", report.seconds, 2);
  lines.real("THROUGHPUT", transactions ? result : result / 1e6, 2);
  lines.text("THROUGHPUT_UNITS", transactions ? "Trans/s" : "10^6bits/s");
  const Moved ours = moved_by(facts, report, true);
  const Moved theirs = moved_by(facts, report, false);
  const double units = transactions ? (report.latency ? static_cast<double>(report.latency->count()) : 0)
                                    : static_cast<double>(ours.received + theirs.received) / 1024;
  if (report.latency) put_latency(lines, facts, report, headline(facts, report));
  if (!transactions) {
    lines.count(parameters.reverse ? "REMOTE_SEND_SIZE" : "LOCAL_SEND_SIZE", parameters.length);
    lines.count(parameters.reverse ? "LOCAL_RECV_SIZE" : "REMOTE_RECV_SIZE", parameters.length);
  }
  if (!transactions) put_calls(lines, facts, report);
  for (const char* name : {"LSS_SIZE_REQ", "LSR_SIZE_REQ"})
    lines.text(name, facts.wanted_buffer_bytes == 0 ? "-1" : fmt::format("{}", facts.wanted_buffer_bytes));
  lines.count("LSS_SIZE_END", facts.send_buffer_bytes);
  lines.count("LSR_SIZE_END", facts.receive_buffer_bytes);
  if (!parameters.udp) lines.count("TRANSPORT_MSS", static_cast<std::uint64_t>(facts.control_mss));
  if (!parameters.udp) lines.count("LOCAL_NODELAY", parameters.no_delay || transactions ? 1 : 0);
  put_end(lines, "LOCAL", ours, report.local, report.local_congestion, parameters.udp);
  put_end(lines, "REMOTE", theirs, report.remote, report.remote_congestion, parameters.udp);
  lines.real("LOCAL_SD", service_demand(report.local, report.seconds, units), 3);
  if (report.remote.known) lines.real("REMOTE_SD", service_demand(report.remote, report.seconds, units), 3);
  lines.text("SD_UNITS", transactions ? "usec/Tran" : "usec/KB");
  if (report.confidence) put_confidence(lines, *report.confidence);
  if (!facts.streams.empty()) {
    lines.text("SOURCE_ADDR", facts.streams.front().local.host());
    lines.count("SOURCE_PORT", facts.streams.front().local.port());
    lines.text("SOURCE_FAMILY", family_of(facts.streams.front().local));
  }
  lines.text("DEST_ADDR", facts.peer.host());
  lines.count("DEST_PORT", facts.peer.port());
  lines.text("DEST_FAMILY", family_of(facts.peer));
  lines.text("UUID", facts.cookie);
  lines.text("COMMAND_LINE", '"' + command_line + '"');
  return lines.take();
}

}  // namespace isotach::command

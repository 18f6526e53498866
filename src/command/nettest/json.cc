#include "command/nettest/json.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <ctime>

#include "command/nettest/timing.h"
#include "command/nettest/verdict_text.h"
#include "command/version.h"

namespace isotach::command {
namespace {

using nettest::IntervalReport;
using nettest::StreamEnd;
using nettest::StreamFacts;
using nettest::StreamInterval;
using nettest::StreamTotal;
using nettest::TestFacts;
using nettest::TestReport;
using nettest::Transaction;
using view::JsonWriter;

double per_second(std::uint64_t bytes, double seconds) {
  return seconds > 0 ? static_cast<double>(bytes) * 8 / seconds : 0;
}

double percent_of(std::int64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string system_info() {
  utsname names{};
  if (::uname(&names) != 0) return {};
  return fmt::format("{} {} {} {} {}", names.sysname, names.nodename, names.release, names.version,
                     names.machine);
}

// "Wed, 25 Nov 2026 23:30:31 GMT"
std::string http_date(std::int64_t wall_ns) {
  const std::time_t seconds = wall_ns / kNanosecondsPerSecond;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[parts.tm_wday], parts.tm_mday,
                     kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

void write_span(JsonWriter& json, double start_s, double end_s, double seconds, std::uint64_t bytes) {
  json.key("start").real(start_s).key("end").real(end_s).key("seconds").real(seconds);
  json.key("bytes").unsigned_integer(bytes).key("bits_per_second").real(per_second(bytes, seconds));
}

void write_loss(JsonWriter& json, double jitter_s, std::int64_t lost, std::uint64_t packets) {
  json.key("jitter_ms").real(jitter_s * 1000).key("lost_packets").integer(lost);
  json.key("packets").unsigned_integer(packets).key("lost_percent").real(percent_of(lost, packets));
}

void write_share(JsonWriter& json, std::string_view key, const std::optional<double>& share) {
  if (share) json.key(key).real(*share);
}

void write_interval_stream(JsonWriter& json, const TestFacts& facts, const StreamFacts& stream,
                           const StreamInterval& interval, const IntervalReport& report) {
  json.begin_object();
  json.key("socket").integer(stream.socket);
  write_span(json, report.start_s, report.end_s, interval.seconds, interval.bytes);
  if (facts.parameters.udp && stream.sender) json.key("packets").unsigned_integer(interval.packets);
  if (facts.parameters.udp && !stream.sender) {
    write_loss(json, interval.jitter_s, interval.lost, interval.packets);
    json.key("out_of_order").unsigned_integer(interval.out_of_order);
    json.key("duplicates").unsigned_integer(interval.duplicates);
    if (interval.buffer_drops) json.key("buffer_drops").unsigned_integer(*interval.buffer_drops);
  }
  if (interval.tcp) {
    json.key("retransmits").unsigned_integer(interval.retransmits.value_or(0));
    json.key("snd_cwnd").unsigned_integer(interval.tcp->cwnd_bytes);
    json.key("snd_wnd").unsigned_integer(interval.tcp->peer_window_bytes);
    json.key("rtt").unsigned_integer(interval.tcp->rtt_us);
    json.key("rttvar").unsigned_integer(interval.tcp->rtt_variation_us);
    json.key("pmtu").unsigned_integer(interval.tcp->path_mtu);
    write_share(json, "busy", interval.busy);
    write_share(json, "window_limited", interval.window_limited);
    write_share(json, "buffer_limited", interval.buffer_limited);
  }
  if (facts.parameters.transaction != Transaction::none) {
    json.key("transactions").unsigned_integer(interval.transactions);
    json.key("mean_latency_ns").real(interval.mean_latency_ns);
  }
  json.key("omitted").boolean(report.omitted).key("sender").boolean(stream.sender);
  json.end_object();
}

void write_interval_sum(JsonWriter& json, const TestFacts& facts, const IntervalReport& report, bool sender) {
  StreamInterval sum;
  int count = 0;
  for (std::size_t i = 0; i < report.streams.size(); ++i) {
    if (facts.streams[i].sender != sender) continue;
    const StreamInterval& stream = report.streams[i];
    ++count;
    sum.seconds = std::max(sum.seconds, stream.seconds);
    sum.bytes += stream.bytes;
    sum.packets += stream.packets;
    sum.lost += stream.lost;
    sum.jitter_s += stream.jitter_s;
    sum.transactions += stream.transactions;
    if (stream.retransmits) sum.retransmits = sum.retransmits.value_or(0) + *stream.retransmits;
  }
  json.begin_object();
  write_span(json, report.start_s, report.end_s, sum.seconds, sum.bytes);
  if (sum.retransmits && !facts.parameters.udp) json.key("retransmits").unsigned_integer(*sum.retransmits);
  if (facts.parameters.udp && sender) json.key("packets").unsigned_integer(sum.packets);
  if (facts.parameters.udp && !sender)
    write_loss(json, count > 0 ? sum.jitter_s / count : 0, sum.lost, sum.packets);
  if (facts.parameters.transaction != Transaction::none)
    json.key("transactions").unsigned_integer(sum.transactions);
  json.key("omitted").boolean(report.omitted).key("sender").boolean(sender);
  json.end_object();
}

bool has_direction(const TestFacts& facts, bool sender) {
  return std::any_of(facts.streams.begin(), facts.streams.end(),
                     [&](const StreamFacts& stream) { return stream.sender == sender; });
}

// Totals of the streams of one direction, as the sender and as the receiver saw them.
struct DirectionTotal {
  StreamEnd sent;
  StreamEnd received;
  double jitter_sum_s = 0;
  int count = 0;
};

void add_end(StreamEnd& sum, const StreamEnd& end) {
  sum.known = true;
  sum.seconds = std::max(sum.seconds, end.seconds);
  sum.bytes += end.bytes;
  sum.packets += end.packets;
  sum.lost += end.lost;
  if (end.retransmits) sum.retransmits = sum.retransmits.value_or(0) + *end.retransmits;
}

DirectionTotal direction_total(const TestFacts& facts, const TestReport& report, bool sender) {
  DirectionTotal total;
  for (std::size_t i = 0; i < report.streams.size(); ++i) {
    if (facts.streams[i].sender != sender) continue;
    if (report.streams[i].sent.known) add_end(total.sent, report.streams[i].sent);
    if (report.streams[i].received.known) add_end(total.received, report.streams[i].received);
    total.jitter_sum_s += report.streams[i].received.jitter_s;
    ++total.count;
  }
  return total;
}

void write_tcp_end(JsonWriter& json, const StreamFacts& facts, const StreamEnd& end,
                   const StreamTotal* of_sender) {
  json.begin_object();
  json.key("socket").integer(facts.socket);
  write_span(json, 0, end.seconds, end.seconds, end.bytes);
  if (of_sender != nullptr) {
    if (end.retransmits) json.key("retransmits").unsigned_integer(*end.retransmits);
    // 0 where a stock server, which sent, does not tell: as iperf3 has it.
    const nettest::SenderTcp tcp = of_sender->tcp.value_or(nettest::SenderTcp{});
    json.key("max_snd_cwnd").unsigned_integer(tcp.largest_cwnd_bytes);
    json.key("max_snd_wnd").unsigned_integer(tcp.largest_peer_window_bytes);
    json.key("max_rtt").unsigned_integer(tcp.largest_rtt_us);
    json.key("min_rtt").unsigned_integer(tcp.smallest_rtt_us);
    json.key("mean_rtt").unsigned_integer(static_cast<std::uint64_t>(tcp.mean_rtt_us));
    if (of_sender->tcp) {
      json.key("busy").real(tcp.busy).key("window_limited").real(tcp.window_limited);
      json.key("buffer_limited").real(tcp.buffer_limited);
    }
  }
  json.key("sender").boolean(facts.sender);
  json.end_object();
}

void write_udp_end(JsonWriter& json, const StreamFacts& facts, const StreamTotal& total) {
  const StreamEnd& sent = total.sent.known ? total.sent : total.received;
  const StreamEnd& received = total.received;
  json.begin_object();
  json.key("socket").integer(facts.socket);
  write_span(json, 0, sent.seconds, sent.seconds, sent.bytes);
  write_loss(json, received.jitter_s, received.lost, received.known ? received.packets : sent.packets);
  const auto optional = [&json](std::string_view key, const std::optional<std::uint64_t>& value) {
    if (value) json.key(key).unsigned_integer(*value);
  };
  // A stock server does not tell; iperf3 has the key all the same.
  json.key("out_of_order");
  if (received.out_of_order) {
    json.unsigned_integer(*received.out_of_order);
  } else {
    json.null();
  }
  optional("duplicates", received.duplicates);
  optional("buffer_drops", received.buffer_drops);
  json.key("received_bytes").unsigned_integer(received.bytes);
  if (total.calls > 0) json.key("calls").unsigned_integer(total.calls);
  if (total.pieces_a_burst > 0) {
    json.key("datagrams_a_burst").integer(total.pieces_a_burst);
    json.key("sent_late").unsigned_integer(total.late);
    json.key("never_sent").unsigned_integer(total.skipped);
  }
  if (total.tos_received >= 0) json.key("tos_received").integer(total.tos_received);
  json.key("sender").boolean(facts.sender);
  json.end_object();
}

void write_sum(JsonWriter& json, const TestFacts& facts, const StreamEnd& end, bool sender, double jitter_s) {
  json.begin_object();
  write_span(json, 0, end.seconds, end.seconds, end.bytes);
  if (facts.parameters.udp) write_loss(json, jitter_s, end.lost, end.packets);
  if (end.retransmits && !facts.parameters.udp) json.key("retransmits").unsigned_integer(*end.retransmits);
  json.key("sender").boolean(sender);
  json.end_object();
}

void write_direction(JsonWriter& json, const TestFacts& facts, const TestReport& report, bool sender,
                     const std::string& suffix) {
  const DirectionTotal total = direction_total(facts, report, sender);
  const double jitter_s = total.count > 0 ? total.jitter_sum_s / total.count : 0;
  if (facts.parameters.udp) {
    // The receiver's loss with the sender's bytes, as iperf3 has it.
    StreamEnd mixed = total.sent.known ? total.sent : total.received;
    mixed.lost = total.received.lost;
    if (total.received.known) mixed.packets = total.received.packets;
    json.key("sum" + suffix);
    write_sum(json, facts, mixed, sender, jitter_s);
  }
  if (total.sent.known) {
    json.key("sum_sent" + suffix);
    write_sum(json, facts, total.sent, facts.parameters.udp ? true : sender, 0);
  }
  if (total.received.known) {
    json.key("sum_received" + suffix);
    write_sum(json, facts, total.received, facts.parameters.udp ? false : sender, jitter_s);
  }
}

void write_latency(JsonWriter& json, const TestReport& report) {
  const Histogram& latency = *report.latency;
  const double seconds = report.seconds;
  std::int64_t lost = 0;
  std::uint64_t never_sent = 0;
  std::uint64_t unanswered = 0;
  for (const StreamTotal& stream : report.streams) {
    lost += stream.whole.lost;
    never_sent += stream.skipped;
    unanswered += stream.unanswered;
  }
  json.begin_object();
  json.key("per_second").real(seconds > 0 ? static_cast<double>(latency.count()) / seconds : 0);
  json.key("lost").integer(lost).key("never_sent").unsigned_integer(never_sent);
  json.key("unanswered").unsigned_integer(unanswered);
  write_distribution(json, latency);
  json.end_object();
}

void write_cpu(JsonWriter& json, const TestReport& report) {
  json.begin_object();
  for (const auto& [name, cpu] : {std::pair{"host", &report.local}, std::pair{"remote", &report.remote}}) {
    if (!cpu->known) continue;
    json.key(fmt::format("{}_total", name)).real(cpu->total);
    json.key(fmt::format("{}_user", name)).real(cpu->user);
    json.key(fmt::format("{}_system", name)).real(cpu->system);
    if (cpu->busiest_thread)
      json.key(fmt::format("{}_busiest_thread", name)).real(*cpu->busiest_thread * 100);
    if (cpu->host_busy) json.key(fmt::format("{}_machine", name)).real(*cpu->host_busy * 100);
  }
  json.end_object();
}

// How one end moved the data, and at which cost.
void write_path(JsonWriter& json, const nettest::DataPath& path, const nettest::CpuShare& cpu, double seconds,
                std::uint64_t bytes, std::uint64_t transactions) {
  json.begin_object();
  if (!path.sent_by.empty()) {
    json.key("sent_by").string(path.sent_by);
    json.key("sent_copied_ratio").real(path.sent_copied);
  }
  if (!path.received_by.empty()) {
    json.key("received_by").string(path.received_by);
    json.key("received_copied_ratio").real(path.received_by == nettest::kDiscarded ? 0 : 1);
  }
  if (path.cold_buffers > 0) json.key("cold_buffers").integer(path.cold_buffers);
  if (path.tos_received) {
    json.key("tos_received").integer(*path.tos_received);
    json.key("dscp_received").integer(*path.tos_received >> 2);
  }
  json.key("ecn").boolean(path.ecn).key("ecn_seen").boolean(path.ecn_seen);
  json.key("mptcp").boolean(path.multipath);
  json.key("followed_packets").boolean(path.followed);
  if (cpu.known && bytes > 0)
    json.key("cpu_seconds_per_gb").real(cpu.total / 100 * seconds / (static_cast<double>(bytes) / 1e9));
  if (cpu.known && transactions > 0)
    json.key("cpu_us_per_transaction").real(cpu.total * 1e4 * seconds / static_cast<double>(transactions));
  json.end_object();
}

void write_paths(JsonWriter& json, const TestFacts& facts, const TestReport& report) {
  std::uint64_t bytes = 0;
  if (facts.parameters.transaction == Transaction::none)
    for (const StreamTotal& stream : report.streams)
      bytes += stream.received.known ? stream.received.bytes : stream.sent.bytes;
  const std::uint64_t transactions = report.latency ? report.latency->count() : 0;
  json.key("data_path").begin_object();
  json.key("host");
  write_path(json, report.local_path, report.local, report.seconds, bytes, transactions);
  json.key("remote");
  write_path(json, report.remote_path, report.remote, report.seconds, bytes, transactions);
  json.end_object();
}

void write_test_start(JsonWriter& json, const nettest::TestParameters& parameters, double duration_s) {
  json.begin_object();
  json.key("protocol").string(parameters.udp ? "UDP" : "TCP");
  json.key("num_streams").integer(parameters.parallel);
  json.key("blksize").unsigned_integer(parameters.length);
  json.key("omit").integer(parameters.omit_s);
  json.key("duration").real(duration_s);
  json.key("bytes").unsigned_integer(parameters.bytes);
  json.key("blocks").unsigned_integer(parameters.blocks);
  json.key("reverse").integer(parameters.reverse ? 1 : 0);
  json.key("tos").integer(parameters.tos);
  json.key("target_bitrate").unsigned_integer(parameters.rate_bps);
  json.key("bidir").integer(parameters.bidirectional ? 1 : 0);
  json.key("fqrate").unsigned_integer(parameters.fair_rate_bps);
  if (parameters.transaction != Transaction::none) {
    json.key("transaction").string(nettest::transaction_name(parameters.transaction));
    json.key("request_bytes").unsigned_integer(parameters.request_bytes);
    json.key("response_bytes").unsigned_integer(parameters.response_bytes);
    json.key("outstanding").unsigned_integer(parameters.outstanding);
    if (parameters.transaction_rate > 0) json.key("rate").unsigned_integer(parameters.transaction_rate);
    if (parameters.busy_poll) json.key("busy_poll").boolean(true);
  }
  json.end_object();
}

void write_program(JsonWriter& json) {
  json.key("version").string(fmt::format("isotach {}", kVersion));
  json.key("system_info").string(system_info());
}

}  // namespace

void write_start(JsonWriter& json, const TestFacts& facts) {
  json.begin_object();
  json.key("connected").begin_array();
  for (const StreamFacts& stream : facts.streams) {
    json.begin_object();
    json.key("socket").integer(stream.socket);
    json.key("local_host").string(stream.local.host()).key("local_port").integer(stream.local.port());
    json.key("remote_host").string(stream.peer.host()).key("remote_port").integer(stream.peer.port());
    json.end_object();
  }
  json.end_array();
  write_program(json);
  json.key("timestamp").begin_object();
  json.key("time").string(http_date(facts.start.wall_ns));
  json.key("timesecs").integer(facts.start.wall_ns / kNanosecondsPerSecond);
  json.end_object();
  if (!facts.host.empty()) {
    json.key("connecting_to").begin_object();
    json.key("host").string(facts.host).key("port").integer(facts.port);
    json.end_object();
  } else {
    json.key("accepted_connection").begin_object();
    json.key("host").string(facts.peer.host()).key("port").integer(facts.peer.port());
    json.end_object();
  }
  json.key("cookie").string(facts.cookie);
  if (!facts.parameters.udp) {
    const int wanted = facts.parameters.mss;
    json.key(wanted == 0 ? "tcp_mss_default" : "tcp_mss").integer(wanted == 0 ? facts.control_mss : wanted);
  }
  json.key("target_bitrate").unsigned_integer(facts.parameters.rate_bps);
  json.key("sock_bufsize").unsigned_integer(facts.wanted_buffer_bytes);
  json.key("sndbuf_actual").unsigned_integer(facts.send_buffer_bytes);
  json.key("rcvbuf_actual").unsigned_integer(facts.receive_buffer_bytes);
  json.key("test_start");
  write_test_start(json, facts.parameters, facts.duration_s);
  json.end_object();
}

void write_interval(JsonWriter& json, const TestFacts& facts, const IntervalReport& report) {
  json.begin_object();
  json.key("streams").begin_array();
  for (std::size_t i = 0; i < report.streams.size(); ++i)
    write_interval_stream(json, facts, facts.streams[i], report.streams[i], report);
  json.end_array();
  const bool sends = has_direction(facts, true);
  json.key("sum");
  write_interval_sum(json, facts, report, sends);
  if (sends && has_direction(facts, false)) {
    json.key("sum_bidir_reverse");
    write_interval_sum(json, facts, report, false);
  }
  json.end_object();
}

void write_end(JsonWriter& json, const TestFacts& facts, const TestReport& report) {
  json.begin_object();
  json.key("streams").begin_array();
  for (std::size_t i = 0; i < report.streams.size(); ++i) {
    const StreamFacts& stream = facts.streams[i];
    const StreamTotal& total = report.streams[i];
    json.begin_object();
    if (facts.parameters.udp) {
      json.key("udp");
      write_udp_end(json, stream, total);
    } else {
      if (total.sent.known) {
        json.key("sender");
        write_tcp_end(json, stream, total.sent, &total);
      }
      if (total.received.known) {
        json.key("receiver");
        write_tcp_end(json, stream, total.received, nullptr);
      }
    }
    json.end_object();
  }
  json.end_array();
  const bool sends = has_direction(facts, true);
  write_direction(json, facts, report, sends, "");
  if (sends && has_direction(facts, false)) write_direction(json, facts, report, false, "_bidir_reverse");
  json.key("cpu_utilization_percent");
  write_cpu(json, report);
  if (!facts.parameters.udp) {
    const bool ours_sends = sends;
    const std::string& sender = ours_sends ? report.local_congestion : report.remote_congestion;
    const std::string& receiver = ours_sends ? report.remote_congestion : report.local_congestion;
    if (!sender.empty()) json.key("sender_tcp_congestion").string(sender);
    if (!receiver.empty()) json.key("receiver_tcp_congestion").string(receiver);
  }
  write_paths(json, facts, report);
  if (report.latency) {
    json.key("transactions");
    write_latency(json, report);
  }
  write_timing(json, facts, report);
  write_verdicts(json, report);
  // Several tests share a server's stream of events.
  json.key("cookie").string(facts.cookie);
  json.key("complete").boolean(report.complete);
  json.key("peer").string(facts.iperf2             ? "iperf2"
                          : report.peer_is_isotach ? "isotach"
                          : report.complete        ? "iperf3"
                                                   : "unknown");
  json.key("warnings").begin_array();
  for (const std::string& warning : report.warnings) json.string(warning);
  json.end_array();
  json.end_object();
}

std::string nettest_document(const TestFacts* facts, const std::vector<IntervalReport>& intervals,
                             const TestReport* report, const std::optional<Error>& error, bool interrupted) {
  JsonWriter json;
  json.begin_object();
  json.key("schema").string(kNettestSchema);
  json.key("start");
  if (facts != nullptr) {
    write_start(json, *facts);
  } else {
    json.begin_object();
    json.key("connected").begin_array().end_array();
    write_program(json);
    json.end_object();
  }
  json.key("intervals").begin_array();
  if (facts != nullptr)
    for (const IntervalReport& interval : intervals) write_interval(json, *facts, interval);
  json.end_array();
  json.key("end");
  if (facts != nullptr && report != nullptr) {
    write_end(json, *facts, *report);
  } else {
    json.begin_object().end_object();
  }
  if (facts != nullptr && !facts->parameters.title.empty()) json.key("title").string(facts->parameters.title);
  if (facts != nullptr && !facts->parameters.extra_data.empty())
    json.key("extra_data").string(facts->parameters.extra_data);
  if (report != nullptr && !report->server_output.empty())
    json.key("server_output_text").string(report->server_output);
  if (interrupted) json.key("interrupted").boolean(true);
  if (error) {
    json.key("error").string(error->message());
    if (!error->remedy.empty()) json.key("remedy").string(error->remedy);
  }
  json.end_object();
  return json.take() + "\n";
}

}  // namespace isotach::command

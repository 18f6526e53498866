#include "network/nettest/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/json_reader.h"
#include "network/nettest/parameters.h"

namespace isotach::nettest {
namespace {

// 128 streams in each direction.
constexpr std::size_t kStreamsLimit = 2 * kStreamLimit;
// The output of a server may hold many values, which nobody here reads.
constexpr std::size_t kValuesLimit = 1'000'000;

double finite(double value) {
  return std::isfinite(value) ? value : 0;
}

std::optional<std::int64_t> integer_of(const JsonValue& json, std::string_view key) {
  const JsonValue* value = json.find(key);
  return value == nullptr ? std::nullopt : value->integer();
}

// iperf3 of Debian 12 writes -1 as 18446744073709551615.
std::optional<std::int64_t> signed_of(const JsonValue& json, std::string_view key) {
  const JsonValue* value = json.find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto number = value->integer()) return number;
  const auto wrapped = value->unsigned_integer();
  if (!wrapped) return std::nullopt;
  return static_cast<std::int64_t>(*wrapped);
}

std::optional<double> real_of(const JsonValue& json, std::string_view key) {
  const JsonValue* value = json.find(key);
  return value == nullptr ? std::nullopt : value->real();
}

std::optional<std::uint64_t> count_of(const JsonValue& json, std::string_view key) {
  const auto value = integer_of(json, key);
  if (!value || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

std::string optional_member(std::string_view key, const std::optional<std::uint64_t>& value) {
  return value ? fmt::format(",\"{}\":{}", key, *value) : std::string();
}

std::string sender_json(const SenderTcp& tcp) {
  return fmt::format(R"(,"tcp":{{"max_cwnd":{},"max_window":{},"min_rtt":{},"max_rtt":{},"mean_rtt":{},)"
                     R"("busy":{},"window_limited":{},"buffer_limited":{}}})",
                     tcp.largest_cwnd_bytes, tcp.largest_peer_window_bytes, tcp.smallest_rtt_us,
                     tcp.largest_rtt_us, finite(tcp.mean_rtt_us), finite(tcp.busy),
                     finite(tcp.window_limited), finite(tcp.buffer_limited));
}

std::optional<SenderTcp> read_sender(const JsonValue& json) {
  const JsonValue* value = json.find("tcp");
  if (value == nullptr || value->type() != JsonValue::Type::object) return std::nullopt;
  const auto microseconds = [value](std::string_view key) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(count_of(*value, key).value_or(0),
                                                              std::numeric_limits<std::uint32_t>::max()));
  };
  const auto share = [value](std::string_view key) {
    return std::clamp(real_of(*value, key).value_or(0), 0.0, 1.0);
  };
  SenderTcp tcp;
  tcp.largest_cwnd_bytes = count_of(*value, "max_cwnd").value_or(0);
  tcp.largest_peer_window_bytes = count_of(*value, "max_window").value_or(0);
  tcp.smallest_rtt_us = microseconds("min_rtt");
  tcp.largest_rtt_us = microseconds("max_rtt");
  tcp.mean_rtt_us = std::clamp(real_of(*value, "mean_rtt").value_or(0), 0.0, 4e9);
  tcp.busy = share("busy");
  tcp.window_limited = share("window_limited");
  tcp.buffer_limited = share("buffer_limited");
  return tcp;
}

std::string stream_json(const StreamResult& stream) {
  return fmt::format(R"({{"id":{},"bytes":{},"retransmits":{},"jitter":{},"errors":{},"packets":{},)"
                     R"("omitted_errors":{},"omitted_packets":{},"start_time":{},"end_time":{})",
                     stream.id, stream.bytes, stream.retransmits, finite(stream.jitter_s), stream.errors,
                     stream.packets, stream.omitted_errors, stream.omitted_packets, finite(stream.start_s),
                     finite(stream.end_s)) +
         optional_member("out_of_order", stream.out_of_order) +
         optional_member("duplicates", stream.duplicates) +
         optional_member("buffer_drops", stream.buffer_drops) +
         (stream.tcp ? sender_json(*stream.tcp) : std::string()) + "}";
}

std::string path_json(const DataPath& path) {
  std::string out;
  if (!path.sent_by.empty())
    out +=
        fmt::format(R"(,"sent_by":{},"sent_copied":{})", json_quoted(path.sent_by), finite(path.sent_copied));
  if (!path.received_by.empty()) out += fmt::format(R"(,"received_by":{})", json_quoted(path.received_by));
  if (path.cold_buffers != 0) out += fmt::format(R"(,"cold_buffers":{})", path.cold_buffers);
  if (path.tos_received) out += fmt::format(R"(,"tos_received":{})", *path.tos_received);
  for (const auto& [key, value] : {std::pair{"ecn", path.ecn}, std::pair{"ecn_seen", path.ecn_seen},
                                   std::pair{"mptcp", path.multipath}, std::pair{"followed", path.followed}})
    if (value) out += fmt::format(",\"{}\":true", key);
  return out;
}

// Names of ways are shown to people: what is no name of ours is not.
std::string way_of(const JsonValue& json, std::string_view key) {
  const JsonValue* value = json.find(key);
  if (value == nullptr || value->string() == nullptr) return {};
  const std::string& name = *value->string();
  const bool known = engine_named(name) || name == kReceivedByCopy || name == kDiscarded;
  return known ? name : std::string();
}

DataPath read_path(const JsonValue& json) {
  const auto is_true = [&json](std::string_view key) {
    const JsonValue* value = json.find(key);
    return value != nullptr && value->boolean().value_or(false);
  };
  DataPath path;
  path.sent_by = way_of(json, "sent_by");
  path.sent_copied = std::clamp(real_of(json, "sent_copied").value_or(1), 0.0, 1.0);
  path.received_by = way_of(json, "received_by");
  path.cold_buffers = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(count_of(json, "cold_buffers").value_or(0), kMostColdBuffers));
  if (const auto tos = count_of(json, "tos_received"); tos && *tos <= 255)
    path.tos_received = static_cast<int>(*tos);
  path.ecn = is_true("ecn");
  path.ecn_seen = is_true("ecn_seen");
  path.multipath = is_true("mptcp");
  path.followed = is_true("followed");
  return path;
}

std::string buckets_json(const Histogram& histogram) {
  std::string out = "[";
  for (const auto& [bucket, count] : histogram.buckets())
    out += fmt::format("{}[{},{}]", out.size() > 1 ? "," : "", bucket, count);
  return out + "]";
}

std::string timing_json(const DatagramTiming& timing) {
  return fmt::format(R"({{"longest_run":{},"late":{},"never_sent":{},"gaps":{},"delay_variation":{}}})",
                     timing.longest_run, timing.late, timing.never_sent, buckets_json(timing.gaps_ns),
                     buckets_json(timing.delay_variation_ns));
}

// What is no bucket is left out.
void read_buckets(const JsonValue& json, std::string_view key, Histogram& target) {
  const JsonValue* value = json.find(key);
  if (value == nullptr) return;
  for (const JsonValue& element : value->elements()) {
    if (element.elements().size() != 2) continue;
    const auto bucket = element.elements()[0].integer();
    const auto count = element.elements()[1].integer();
    if (!bucket || !count || *bucket < 0 || *count < 0 || !std::in_range<std::uint32_t>(*bucket)) continue;
    static_cast<void>(
        target.add_bucket(static_cast<std::uint32_t>(*bucket), static_cast<std::uint64_t>(*count)));
  }
}

std::optional<DatagramTiming> timing_of(const JsonValue& json, std::string_view key) {
  const JsonValue* value = json.find(key);
  if (value == nullptr || value->type() != JsonValue::Type::object) return std::nullopt;
  DatagramTiming timing;
  timing.longest_run = count_of(*value, "longest_run").value_or(0);
  timing.late = count_of(*value, "late").value_or(0);
  timing.never_sent = count_of(*value, "never_sent").value_or(0);
  read_buckets(*value, "gaps", timing.gaps_ns);
  read_buckets(*value, "delay_variation", timing.delay_variation_ns);
  return timing;
}

Result<StreamResult> read_stream(const JsonValue& json) {
  const auto id = integer_of(json, "id");
  const auto bytes = count_of(json, "bytes");
  const auto retransmits = signed_of(json, "retransmits");
  const auto jitter_s = real_of(json, "jitter");
  const auto errors = signed_of(json, "errors");
  const auto packets = count_of(json, "packets");
  if (!id || !bytes || !retransmits || !jitter_s || !errors || !packets || *id < 1 || *id > 100000)
    return failure(ErrorKind::failed, "the results of the other end lack something about a stream");
  StreamResult stream;
  stream.id = static_cast<int>(*id);
  stream.bytes = *bytes;
  stream.retransmits = *retransmits;
  stream.jitter_s = std::max(0.0, *jitter_s);
  stream.errors = *errors;
  stream.packets = *packets;
  stream.omitted_errors = signed_of(json, "omitted_errors").value_or(0);
  stream.omitted_packets = count_of(json, "omitted_packets").value_or(0);
  stream.start_s = real_of(json, "start_time").value_or(0);
  stream.end_s = real_of(json, "end_time").value_or(0);
  stream.out_of_order = count_of(json, "out_of_order");
  stream.duplicates = count_of(json, "duplicates");
  stream.buffer_drops = count_of(json, "buffer_drops");
  stream.tcp = read_sender(json);
  return stream;
}

}  // namespace

std::string to_json(const PeerResults& results) {
  std::string out = fmt::format(
      R"({{"cpu_util_total":{},"cpu_util_user":{},"cpu_util_system":{},"sender_has_retransmits":{})",
      finite(results.cpu_total), finite(results.cpu_user), finite(results.cpu_system),
      results.sender_has_retransmits);
  if (!results.congestion.empty())
    out += fmt::format(",\"congestion_used\":{}", json_quoted(results.congestion));
  if (!results.output.empty()) out += fmt::format(",\"server_output_text\":{}", json_quoted(results.output));
  out += ",\"streams\":[";
  for (std::size_t i = 0; i < results.streams.size(); ++i)
    out += (i == 0 ? "" : ",") + stream_json(results.streams[i]);
  out += "]";
  if (results.isotach) {
    out += R"(,"isotach":{"version":1)";
    if (results.busiest_thread) out += fmt::format(",\"busiest_thread\":{}", finite(*results.busiest_thread));
    if (results.host_busy) out += fmt::format(",\"host_busy\":{}", finite(*results.host_busy));
    out += path_json(results.path);
    if (results.sent) out += ",\"sent\":" + timing_json(*results.sent);
    if (results.received) out += ",\"received\":" + timing_json(*results.received);
    out += "}";
  }
  return out + "}";
}

Result<PeerResults> read_results(std::string_view json) {
  const auto parsed = parse_json(json, {.depth = 32, .values = kValuesLimit});
  if (!parsed) return tl::make_unexpected(parsed.error());
  const auto total = real_of(*parsed, "cpu_util_total");
  const auto user = real_of(*parsed, "cpu_util_user");
  const auto system = real_of(*parsed, "cpu_util_system");
  const auto retransmits = signed_of(*parsed, "sender_has_retransmits");
  const JsonValue* streams = parsed->find("streams");
  if (!total || !user || !system || !retransmits || streams == nullptr)
    return failure(ErrorKind::failed, "the results of the other end lack something");
  PeerResults results;
  results.cpu_total = *total;
  results.cpu_user = *user;
  results.cpu_system = *system;
  results.sender_has_retransmits = static_cast<int>(std::clamp<std::int64_t>(*retransmits, -1, 1));
  if (const JsonValue* congestion = parsed->find("congestion_used"))
    if (congestion->string() != nullptr) results.congestion = *congestion->string();
  if (const JsonValue* output = parsed->find("server_output_text"))
    if (output->string() != nullptr) results.output = *output->string();
  if (streams->elements().size() > kStreamsLimit)
    return failure(ErrorKind::failed, "the results of the other end name too many streams");
  for (const JsonValue& element : streams->elements()) {
    auto stream = read_stream(element);
    if (!stream) return tl::make_unexpected(std::move(stream.error()));
    results.streams.push_back(*stream);
  }
  if (const JsonValue* ours = parsed->find("isotach"); ours != nullptr) {
    results.isotach = true;
    results.busiest_thread = real_of(*ours, "busiest_thread");
    results.host_busy = real_of(*ours, "host_busy");
    results.path = read_path(*ours);
    results.sent = timing_of(*ours, "sent");
    results.received = timing_of(*ours, "received");
  }
  return results;
}

}  // namespace isotach::nettest

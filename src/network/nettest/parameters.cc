#include "network/nettest/parameters.h"

#include <fmt/format.h>

#include <limits>

#include "base/json_reader.h"
#include "network/nettest/protocol.h"

namespace isotach::nettest {
namespace {

constexpr int kLongestTime_s = 86400;
constexpr int kLongestOmit_s = 600;
constexpr int kLargestMss = 32767;
constexpr int kLargestBurst = 1000;
constexpr std::uint32_t kLargestWindow = 512u * 1024 * 1024;

bool is_true(const JsonValue& json, std::string_view key) {
  const JsonValue* value = json.find(key);
  return value != nullptr && value->boolean().value_or(value->integer().value_or(0) != 0);
}

// Out of the range of T is as bad as any other value that is too large or too small: it becomes the nearest.
template <class T>
void read_number(const JsonValue& json, std::string_view key, T& target) {
  const JsonValue* value = json.find(key);
  if (value == nullptr) return;
  const auto number = value->integer();
  if (!number) return;
  if (*number < 0 && std::is_unsigned_v<T>) {
    target = std::numeric_limits<T>::max();
  } else if (!std::in_range<T>(*number)) {
    target = *number < 0 ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
  } else {
    target = static_cast<T>(*number);
  }
}

void read_text(const JsonValue& json, std::string_view key, std::string& target) {
  const JsonValue* value = json.find(key);
  if (value != nullptr && value->string() != nullptr) target = *value->string();
}

void read_extension(const JsonValue& json, TestParameters& parameters) {
  const JsonValue* ours = json.find("isotach");
  if (ours == nullptr || ours->type() != JsonValue::Type::object) return;
  parameters.isotach = true;
  std::string transaction;
  read_text(*ours, "transaction", transaction);
  if (transaction == "rr") parameters.transaction = Transaction::request_response;
  if (transaction == "crr") parameters.transaction = Transaction::connect;
  if (transaction == "cc") parameters.transaction = Transaction::connect_close;
  read_number(*ours, "outstanding", parameters.outstanding);
  read_number(*ours, "rate", parameters.transaction_rate);
  read_number(*ours, "threads", parameters.threads);
  parameters.busy_poll = is_true(*ours, "busy_poll");
  parameters.follow = !is_true(*ours, "no_follow");
  read_number(*ours, "request_bytes", parameters.request_bytes);
  read_number(*ours, "response_bytes", parameters.response_bytes);
  std::string engine;
  read_text(*ours, "tx", engine);
  // One that a later version has is none that we could take.
  if (const auto known = engine_named(engine)) parameters.engine = *known;
  read_number(*ours, "cold_buffers", parameters.cold_buffers);
}

}  // namespace

std::string_view transaction_name(Transaction transaction) {
  switch (transaction) {
    case Transaction::connect:
      return "crr";
    case Transaction::connect_close:
      return "cc";
    case Transaction::request_response:
      return "rr";
    case Transaction::none:
      break;
  }
  return "";
}

std::string to_json(const TestParameters& parameters) {
  std::string out = fmt::format(R"({{"{}":true,"omit":{},"time":{},"num":{},"blockcount":{},"parallel":{})",
                                parameters.udp ? "udp" : "tcp", parameters.omit_s, parameters.time_s,
                                parameters.bytes, parameters.blocks, parameters.parallel);
  const auto number = [&out](std::string_view key, std::uint64_t value) {
    if (value != 0) out += fmt::format(",\"{}\":{}", key, value);
  };
  const auto flag = [&out](std::string_view key, bool value) {
    if (value) out += fmt::format(",\"{}\":true", key);
  };
  const auto text = [&out](std::string_view key, const std::string& value) {
    if (!value.empty()) out += fmt::format(",\"{}\":{}", key, json_quoted(value));
  };
  flag("nodelay", parameters.no_delay);
  flag("reverse", parameters.reverse);
  flag("bidirectional", parameters.bidirectional);
  number("window", parameters.window);
  number("MSS", static_cast<std::uint64_t>(parameters.mss));
  number("len", parameters.length);
  number("bandwidth", parameters.rate_bps);
  number("fqrate", parameters.fair_rate_bps);
  number("burst", static_cast<std::uint64_t>(parameters.burst));
  number("TOS", static_cast<std::uint64_t>(parameters.tos));
  // Numbers, not true: stock servers ask for the type.
  number("udp_counters_64bit", parameters.counters_64 ? 1 : 0);
  number("dont_fragment", parameters.dont_fragment ? 1 : 0);
  number("get_server_output", parameters.server_output ? 1 : 0);
  number("zerocopy", parameters.engine == SendEngine::sendfile ? 1 : 0);
  number("skip_rx_copy", parameters.discard ? 1 : 0);
  flag("mptcp", parameters.multipath);
  text("congestion", parameters.congestion);
  text("title", parameters.title);
  text("extra_data", parameters.extra_data);
  text("authtoken", parameters.token);
  if (parameters.isotach) {
    out += R"(,"isotach":{"version":1)";
    if (parameters.transaction != Transaction::none)
      out += fmt::format(R"(,"transaction":"{}","request_bytes":{},"response_bytes":{})",
                         transaction_name(parameters.transaction), parameters.request_bytes,
                         parameters.response_bytes);
    if (parameters.outstanding != 1) out += fmt::format(",\"outstanding\":{}", parameters.outstanding);
    number("rate", parameters.transaction_rate);
    number("threads", static_cast<std::uint64_t>(parameters.threads));
    flag("busy_poll", parameters.busy_poll);
    flag("no_follow", !parameters.follow);
    if (parameters.engine != SendEngine::automatic)
      out += fmt::format(R"(,"tx":"{}")", name_of(parameters.engine));
    if (parameters.cold_buffers != 0) out += fmt::format(R"(,"cold_buffers":{})", parameters.cold_buffers);
    out += "}";
  }
  return out + R"(,"pacing_timer":1000,"client_version":"3.12"})";
}

int check_parameters(const TestParameters& parameters) {
  if (parameters.omit_s < 0 || parameters.omit_s > kLongestOmit_s) return kErrorOmit;
  if (parameters.time_s < 0 || parameters.time_s > kLongestTime_s) return kErrorDuration;
  if (parameters.parallel < 1 || parameters.parallel > kStreamLimit) return kErrorStreams;
  if (parameters.window > kLargestWindow) return kErrorBufferSize;
  if (parameters.mss < 0 || parameters.mss > kLargestMss) return kErrorMss;
  if (parameters.burst < 0 || parameters.burst > kLargestBurst) return kErrorBurst;
  if (parameters.tos < 0 || parameters.tos > 255) return kErrorTos;
  const bool default_length = parameters.length == 0;
  if (parameters.udp && !default_length &&
      (parameters.length < kSmallestUdpLength || parameters.length > kLargestUdpLength))
    return kErrorUdpBlockSize;
  if (!parameters.udp && parameters.length > kLargestTcpLength) return kErrorBlockSize;
  if (parameters.reverse && parameters.bidirectional) return kErrorParameters;
  const std::uint32_t largest = parameters.udp ? kLargestUdpLength : kLargestTransaction;
  if (parameters.transaction != Transaction::none &&
      (parameters.request_bytes == 0 || parameters.response_bytes == 0 ||
       parameters.request_bytes > largest || parameters.response_bytes > largest))
    return parameters.udp ? kErrorUdpBlockSize : kErrorBlockSize;
  if (makes_connections(parameters.transaction) && parameters.udp) return kErrorUnsupported;
  if (parameters.outstanding < 1 || parameters.outstanding > kMostOutstanding) return kErrorBurst;
  if (parameters.transaction_rate > kLargestTransactionRate) return kErrorParameters;
  if (parameters.threads < 0 || parameters.threads > kStreamLimit) return kErrorStreams;
  if (parameters.cold_buffers > kMostColdBuffers) return kErrorParameters;
  constexpr auto kLargestCount = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (parameters.bytes > kLargestCount || parameters.blocks > kLargestCount ||
      parameters.rate_bps > kLargestCount || parameters.fair_rate_bps > kLargestCount)
    return kErrorParameters;
  return 0;
}

tl::expected<TestParameters, int> read_parameters(std::string_view json) {
  if (json.size() > kParametersLimitBytes) return tl::make_unexpected(kErrorParameters);
  const auto parsed = parse_json(json);
  if (!parsed || parsed->type() != JsonValue::Type::object) return tl::make_unexpected(kErrorParameters);
  TestParameters parameters;
  parameters.udp = is_true(*parsed, "udp");
  if (is_true(*parsed, "sctp")) return tl::make_unexpected(kErrorUnsupported);
  parameters.reverse = is_true(*parsed, "reverse");
  parameters.bidirectional = is_true(*parsed, "bidirectional");
  parameters.no_delay = is_true(*parsed, "nodelay");
  parameters.counters_64 = is_true(*parsed, "udp_counters_64bit");
  parameters.dont_fragment = is_true(*parsed, "dont_fragment");
  parameters.server_output = is_true(*parsed, "get_server_output");
  parameters.discard = is_true(*parsed, "skip_rx_copy");
  parameters.multipath = is_true(*parsed, "mptcp");
  if (is_true(*parsed, "zerocopy")) parameters.engine = SendEngine::sendfile;
  read_number(*parsed, "omit", parameters.omit_s);
  read_number(*parsed, "time", parameters.time_s);
  read_number(*parsed, "num", parameters.bytes);
  read_number(*parsed, "blockcount", parameters.blocks);
  read_number(*parsed, "parallel", parameters.parallel);
  read_number(*parsed, "len", parameters.length);
  read_number(*parsed, "window", parameters.window);
  read_number(*parsed, "MSS", parameters.mss);
  read_number(*parsed, "bandwidth", parameters.rate_bps);
  read_number(*parsed, "fqrate", parameters.fair_rate_bps);
  read_number(*parsed, "burst", parameters.burst);
  read_number(*parsed, "TOS", parameters.tos);
  read_text(*parsed, "congestion", parameters.congestion);
  read_text(*parsed, "title", parameters.title);
  read_text(*parsed, "extra_data", parameters.extra_data);
  read_text(*parsed, "authtoken", parameters.token);
  read_extension(*parsed, parameters);
  if (const int error = check_parameters(parameters); error != 0) return tl::make_unexpected(error);
  return parameters;
}

}  // namespace isotach::nettest

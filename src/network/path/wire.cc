#include "network/path/wire.h"

namespace isotach::path {
namespace {

constexpr std::uint32_t kMagic = 0x49507031;  // "IPp1"
constexpr std::size_t kArrivalBytes = 13;

class Writer {
 public:
  template <class Number>
  Writer& put(Number number) {
    const auto value = static_cast<std::uint64_t>(number);
    for (std::size_t i = sizeof(Number); i-- > 0;) text_ += static_cast<char>(value >> (8 * i));
    return *this;
  }
  std::string take(MessageType type) {
    Writer head;
    head.put(static_cast<std::uint8_t>(type)).put(static_cast<std::uint32_t>(text_.size()));
    return head.text_ + text_;
  }
  std::string& text() { return text_; }

 private:
  std::string text_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class Number>
  Number take() {
    std::uint64_t value = 0;
    if (bytes_.size() < sizeof(Number)) {
      whole_ = false;
      return 0;
    }
    for (std::size_t i = 0; i < sizeof(Number); ++i)
      value = value << 8 | static_cast<std::uint8_t>(bytes_[i]);
    bytes_.remove_prefix(sizeof(Number));
    return static_cast<Number>(value);
  }
  [[nodiscard]] bool is_whole() const { return whole_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  bool whole_ = true;
};

template <class Content>
std::optional<Content> if_whole(const Reader& reader, Content content) {
  if (!reader.is_whole() || reader.left() != 0) return std::nullopt;
  return content;
}

}  // namespace

void write_probe(const Probe& probe, std::uint8_t* to) {
  Writer writer;
  writer.put(kMagic).put(static_cast<std::uint8_t>(probe.kind)).put(probe.tos).put(std::uint16_t{0});
  writer.put(std::uint32_t{0}).put(probe.token).put(probe.stream).put(probe.sequence);
  writer.put(probe.sent_ns).put(probe.received_ns).put(probe.answered_ns);
  writer.text().copy(reinterpret_cast<char*>(to), kProbeBytes);
}

std::optional<Probe> read_probe(const std::uint8_t* bytes, std::size_t size) {
  if (size < kProbeBytes) return std::nullopt;
  Reader reader({reinterpret_cast<const char*>(bytes), kProbeBytes});
  if (reader.take<std::uint32_t>() != kMagic) return std::nullopt;
  Probe probe;
  const auto kind = reader.take<std::uint8_t>();
  if (kind < 1 || kind > 3) return std::nullopt;
  probe.kind = static_cast<ProbeKind>(kind);
  probe.tos = reader.take<std::uint8_t>();
  reader.take<std::uint16_t>();
  reader.take<std::uint32_t>();
  probe.token = reader.take<std::uint64_t>();
  probe.stream = reader.take<std::uint32_t>();
  probe.sequence = reader.take<std::uint32_t>();
  probe.sent_ns = reader.take<std::int64_t>();
  probe.received_ns = reader.take<std::int64_t>();
  probe.answered_ns = reader.take<std::int64_t>();
  return probe;
}

std::string message(const Hello& hello) {
  Writer writer;
  writer.put(hello.udp_port);
  return writer.take(MessageType::hello);
}

std::string message(const Welcome& welcome) {
  Writer writer;
  writer.put(welcome.udp_port).put(welcome.token);
  return writer.take(MessageType::welcome);
}

std::string message(const ReportRequest& request) {
  Writer writer;
  writer.put(request.stream).put(request.sent).put(request.patience_ms);
  return writer.take(MessageType::report);
}

std::string message(const Records& records) {
  Writer writer;
  writer.put(records.stream).put(records.dropped).put(static_cast<std::uint32_t>(records.arrivals.size()));
  for (const Arrival& arrival : records.arrivals)
    writer.put(arrival.sequence).put(arrival.received_ns).put(arrival.tos);
  return writer.take(MessageType::records);
}

std::string message(const SendRequest& request) {
  Writer writer;
  writer.put(request.stream).put(request.payload_bytes).put(request.count).put(request.trains);
  writer.put(request.gap_ps).put(request.rest_ns);
  return writer.take(MessageType::send);
}

std::string message(const Sent& sent) {
  Writer writer;
  writer.put(sent.stream).put(static_cast<std::uint32_t>(sent.times_ns.size()));
  for (const std::int64_t time_ns : sent.times_ns) writer.put(time_ns);
  return writer.take(MessageType::sent);
}

bool is_within_bounds(const SendRequest& request) {
  if (request.payload_bytes < kProbeBytes || request.count == 0 || request.trains == 0) return false;
  const std::uint64_t packets = std::uint64_t{request.count} * request.trains;
  if (packets > kMostRecords || packets * request.payload_bytes > kMostSentBytes) return false;
  if (request.gap_ps > kMostSentNs * 1000 || request.rest_ns > kMostSentNs) return false;
  return packets * (request.gap_ps / 1000) + request.trains * request.rest_ns <= kMostSentNs;
}

std::optional<MessageHead> read_head(std::string_view bytes) {
  if (bytes.size() < kMessageHead) return std::nullopt;
  Reader reader(bytes.substr(0, kMessageHead));
  const auto type = reader.take<std::uint8_t>();
  const auto size = reader.take<std::uint32_t>();
  if (type < 1 || type > 6 || size > kMostMessageBytes) return std::nullopt;
  return MessageHead{static_cast<MessageType>(type), size};
}

std::optional<Hello> read_hello(std::string_view content) {
  Reader reader(content);
  const Hello hello{reader.take<std::uint16_t>()};
  return if_whole(reader, hello);
}

std::optional<Welcome> read_welcome(std::string_view content) {
  Reader reader(content);
  Welcome welcome;
  welcome.udp_port = reader.take<std::uint16_t>();
  welcome.token = reader.take<std::uint64_t>();
  return if_whole(reader, welcome);
}

std::optional<ReportRequest> read_report_request(std::string_view content) {
  Reader reader(content);
  ReportRequest request;
  request.stream = reader.take<std::uint32_t>();
  request.sent = reader.take<std::uint32_t>();
  request.patience_ms = reader.take<std::uint32_t>();
  return if_whole(reader, request);
}

std::optional<Records> read_records(std::string_view content) {
  Reader reader(content);
  Records records;
  records.stream = reader.take<std::uint32_t>();
  records.dropped = reader.take<std::uint32_t>();
  const auto count = reader.take<std::uint32_t>();
  if (!reader.is_whole() || count > kMostRecords || reader.left() != count * kArrivalBytes)
    return std::nullopt;
  records.arrivals.resize(count);
  for (Arrival& arrival : records.arrivals) {
    arrival.sequence = reader.take<std::uint32_t>();
    arrival.received_ns = reader.take<std::int64_t>();
    arrival.tos = reader.take<std::uint8_t>();
  }
  return records;
}

std::optional<SendRequest> read_send_request(std::string_view content) {
  Reader reader(content);
  SendRequest request;
  request.stream = reader.take<std::uint32_t>();
  request.payload_bytes = reader.take<std::uint16_t>();
  request.count = reader.take<std::uint32_t>();
  request.trains = reader.take<std::uint32_t>();
  request.gap_ps = reader.take<std::uint64_t>();
  request.rest_ns = reader.take<std::uint64_t>();
  return if_whole(reader, request);
}

std::optional<Sent> read_sent(std::string_view content) {
  Reader reader(content);
  Sent sent;
  sent.stream = reader.take<std::uint32_t>();
  const auto count = reader.take<std::uint32_t>();
  if (!reader.is_whole() || count > kMostRecords || reader.left() != count * sizeof(std::int64_t))
    return std::nullopt;
  sent.times_ns.resize(count);
  for (std::int64_t& time_ns : sent.times_ns) time_ns = reader.take<std::int64_t>();
  return sent;
}

}  // namespace isotach::path

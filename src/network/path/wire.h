// How `isotach path` talks to its partner, a nettest server. Pure.
//
// A control connection over TCP to the server's port begins with a cookie, as every connection there does;
// this one starts with kCookiePrefix. The server greets with kGreeting (a stock server with the byte 9
// instead), and answers messages: a byte of type, 32 bits of length, the content. All numbers are big-endian.
//
//     hello    port of our UDP socket                   ->
//                                                       <-  welcome  port of its UDP socket, a token
//     probes by UDP, each with a stream's number        ->
//     report   stream, probes sent, patience in ms      ->
//                                                       <-  records  what of it has come, and when
//
//     send     a stream: size, count, gaps              ->
//                                                       <-  probes by UDP
//                                                       <-  sent     when each of it left
//
// Only the last stream is kept. Echo requests are answered at once, with both stamps of the server. No
// datagram gets a longer answer than it was itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isotach::path {

inline constexpr std::string_view kCookiePrefix = "isotach-path-1-";
inline constexpr std::string_view kGreeting = "isotach-path-1\n";
inline constexpr std::size_t kMostRecords = 65'536;

enum class ProbeKind : std::uint8_t { probe = 1, echo_request = 2, echo_answer = 3 };

struct Probe {
  ProbeKind kind = ProbeKind::probe;
  std::uint8_t tos = 0;  // echo answer: the type of service with which the request came
  std::uint64_t token = 0;
  std::uint32_t stream = 0;
  std::uint32_t sequence = 0;
  std::int64_t sent_ns = 0;      // by the clock of whoever asks
  std::int64_t received_ns = 0;  // echo answer: by the server's clock
  std::int64_t answered_ns = 0;
};
inline constexpr std::size_t kProbeBytes = 52;

void write_probe(const Probe& probe, std::uint8_t* to);  // kProbeBytes
[[nodiscard]] std::optional<Probe> read_probe(const std::uint8_t* bytes, std::size_t size);

enum class MessageType : std::uint8_t { hello = 1, welcome = 2, report = 3, records = 4, send = 5, sent = 6 };

struct Hello {
  std::uint16_t udp_port = 0;
};
struct Welcome {
  std::uint16_t udp_port = 0;
  std::uint64_t token = 0;
};
struct ReportRequest {
  std::uint32_t stream = 0;
  std::uint32_t sent = 0;
  std::uint32_t patience_ms = 0;  // without a probe of the stream, then it answers
};
struct Arrival {
  std::uint32_t sequence = 0;
  std::int64_t received_ns = 0;
  std::uint8_t tos = 0;
};
// How many of a stream's probes have come; copies of one count once.
class Distinct {
 public:
  void add(std::uint32_t sequence) {
    if (sequence >= kMostRecords) return;
    if (sequence >= seen_.size()) seen_.resize(std::size_t{sequence} + 1);
    if (!seen_[sequence]) ++count_;
    seen_[sequence] = true;
  }
  void clear() { *this = {}; }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  std::vector<bool> seen_;
  std::size_t count_ = 0;
};

struct Records {
  std::uint32_t stream = 0;
  std::uint32_t dropped = 0;      // by the receiver's socket, since the session began: no loss of the network
  std::vector<Arrival> arrivals;  // in the order in which they came
};

// What the server is to send: `trains` of `count` probes, `gap_ps` from one probe to the next, `rest_ns` from
// a train to the next. Picoseconds, for a gap of a gigabit is told too badly by whole nanoseconds.
struct SendRequest {
  std::uint32_t stream = 0;
  std::uint16_t payload_bytes = 0;
  std::uint32_t count = 0;
  std::uint32_t trains = 0;
  std::uint64_t gap_ps = 0;
  std::uint64_t rest_ns = 0;
};
// No server sends more than that for one request, or for longer.
inline constexpr std::uint64_t kMostSentBytes = 16U << 20;
inline constexpr std::uint64_t kMostSentNs = 10'000'000'000;
[[nodiscard]] bool is_within_bounds(const SendRequest& request);

struct Sent {
  std::uint32_t stream = 0;
  std::vector<std::int64_t>
      times_ns;  // by sequence number, by the server's clock; less where it could not send all
};

[[nodiscard]] std::string message(const Hello& hello);
[[nodiscard]] std::string message(const Welcome& welcome);
[[nodiscard]] std::string message(const ReportRequest& request);
[[nodiscard]] std::string message(const Records& records);
[[nodiscard]] std::string message(const SendRequest& request);
[[nodiscard]] std::string message(const Sent& sent);

inline constexpr std::size_t kMessageHead = 5;
inline constexpr std::size_t kMostMessageBytes = 12 + kMostRecords * 13;
// Type and length of what begins here; nothing where it is no message.
struct MessageHead {
  MessageType type{};
  std::size_t size = 0;
};
[[nodiscard]] std::optional<MessageHead> read_head(std::string_view bytes);
[[nodiscard]] std::optional<Hello> read_hello(std::string_view content);
[[nodiscard]] std::optional<Welcome> read_welcome(std::string_view content);
[[nodiscard]] std::optional<ReportRequest> read_report_request(std::string_view content);
[[nodiscard]] std::optional<Records> read_records(std::string_view content);
[[nodiscard]] std::optional<SendRequest> read_send_request(std::string_view content);
[[nodiscard]] std::optional<Sent> read_sent(std::string_view content);

}  // namespace isotach::path

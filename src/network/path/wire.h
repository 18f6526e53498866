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

enum class MessageType : std::uint8_t { hello = 1, welcome = 2, report = 3, records = 4 };

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
struct Records {
  std::uint32_t stream = 0;
  std::uint32_t dropped = 0;      // by the receiver's socket, since the session began: no loss of the network
  std::vector<Arrival> arrivals;  // in the order in which they came
};

[[nodiscard]] std::string message(const Hello& hello);
[[nodiscard]] std::string message(const Welcome& welcome);
[[nodiscard]] std::string message(const ReportRequest& request);
[[nodiscard]] std::string message(const Records& records);

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

}  // namespace isotach::path

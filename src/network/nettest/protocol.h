// The words of iperf3's control connection. Pure.
//
// One TCP port carries the control connection and all TCP data connections; each begins with the cookie of
// its test. On the control connection the server leads by single bytes, the states; parameters and results
// travel as JSON after a 32-bit length in network byte order.
//
//     client                                       server
//     cookie                              ->
//                                         <-       parameter_exchange
//     parameters (JSON)                   ->
//                                         <-       create_streams
//     a data connection with the cookie,
//     or a UDP hello, for each stream     ->
//                                         <-       test_start, test_running
//     data                               <->       data
//     test_end                            ->
//                                         <-       exchange_results
//     results (JSON)                      ->
//                                         <-       results (JSON), display_results
//     done                                ->
//
// The server may answer access_denied, or server_error and two 32-bit numbers (an error of iperf3, an errno).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace isotach::nettest {

inline constexpr std::uint16_t kDefaultPort = 5201;

enum class State : std::int8_t {
  test_start = 1,
  test_running = 2,
  test_end = 4,
  parameter_exchange = 9,
  create_streams = 10,
  server_terminate = 11,
  client_terminate = 12,
  exchange_results = 13,
  display_results = 14,
  done = 16,
  access_denied = -1,
  server_error = -2,
};

// 36 characters of a-z and 2-7, and a NUL.
inline constexpr std::size_t kCookieBytes = 37;
using Cookie = std::array<char, kCookieBytes>;

// From 36 random bytes.
[[nodiscard]] Cookie make_cookie(const std::array<std::uint8_t, kCookieBytes - 1>& random);
// Nothing where `bytes` is no cookie: what knocked is no client. Stock clients use a-z and 2-7 only; any
// printable characters are let pass.
[[nodiscard]] std::optional<Cookie> read_cookie(std::string_view bytes);
[[nodiscard]] std::string_view cookie_text(const Cookie& cookie);

// The length before a JSON text, and the text.
[[nodiscard]] std::string framed(std::string_view json);
inline constexpr std::size_t kLengthBytes = 4;
[[nodiscard]] std::uint32_t read_be32(std::string_view bytes);  // at least 4 bytes
[[nodiscard]] std::string be32(std::uint32_t value);

// Numbers of iperf3's errors that are ours to send; its clients print the text that belongs to them.
inline constexpr int kErrorDuration = 5;
inline constexpr int kErrorStreams = 6;
inline constexpr int kErrorBlockSize = 7;
inline constexpr int kErrorBufferSize = 8;
inline constexpr int kErrorMss = 10;
inline constexpr int kErrorOmit = 12;
inline constexpr int kErrorBurst = 15;
inline constexpr int kErrorUdpBlockSize = 20;
inline constexpr int kErrorTos = 21;
inline constexpr int kErrorNotAllowed = 142;   // IEAUTHTEST
inline constexpr int kErrorStreamLimit = 203;  // IESTREAMLISTEN: no thread or socket for the streams
inline constexpr int kErrorParameters = 114;   // IERECVPARAMS
inline constexpr int kErrorResults = 117;      // IERECVRESULTS
inline constexpr int kErrorUnsupported = 22;   // IENOSENDFILE is the nearest there is to "not here"

// What a server that sent this number means, for a person.
[[nodiscard]] std::string server_error_text(std::int32_t number, std::int32_t errno_value);

// Greets a transaction stream after its cookie: a stock server never sends it, so that a client learns within
// its deadline that the other end cannot answer transactions.
inline constexpr std::string_view kTransactionGreeting = "isotach-rr-1\n";

// The identity of the n-th stream of a test (from 0): 1, 3, 4, 5, ... as iperf3 counts.
[[nodiscard]] constexpr int stream_id(int index) {
  return index == 0 ? 1 : index + 2;
}

}  // namespace isotach::nettest

// What a test shall do, as the client tells the server: iperf3's JSON keys. Pure.
//
// A key of the wrong type counts as absent, an absent key has its default, unknown keys are ignored: stock
// peers do the same, so that keys of our own ("isotach") can travel along.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "network/nettest/engine.h"

namespace isotach::nettest {

enum class Transaction : std::uint8_t {
  none,              // streams of data
  request_response,  // over a connection that stays, or by datagrams
  connect,           // a new connection for each
  connect_close,     // nothing but new connections
};

struct TestParameters {
  bool udp = false;
  bool reverse = false;
  bool bidirectional = false;
  int parallel = 1;
  int omit_s = 0;
  int time_s = 10;                  // 0: until `bytes` or `blocks`
  std::uint64_t bytes = 0;          // 0: no limit
  std::uint64_t blocks = 0;         // 0: no limit
  std::uint32_t length = 0;         // of a write or datagram; 0: the default of the protocol
  std::uint32_t window = 0;         // of the socket buffers; 0: the kernel's
  int mss = 0;                      // 0: the kernel's
  std::uint64_t rate_bps = 0;       // of each stream; 0: unlimited
  std::uint64_t fair_rate_bps = 0;  // SO_MAX_PACING_RATE of each stream
  int burst = 0;
  int tos = 0;
  bool no_delay = false;
  bool counters_64 = false;
  bool dont_fragment = false;
  bool server_output = false;  // what the server prints comes with its results
  std::string congestion;
  std::string title;
  std::string extra_data;
  // Ours.
  bool isotach = false;  // the peer is an Isotach: it reads the keys below and in the results
  Transaction transaction = Transaction::none;
  std::uint32_t outstanding = 1;       // transactions of a stream under way at a time
  std::uint32_t transaction_rate = 0;  // of a stream, a second; 0: as fast as answers come
  bool busy_poll = false;              // ask again and again instead of sleeping
  bool follow = true;                  // the thread of one flow may stay where its packets come in
  int threads = 0;                     // at each end; 0: one for each processor
  std::uint32_t request_bytes = 1;
  std::uint32_t response_bytes = 1;
  SendEngine engine = SendEngine::automatic;  // of the end that sends; to a stock peer only sendfile is told
  bool discard = false;                       // receivers of TCP let the kernel throw the data away
  std::uint32_t cold_buffers = 0;             // so many buffers in turn, that no cache holds them
  bool multipath = false;                     // MPTCP
  std::string token;                          // authentication.h
};

inline constexpr std::size_t kParametersLimitBytes = 8192;
inline constexpr int kStreamLimit = 128;
inline constexpr std::uint32_t kDefaultTcpLength = 128 * 1024;
inline constexpr std::uint32_t kDefaultUdpLength = 1460;
inline constexpr std::uint32_t kLargestTcpLength = 1024 * 1024;
inline constexpr std::uint32_t kLargestUdpLength = 65507;
inline constexpr std::uint32_t kSmallestUdpLength = 16;
inline constexpr std::uint32_t kMostOutstanding = 1024;
inline constexpr std::uint32_t kLargestTransactionRate = 10'000'000;
inline constexpr std::uint32_t kMostColdBuffers = 65536;
inline constexpr std::uint32_t kLargestTransaction = 16 * 1024 * 1024;

[[nodiscard]] constexpr bool makes_connections(Transaction transaction) {
  return transaction == Transaction::connect || transaction == Transaction::connect_close;
}
// "rr", "crr", "cc"; empty for none.
[[nodiscard]] std::string_view transaction_name(Transaction transaction);

[[nodiscard]] std::string to_json(const TestParameters& parameters);

// The error of iperf3 (protocol.h) as the unexpected value.
[[nodiscard]] tl::expected<TestParameters, int> read_parameters(std::string_view json);

// What is out of range: an error of iperf3, or 0.
[[nodiscard]] int check_parameters(const TestParameters& parameters);

}  // namespace isotach::nettest

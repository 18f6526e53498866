// What a test found: plain data, made by client and server, shown by the command.
//
// Seconds count from the start of the test (TEST_START), omitted time included.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/result.h"
#include "kernel/socket.h"
#include "network/nettest/confidence.h"
#include "network/nettest/load_verdict.h"
#include "network/nettest/parameters.h"
#include "network/nettest/results.h"

namespace isotach::nettest {

// All counters of a stream at one moment, since its start.
struct StreamSample {
  std::int64_t time_ns = 0;  // monotonic
  std::uint64_t bytes = 0;
  std::uint64_t packets = 0;
  std::uint64_t highest = 0;
  std::uint64_t lost = 0;
  std::uint64_t out_of_order = 0;
  std::uint64_t duplicates = 0;
  double jitter_s = 0;
  std::uint64_t calls = 0;
  std::uint64_t transactions = 0;
  std::uint64_t latency_sum_ns = 0;
  std::uint64_t late = 0;
  std::uint64_t skipped = 0;
  std::int64_t last_ns = 0;
  std::optional<kernel::TcpInfo> tcp;         // of what we send
  std::optional<std::uint64_t> buffer_drops;  // of what we receive by UDP
};

struct StreamFacts {
  int id = 0;
  bool sender = false;  // we send
  int socket = -1;
  kernel::SocketAddress local;
  kernel::SocketAddress peer;
};

// What a stream did from one moment to the next.
struct StreamInterval {
  double seconds = 0;
  std::uint64_t bytes = 0;
  std::uint64_t packets = 0;  // sent; or those that should have arrived
  std::int64_t lost = 0;      // below 0 where late ones of the interval before have come
  std::uint64_t out_of_order = 0;
  std::uint64_t duplicates = 0;
  double jitter_s = 0;
  std::uint64_t transactions = 0;
  std::optional<double> mean_latency_ns;
  // How this end moved it (engine.h), of TCP and UDP streams: what copies nothing is another test.
  std::string_view moved_by;
  std::optional<std::uint64_t> buffer_drops;
  std::optional<std::uint64_t> retransmits;
  std::optional<kernel::TcpInfo> tcp;  // at its end
  // 0..1 of the interval: the sender had data to send; was held up by the peer's window, by its own buffer.
  std::optional<double> busy;
  std::optional<double> window_limited;
  std::optional<double> buffer_limited;
};

struct IntervalReport {
  double start_s = 0;
  double end_s = 0;
  bool omitted = false;
  std::vector<StreamInterval> streams;  // as many as StreamFacts, in the same order
};

// Datagrams that found a receive buffer full. The kernel counts what it drops in pieces, and joined datagrams
// are one piece: as many are taken for a piece as in those that arrived, but no more than were lost.
[[nodiscard]] std::uint64_t dropped_datagrams(std::uint64_t dropped_pieces, std::uint64_t received_datagrams,
                                              std::uint64_t received_pieces, std::int64_t lost);

[[nodiscard]] StreamInterval interval_between(const StreamSample& before, const StreamSample& now,
                                              bool sender);

// One end of a stream in the whole test, without what was omitted.
struct StreamEnd {
  bool known = false;
  double seconds = 0;
  std::uint64_t bytes = 0;
  std::optional<std::uint64_t> retransmits;
  std::uint64_t packets = 0;
  std::int64_t lost = 0;
  double jitter_s = 0;
  std::optional<std::uint64_t> out_of_order;
  std::optional<std::uint64_t> duplicates;
  std::optional<std::uint64_t> buffer_drops;
};

struct StreamTotal {
  StreamEnd sent;
  StreamEnd received;
  StreamInterval whole;  // as our end saw it
  std::uint64_t calls = 0;
  std::uint64_t late = 0;
  std::uint64_t skipped = 0;
  std::uint64_t unanswered = 0;  // requests, at the end
  int pieces_a_burst = 0;
  int tos_received = -1;
  std::optional<SenderTcp> tcp;  // of its sender; a stock peer does not tell
};

struct CpuShare {
  bool known = false;
  // Of one processor, in percent; the streams' threads and, at the client, the whole process.
  double total = 0;
  double user = 0;
  double system = 0;
  std::optional<double> busiest_thread;  // 0..1
  std::optional<double> host_busy;       // 0..1 of all processors
};

// What is known when the streams stand.
struct TestFacts {
  TestParameters parameters;
  std::string cookie;
  std::string host;  // as it was asked for
  std::uint16_t port = 0;
  kernel::SocketAddress peer;
  Instant start;
  int control_mss = 0;
  std::uint64_t send_buffer_bytes = 0;
  std::uint64_t receive_buffer_bytes = 0;
  std::uint64_t wanted_buffer_bytes = 0;
  int path_mtu = 0;  // of the UDP streams; 0: not known
  double duration_s = 0;
  bool iperf2 = false;  // its protocol, not that of iperf3
  std::vector<StreamFacts> streams;
};

struct TestReport {
  std::vector<StreamTotal> streams;  // as many as StreamFacts
  double seconds = 0;                // without what was omitted
  CpuShare local;
  CpuShare remote;
  DataPath local_path;
  DataPath remote_path;
  std::string local_congestion;
  std::string remote_congestion;
  bool peer_is_isotach = false;
  bool complete = false;  // both ends have told their results
  std::optional<Histogram> latency;
  // Of paced datagrams: [0] what we sent, [1] what we received; as it left, as it came.
  std::array<std::optional<DatagramTiming>, 2> left;
  std::array<std::optional<DatagramTiming>, 2> came;
  std::vector<std::string> warnings;
  // Where they were asked for.
  std::string server_output;
  std::optional<LoadLatency> load_latency;
  std::optional<ConfidenceReport> confidence;
  std::optional<WithinRun> within_run;
};

// What the test is about: bits per second received in all directions (sent, where the other end does not
// tell), or transactions per second.
[[nodiscard]] double headline(const TestFacts& facts, const TestReport& report);

// A length over the path's MTU, in a sentence for people; nothing where all fits or nothing is known.
[[nodiscard]] std::optional<std::string> fragments_text(const TestFacts& facts);
// What limits the result other than the network, in sentences for people.
[[nodiscard]] std::vector<std::string> warnings_of(const TestFacts& facts, const TestReport& report);

}  // namespace isotach::nettest

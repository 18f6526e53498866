// What each end tells the other at the end of a test: iperf3's JSON keys, and ours in "isotach". Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "network/nettest/datagram_timing.h"

namespace isotach::nettest {

// What TCP told the sender of a stream: over the ends of the intervals, and of the whole time.
struct SenderTcp {
  std::uint64_t largest_cwnd_bytes = 0;
  std::uint64_t largest_peer_window_bytes = 0;
  std::uint32_t smallest_rtt_us = 0;
  std::uint32_t largest_rtt_us = 0;
  double mean_rtt_us = 0;
  // 0..1 of the time: it had data to send; was held up by the peer's window, by its own buffer.
  double busy = 0;
  double window_limited = 0;
  double buffer_limited = 0;
};

// One stream, as the end that tells it saw it: what it sent, or what it received.
struct StreamResult {
  int id = 0;
  std::uint64_t bytes = 0;
  std::int64_t retransmits = -1;  // -1: not known
  double jitter_s = 0;
  std::int64_t errors = 0;    // datagrams lost
  std::uint64_t packets = 0;  // with the omitted ones
  std::int64_t omitted_errors = 0;
  std::uint64_t omitted_packets = 0;
  double start_s = 0;
  double end_s = 0;
  // Ours; nothing where the peer is a stock iperf3.
  std::optional<std::uint64_t> out_of_order;
  std::optional<std::uint64_t> duplicates;
  std::optional<std::uint64_t> buffer_drops;  // by the receive buffer of that end: no loss of the network
  std::optional<SenderTcp> tcp;               // where it sent
};

// How an end moved its data, as it says itself.
struct DataPath {
  std::string sent_by;      // engine.h; empty: it sent nothing, or does not tell
  double sent_copied = 1;   // share of what it sent, 0..1, that was copied to send it
  std::string received_by;  // "recv", which copies, or "discard"
  std::uint32_t cold_buffers = 0;
  std::optional<int> tos_received;  // type-of-service byte: DSCP and, of UDP, ECN
  bool ecn = false;                 // TCP: agreed on
  bool ecn_seen = false;            // TCP: what arrived was marked as capable of it
  bool multipath = false;           // the streams are MPTCP
  bool followed = false;            // its thread ran where its packets came in (seat.h)
};

struct PeerResults {
  // Of one processor, in percent.
  double cpu_total = 0;
  double cpu_user = 0;
  double cpu_system = 0;
  int sender_has_retransmits = -1;  // 1, 0, -1: does not send
  std::string congestion;
  std::vector<StreamResult> streams;
  std::string output;  // of the server, for people; empty: not asked for, or JSON, or none
  // Ours.
  bool isotach = false;
  std::optional<double> busiest_thread;  // 0..1 of a processor
  std::optional<double> host_busy;       // 0..1 of all processors
  DataPath path;
  std::optional<DatagramTiming> sent;  // of paced datagrams
  std::optional<DatagramTiming> received;
};

// A server of ours takes no more from a client; a client takes more, because a server may append its output.
inline constexpr std::size_t kClientResultsLimitBytes = std::size_t{256} * 1024;
inline constexpr std::size_t kServerResultsLimitBytes = std::size_t{16} * 1024 * 1024;

[[nodiscard]] std::string to_json(const PeerResults& results);
// Fails where something is no JSON, or lacks what every iperf3 sends.
[[nodiscard]] Result<PeerResults> read_results(std::string_view json);

}  // namespace isotach::nettest

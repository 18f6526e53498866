// Why is a transfer not faster? From what was seen of its sockets and of the threads behind them (a
// TransferTrace), the time is shared out among its causes, and the largest is named. Pure.
//
// What holds a sender at a moment is told by the kernel's own account (tcp_info: busy, limited by the
// receiver's window), by what waits in its buffers, and by what its thread does: a thread that waits in
// write(2) on the socket is held up by what is behind it, any other by itself. tcpi_sndbuf_limited alone is
// not used: it stays 0 with a blocking writer. tcpi_rwnd_limited does not say why the window is full: what
// waits in the receiver's queue does, and what its thread does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "doctor/finding.h"
#include "network/connections/transfer_trace.h"

namespace isotach::doctor {

enum class Cause : std::uint8_t {
  none,                  // nothing holds it: it has what it asks for, or all that its own link carries
  narrow_path,           // the narrowest link of the path is full, of this transfer
  congestion,            // others fill the path
  loss,                  // packets get lost that no queue of this transfer dropped
  policer,               // something drops what exceeds a rate
  reordering,            // packets overtake each other
  bufferbloat,           // the path is full, and its queue holds packets up for long
  black_hole,            // large packets never arrive
  link_speed,            // the own link runs slower than both ends could
  duplex_mismatch,       // one end of a link sends and receives at once, the other does not
  local_queue,           // a limit of this host: pacing or a traffic shaper
  receive_window,        // the receiver's buffer is too small for the path
  receiver_application,  // the receiver does not read
  receiver_disk,         // ... because it waits for a disk
  receiver_cpu,          // ... because it has no time
  send_buffer,           // the sender's buffer is too small for the path
  sender_application,    // the sender does not write
  sender_disk,           // ... because it waits for a disk
  sender_cpu,            // ... because it has no time
  sender_waits,          // ... because it waits for an answer of the other end
  name_lookup,           // ... because it waits for a DNS server
  unknown,               // nothing was seen of the end that would tell
};
inline constexpr std::size_t kCauses = static_cast<std::size_t>(Cause::unknown) + 1;

[[nodiscard]] std::string_view cause_key(Cause cause);   // "receiver_disk"
[[nodiscard]] std::string_view cause_name(Cause cause);  // "the receiver's disk"
[[nodiscard]] bool is_network(Cause cause);

// What is known of the path besides the connection itself.
struct PathFacts {
  std::optional<double> capacity_bps;   // of the narrow link, measured
  std::optional<double> available_bps;  // of the tight link, while nothing of ours was under way
  std::optional<double> link_bps;       // speed of the interface that the connection goes through
  std::string interface;
  bool loopback = false;                   // that never leaves this host
  std::vector<Finding> link_findings;      // of that interface
  std::optional<double> burst_loss;        // share of a train lost behind its first packets: a policer
  std::optional<bool> large_packets_pass;  // of the size of its segments
};

// Numbers of one trace, of its sending end. Shares are 0..1, of the time or of the moments.
struct TransferFacts {
  bool sender_seen = false, receiver_seen = false, sender_thread_seen = false, receiver_thread_seen = false;
  double seconds = 0;
  double rate_bps = 0;  // payload acknowledged
  double busy = 0, window_limited = 0, buffer_limited = 0;
  double cwnd_full = 0, window_full = 0, nothing_unsent = 0, app_limited = 0;
  double retransmitted = 0;  // of the bytes sent
  double loss_moments = 0;   // share of the intervals in which something was sent again
  double queue = 0;          // (median RTT - least) / least
  double queue_p25 = 0;      // the same of the 25th of 100 round trips
  double queue_at_loss = 0;  // of the median interval in which something was sent again
  double rtt_ms = 0, min_rtt_ms = 0;
  double rate_spread = 1;  // 90th of 100 delivery rates / median
  double send_memory = 0;  // median share of the send buffer that is filled
  double unacked_of_cwnd = 0, pacing_of_limit = 0;
  double window_bytes = 0;        // median of what the receiver allows
  double window_spread = 0;       // its 10th of 100 / 90th
  double window_shrunk = 0;       // share of the moments in which it was less than half of what it had been
  double receive_queue = 0;       // median share of the receive buffer
  double receive_memory_p90 = 0;  // of it
  double reordered = 0;           // events
  double dsack_share = 0;         // of the retransmissions, those that were not needed
  double delivered_bytes = 0, sent_bytes = 0;
  double timeouts = 0, backoff = 0;
  // How much deliveries vary from one interval to the next, as variance / mean of their segments while a
  // queue stands: a link of its own serves a transfer evenly; packets of others in between come by chance.
  double unevenness = 0;
  double losses = 0;         // segments sent again
  double loss_clumping = 1;  // intervals in which losses would fall by chance / in which they did
  double mss = 0;
  bool window_scaling = true;
  bool paced_by_bbr = false;
  std::string congestion_control;
  std::array<double, static_cast<std::size_t>(kernel::Activity::other) + 1> sender{}, receiver{};

  [[nodiscard]] double sender_does(kernel::Activity activity) const {
    return sender[static_cast<std::size_t>(activity)];
  }
  [[nodiscard]] double receiver_does(kernel::Activity activity) const {
    return receiver[static_cast<std::size_t>(activity)];
  }
};
[[nodiscard]] TransferFacts facts_of(const network::TransferTrace& trace);

// A row of the evidence: a number, and how it was measured.
struct EvidenceRow {
  std::string what, value, how;
};

struct CauseShare {
  Cause cause = Cause::none;
  double share = 0;  // of the time
};

struct TransferVerdict {
  Cause cause = Cause::unknown;
  double share = 0;                // of the time
  std::vector<CauseShare> shares;  // the largest first; they add up to 1
  TransferFacts facts;
  std::string answer;  // a sentence
  std::vector<EvidenceRow> evidence;
  std::vector<std::string> remedies;
  // As a finding; nothing where nothing is wrong.
  [[nodiscard]] std::optional<Finding> finding(const std::string& subject) const;
};

[[nodiscard]] TransferVerdict judge_transfer(const network::TransferTrace& trace, const PathFacts& path);

// Which of the network's causes it is, by the first rule that holds; for what is left when neither end's
// application, window or buffer holds the transfer.
[[nodiscard]] Cause judge_path(const TransferFacts& facts, const PathFacts& path);

}  // namespace isotach::doctor

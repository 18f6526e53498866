// What each link of an emulated path does to packets, and how a user says it:
//
//     2 both rate=100mbit delay=10ms queue=50ms       link 2, both ways
//     all ab loss=0.1%                                every link, from A to B
//
// Rates are in bit/s (mbit, gbit), times need a unit (ms, us, s, ns), probabilities are shares or per cent.
// Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isotach::emulator {

// Traffic of others: it takes its place in the queue of the link, but there are no real packets.
enum class CrossModel : std::uint8_t {
  off,
  cbr,      // one packet after the other, evenly
  poisson,  // packets at random moments
  pareto,   // eight sources that are silent half of the time; both times are Pareto-distributed
};
struct CrossTraffic {
  CrossModel model = CrossModel::off;
  double rate_bps = 0;     // offered, on average
  int size_bytes = 1500;   // 0: mixed, half of 40, a quarter each of 576 and 1500
  double burst_ns = 50e6;  // mean time for which a source of pareto sends
};

// Which packets may be lost, late or doubled: a test may need the others whole.
enum class MetBy : std::uint8_t { all, udp, tcp, tcp_data };

enum class Bleach : std::uint8_t { nothing, ecn, dscp, both };

// One direction of a link. Everything that is 0 is off, or without a limit.
struct WaySettings {
  double rate_bps = 0;
  double delay_ns = 0;
  double jitter_ns = 0;     // up to that much more, evenly distributed
  bool keeps_order = true;  // no packet overtakes another by jitter
  double queue_bytes = 0;   // what may wait; a packet that does not fit is dropped
  double queue_ns = 0;      // the same as time at `rate_bps`; wins
  int overhead_bytes = 0;   // added to each packet's length: 38 makes Ethernet of it
  int mtu_bytes = 1500;     // larger packets are answered with "too big" and dropped
  bool black_hole = false;  // they are dropped without a word
  double loss = 0;          // after the queue, as on a noisy wire
  std::uint64_t lose_every = 0;
  // Gilbert and Elliott's two states: probability to enter and leave the bad one, of loss in bad and good.
  double burst_enter = 0, burst_leave = 0, burst_loss = 1, burst_between = 0;
  double reorder = 0;  // share of packets that are reorder_ns late, and may be overtaken
  double reorder_ns = 0;
  double duplicate = 0;
  double police_bps = 0;  // a token bucket that drops, and delays nothing
  double police_bytes = 64000;
  double mark_ns = 0;  // ECN: marked when it has to wait longer than that
  Bleach bleach = Bleach::nothing;
  MetBy chance = MetBy::all;  // what loss, reordering and duplication are for
  CrossTraffic cross;
};

inline constexpr std::size_t kAToB = 0;
inline constexpr std::size_t kBToA = 1;

struct LinkSettings {
  std::array<WaySettings, 2> ways;
  bool half_duplex = false;      // both ways share the rate
  bool duplex_mismatch = false;  // A's end is full duplex, B's is half duplex: collisions, late ones lost
};
using PathSettings = std::vector<LinkSettings>;

inline constexpr std::size_t kMostLinks = 16;
inline constexpr int kMostMtuBytes = 9000;

// Changes `settings` as the words say, all or nothing.
[[nodiscard]] Result<void> apply_words(PathSettings& settings, std::string_view words);

[[nodiscard]] Result<double> parse_rate(std::string_view text);   // "100mbit" in bit/s
[[nodiscard]] Result<double> parse_time(std::string_view text);   // "10ms" in ns
[[nodiscard]] Result<double> parse_share(std::string_view text);  // "1%" is 0.01

}  // namespace isotach::emulator

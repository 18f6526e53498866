// What is counted of one direction of a connection.
//
// A direction has what every connection needs; what only troubled ones need (retransmissions, SACK, zero
// windows) is made when it is needed first, so that many short connections stay small.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>

#include "network/connections/segment_list.h"

namespace isotach::network {

// Samples of a time. `unit` is chosen by who counts: ns, or us as tcptrace has it.
struct TimeSamples {
  double sum = 0;
  double sum_of_squares = 0;
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  std::uint32_t count = 0;

  // `value` is at least 0, and below 2^63.
  void add(double value) {
    const auto whole = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    least = count == 0 ? whole : std::min(least, whole);
    most = std::max(most, whole);
    ++count;
    sum += value;
    sum_of_squares += value * value;
  }
  [[nodiscard]] double mean() const { return count == 0 ? 0 : sum / count; }
  // Of the samples, with n - 1.
  [[nodiscard]] double deviation() const {
    if (count < 2) return 0;
    const double variance = (sum_of_squares - sum * sum / count) / (count - 1);
    return variance > 0 ? std::sqrt(variance) : 0;
  }
};

// The sequence space in four quarters of 1 GiB, as it wraps around. At most three neighbours hold
// segments at a time, which is what makes comparing numbers within a quarter safe.
struct SequenceSpace {
  std::array<SegmentList, 4> quarters;
  // A bit for each quarter: it is there, and so is the one after it, the one before it.
  std::uint8_t exists = 0;
  std::uint8_t has_next = 0;
  std::uint8_t has_previous = 0;

  [[nodiscard]] bool has_neighbours(unsigned quarter) const {
    return (exists & has_next & has_previous & 1u << quarter) != 0;
  }
};

// How a retransmission came about, as the capture lets us tell.
enum class Retransmission : std::uint8_t {
  fast,        // acknowledgements had told of a loss: SACK above it, or three duplicates
  timeout,     // nothing had: the timer ran out; and what is sent again while that is made good
  tail_probe,  // the last segment once more, before the timer: a tail loss probe (RFC 8985)
};
inline constexpr std::size_t kRetransmissionKinds = 3;

struct Troubles {
  std::uint64_t retransmitted_packets = 0;
  std::uint64_t retransmitted_bytes = 0;
  std::array<std::uint32_t, kRetransmissionKinds> kinds{};
  std::uint32_t lost_before_capture = 0;  // retransmissions whose first transmission was never seen
  std::uint32_t spurious = 0;             // retransmissions that the receiver said it had already (D-SACK)
  std::uint32_t keep_alives = 0;
  std::uint32_t out_of_order = 0;  // fills a hole; by default those that the network put out of order
  std::uint32_t duplicated = 0;    // the same IP packet again: by the network, or by the capture
  std::uint32_t max_retransmissions = 0;
  TimeSamples between_transmissions;
  TimeSamples rtt_last;  // of segments sent more than once, from their last transmission
  std::uint32_t ambiguous_acks = 0;
  std::uint32_t post_loss_acks = 0;
  std::uint32_t triple_duplicate_acks = 0;
  std::uint32_t probes = 0;  // of a zero window
  std::uint64_t probe_bytes = 0;
  std::uint32_t sack_options = 0;
  std::uint32_t sack_packets = 0;
  std::uint32_t dsack_packets = 0;
  std::uint32_t max_sack_blocks = 0;
  std::uint64_t urgent_packets = 0;
  std::uint64_t urgent_bytes = 0;
  std::uint64_t zero_windows = 0;
  std::int64_t zero_window_ns = 0;        // how long the window was shut
  std::int64_t zero_window_since_ns = 0;  // 0: it is open
  std::uint32_t recovery_point = 0;       // after a timeout: all up to here was outstanding then
  bool in_recovery = false;
};

// A retransmission whose first transmission was not seen: that may have been delayed only, and come after it.
struct Filler {
  std::uint32_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::int64_t time_ns = 0;
  std::int64_t told_ns = 0;  // when what was sent after its first transmission was seen
  std::uint16_t ip_id = 0;
  bool is_waiting = false;
};

// What came late.
struct LateSegments {
  std::array<Filler, 16> fillers;  // the last of them
  std::uint8_t next = 0;
  bool watches = false;           // nothing new was sent since the last of them
  std::uint16_t lost_above = 0;   // of the next segments in order so many were sent before, and lost
  std::int64_t overtaken_ns = 0;  // when the last came that others had overtaken; 0: none did

  void add(const Filler& filler) {
    fillers[next] = filler;
    next = static_cast<std::uint8_t>((next + 1u) % fillers.size());
  }
  // Whether the next segment in order may be one that was sent before.
  [[nodiscard]] bool expects_lost() const { return watches || lost_above > 0; }
  [[nodiscard]] const Filler& last() const { return fillers[(next + fillers.size() - 1) % fillers.size()]; }
};

// The last eight packets of IP, to know one that comes twice.
class RecentPackets {
 public:
  static constexpr std::size_t kNumber = 8;

  [[nodiscard]] bool holds(std::uint16_t id, std::uint32_t sequence) const {
    for (std::size_t i = 0; i < kNumber; ++i)
      if (ids_[i] == id && sequences_[i] == sequence) return true;
    return false;
  }
  [[nodiscard]] bool holds_any(std::uint16_t begin, std::uint16_t end) const {
    return std::any_of(ids_.begin(), ids_.end(), [begin, end](std::uint16_t id) {
      return static_cast<std::uint16_t>(id - begin) < static_cast<std::uint16_t>(end - begin);
    });
  }
  // Whether one of them has this id.
  [[nodiscard]] bool holds_id(std::uint16_t id) const {
    if (rises(id) && risen_ >= kNumber) return false;
    std::uint64_t halves[2];
    std::memcpy(halves, ids_.data(), sizeof halves);
    return (equal_lanes(halves[0], id) | equal_lanes(halves[1], id)) != 0;
  }
  void add(std::uint16_t id, std::uint32_t sequence) {
    const std::uint32_t at = next_;
    risen_ = rises(id) ? risen_ + 1 : 0;
    next_ = static_cast<std::uint16_t>((at + 1) % kNumber);
    newest_ = id;
    ids_[at] = id;
    sequences_[at] = sequence;
  }

 private:
  // By so little that after eight such steps it has not come back to where it was.
  [[nodiscard]] bool rises(std::uint16_t id) const {
    constexpr unsigned kMost = 4096;
    return static_cast<std::uint16_t>(id - newest_ - 1) < kMost;
  }
  // Not 0 where one of the four numbers of sixteen bits is `id`.
  [[nodiscard]] static std::uint64_t equal_lanes(std::uint64_t ids, std::uint16_t id) {
    constexpr std::uint64_t kOnes = 0x0001'0001'0001'0001;
    const std::uint64_t difference = ids ^ id * kOnes;
    return (difference - kOnes) & ~difference & kOnes << 15;
  }

  std::array<std::uint32_t, kNumber> sequences_{};
  std::array<std::uint16_t, kNumber> ids_{};
  std::uint32_t risen_ = 0;  // how many in a row had a larger id than the one before
  std::uint16_t newest_ = 0;
  std::uint16_t next_ = 0;
};

// What is known of a direction only while it lasts. Once its connection is closed and everything
// acknowledged, this is given back: of many short connections most are closed.
struct Working {
  SequenceSpace sent;
  std::int64_t outstanding_last_us = 0;
  std::uint64_t outstanding_last = 0;
  double rtt_last = 0;
  std::int64_t first_timestamp_ns = 0;  // when the first TCP timestamp was sent, and what it was
  std::uint32_t first_timestamp = 0;
  std::uint32_t sacked_top = 0;     // highest byte that the other side acknowledged selectively
  std::uint32_t duplicate_run = 0;  // duplicate acks this side sent since its ack last rose
  std::uint32_t ids_in_order = 0;   // how often the IP id rose a little, and how often it did not
  std::uint32_t ids_out_of_order = 0;
  std::uint32_t ids_by_one = 0;  // of those in order
  std::uint16_t last_ip_id = 0;
  RecentPackets recent;
  std::unique_ptr<LateSegments> late;  // nullptr: none yet

  LateSegments& late_segments() {
    if (!late) late = std::make_unique<LateSegments>();
    return *late;
  }

  // A capture of many short connections makes and ends them by the million.
  static void* operator new(std::size_t size);
  static void operator delete(void* memory);
};

// What most segments touch stands together. Packets are counted in 32 bits: before they are full, another
// connection begins (Tracker).
struct Direction {
  static constexpr std::uint8_t kNoQuarter = 0xff;

  std::int64_t last_ns = 0;
  std::int64_t idle_max_ns = 0;
  std::uint64_t wire_bytes = 0;
  std::uint64_t ip_bytes = 0;  // with the heads of IP
  std::int64_t first_ns = 0;
  std::unique_ptr<Working> work;
  std::uint32_t packets = 0;
  std::uint32_t ack_packets = 0;
  std::uint32_t pure_acks = 0;
  std::uint32_t latest_end = 0;  // end of the last segment
  std::uint32_t ack = 0;         // the last this side sent
  std::uint32_t window_end = 0;  // ack and window of the last segment

  // The window this side advertises.
  std::uint32_t window_last = 0;
  std::uint32_t window_max = 0;
  std::uint32_t window_min = 0;
  std::uint32_t window_packets = 0;  // that advertised one, since scaling is in use
  std::uint64_t window_total = 0;

  std::uint32_t syn = 0;
  std::uint32_t base = 0;  // of the first segment, less one where that was no SYN
  std::uint32_t top = 0;   // highest end seen, SYN and FIN included
  std::uint32_t syns = 0;
  std::uint32_t fins = 0;
  std::uint32_t resets = 0;
  std::uint8_t flags = 0;  // of TCP, all that were seen
  std::uint8_t window_scale = 0;
  std::uint8_t seen_quarters = 0;  // bits
  bool asked_scale = false;
  bool asked_timestamps = false;
  bool asked_sack = false;
  bool scaling_counted = false;  // window statistics have begun anew with the first scaled window
  bool data_acked = false;       // the initial window is over
  bool has_base = false;
  bool has_ack = false;
  bool has_top = false;
  bool work_ended = false;
  std::uint8_t readiness = 0;  // for the short way, as bits (plain_segment.h)
  // Quarters of the sequence space within which data of this side and its acknowledgements may go the short
  // way; kNoQuarter: none.
  std::uint8_t data_quarter = kNoQuarter;
  std::uint8_t ack_quarter = kNoQuarter;

  // Data outstanding: sent and not acknowledged.
  std::uint32_t outstanding_count = 0;
  std::uint64_t outstanding_max = 0;
  std::uint64_t outstanding_min = 0;
  std::uint64_t outstanding_total = 0;
  std::uint64_t outstanding_weighted = 0;  // bytes times microseconds; by Rules::tcptrace times seconds

  std::uint64_t data_bytes = 0;
  std::uint64_t unique_bytes = 0;
  std::uint64_t truncated_bytes = 0;
  std::int64_t first_data_ns = 0;
  std::int64_t last_data_ns = 0;
  std::uint32_t data_packets = 0;
  std::uint32_t pushed_packets = 0;
  std::uint32_t truncated_packets = 0;
  std::uint32_t segment_max = 0;
  std::uint32_t segment_min = 0;

  std::uint32_t rtt_full_size = 0;
  TimeSamples rtt;
  TimeSamples rtt_full;  // of the largest segments
  std::uint64_t rtt_handshake = 0;
  std::uint32_t cumulatively_acked = 0;
  std::uint32_t duplicate_acks = 0;
  std::uint32_t initial_window_bytes = 0;
  std::uint32_t initial_window_packets = 0;
  std::uint32_t fin = 0;
  std::uint32_t wraps = 0;  // of the sequence number
  std::uint32_t mss = 0;
  std::unique_ptr<Troubles> trouble;

  Working& working() {
    if (!work) begin_work();
    return *work;
  }
  [[nodiscard]] const Working& work_so_far() const {
    static const Working kNone;
    return work ? *work : kNone;
  }
  // What it has is that all from the first segment to the last was seen and acknowledged, where end_work()
  // has been before.
  void begin_work();
  // Gives `work` back where nothing more than that is in it.
  void end_work();
  // Sequence number of the first segment, where `has_top`.
  [[nodiscard]] std::uint32_t first_sent() const { return syns > 0 ? base : base + 1; }

  Troubles& troubles() {
    if (!trouble) trouble = std::make_unique<Troubles>();
    return *trouble;
  }
};

}  // namespace isotach::network

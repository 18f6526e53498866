// What held a sender back, from moment to moment: the method of T-RAT (Zhang, Breslau, Paxson, Shenker,
// "On the Characteristics and Origins of Internet Flow Rates", 2002), with the whole time of a direction
// shared out among its causes.
//
// All is seen from the sender: acknowledgements take effect when they reach it, half a round trip after the
// capture has seen them, so that captures at the sender, at the receiver and in between agree. The way from
// the capture to the sender and back is measured by the TCP timestamps that the sender echoes, or by the
// handshake. Each pause between two segments with data has the cause that it ended with: an acknowledgement
// that made room, a retransmission, or nothing that the network shows, which is the application. Where room
// was what lacked, a round trip tells which: the window of the receiver, a queue on the path that stays
// full, a flight that grows as it does in slow start, or that never grows, as a small send buffer has it.
//
// Pure; memory is bounded. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "network/connections/observer.h"

namespace isotach::network {

enum class Limit : std::uint8_t {
  sender_application,    // nothing to send
  receiver_application,  // the receiver does not read: its window shrank, or was shut
  receiver_window,       // the window is full, though the receiver reads: its buffer is too small
  send_buffer,           // the flight never grows, and neither loss nor the receiver's window hold it
  congestion_window,     // room that congestion control gives, after losses or before it grows
  loss,                  // losses being made good
  slow_start,            // the flight still doubles
  path_capacity,         // a queue on the path stays full: more cannot pass
};
inline constexpr std::size_t kLimits = 8;

// "sender application"; for JSON and CSV "sender_application".
[[nodiscard]] const char* limit_name(Limit limit);
[[nodiscard]] const char* limit_key(Limit limit);

// One direction's account, with what bears it out.
struct LimitShares {
  std::array<std::int64_t, kLimits> time_ns{};
  std::uint64_t pauses = 0;  // in which the sender had room and sent nothing
  std::int64_t longest_pause_ns = 0;
  std::uint64_t flight_most_bytes = 0;   // most in flight, as the sender sees it
  std::uint64_t flight_flat_bytes = 0;   // in flight while it did not grow
  std::uint64_t flight_first_bytes = 0;  // most of the first round trip
  std::uint64_t flight_grown_bytes = 0;  // at the end of the last slow start
  std::uint64_t window_full_bytes = 0;   // the largest that was full
  std::uint64_t window_most_bytes = 0;
  std::uint64_t windows_shut = 0;  // how often it became too small for a segment
  std::uint64_t recoveries = 0;
  std::uint64_t timeouts = 0;
  std::int64_t rtt_least_ns = 0;   // of the whole path; 0: never measured
  std::int64_t rtt_queued_ns = 0;  // mean, while the path was full
  double rate_queued = 0;          // bytes/s delivered meanwhile
  std::uint32_t slow_start_rounds = 0;
  std::uint32_t flat_rounds = 0;
  bool has_data = false;
  bool answered = false;  // some of its data was acknowledged, as far as the capture shows

  // From the first data to the last.
  [[nodiscard]] std::int64_t span_ns() const;
  // Is there enough to judge by: data, and answers to it?
  [[nodiscard]] bool is_known() const { return has_data && answered; }
  [[nodiscard]] double share(Limit limit) const;  // 0..1; 0 where the span is 0
  // The limit with the largest share; the application where all was sent at once.
  [[nodiscard]] Limit verdict() const;
};

class LimitAnalysis {
 public:
  // Of the direction of which these are the statistics: a segment that its side has sent.
  void sent(const Connection& connection, int side, const SeenSegment& segment,
            const SegmentVerdict& verdict);
  // A segment of the other side.
  void answered(const SeenSegment& segment, const SegmentVerdict& verdict);
  // No more comes.
  void finish();

  [[nodiscard]] const LimitShares& shares() const { return shares_; }

 private:
  struct Answer {
    std::int64_t arrives_ns = 0;
    std::uint32_t ack = 0;
    std::uint64_t window = 0;
    double rtt_ns = -1;  // from the capture to the receiver and back
    bool has_data = false;
  };
  struct Echo {
    std::uint32_t timestamp = 0;
    std::int64_t seen_ns = 0;
  };
  // Why there was no room, summed up until the round trip is over and tells more.
  struct Waiting {
    std::int64_t for_room_ns = 0;
    std::int64_t window_full_ns = 0;
    std::int64_t recovery_ns = 0;
  };

  void note_near_trip(const Connection& connection, int side, const SeenSegment& segment);
  void take_near_sample(std::int64_t sample_ns, std::int64_t bound_ns);
  void take_answers(std::int64_t until_ns);
  void take(const Answer& answer);
  void pass_time(std::int64_t until_ns);
  void begin(const SeenSegment& segment, std::int64_t now_ns);
  void end_pause(std::int64_t now_ns, const SegmentVerdict& verdict);
  void note_sent(const SeenSegment& segment, const SegmentVerdict& verdict, std::int64_t now_ns);
  void end_round();
  [[nodiscard]] Limit room_of_round(bool queued);
  void settle_flat(bool is_flat);
  void add(Limit limit, std::int64_t time_ns) { shares_.time_ns[static_cast<std::size_t>(limit)] += time_ns; }
  [[nodiscard]] std::uint64_t in_flight() const;
  [[nodiscard]] bool window_is_full() const;
  [[nodiscard]] bool receiver_lags() const;
  [[nodiscard]] std::uint64_t possible() const;
  [[nodiscard]] std::int64_t rtt_ns() const;
  [[nodiscard]] std::int64_t tolerance_ns() const;
  [[nodiscard]] bool is_paced(std::int64_t now_ns) const;
  [[nodiscard]] bool application_paused(std::int64_t now_ns) const;

  LimitShares shares_;
  std::deque<Answer> answers_;  // on their way to the sender
  std::array<Echo, 32> echoes_{};
  std::size_t next_echo_ = 0;
  std::uint32_t last_echoed_ = 0;
  // From the capture to the sender and back: the least of the last ones.
  std::array<std::int64_t, 16> near_{};
  std::size_t near_count_ = 0;
  std::int64_t near_ns_ = 0;
  std::int64_t near_base_ns_ = -1;  // of the handshake, or the least ever; -1: not known
  std::int64_t far_ns_ = 0;         // from the capture to the receiver and back, smoothed

  bool begun_ = false;
  std::int64_t now_ns_ = 0;  // up to here all is shared out
  std::uint32_t next_ = 0;   // the highest byte sent, and one
  std::uint32_t acked_ = 0;  // the lowest not acknowledged
  std::uint64_t window_ = 0;
  bool has_window_ = false;
  bool scale_known_ = false;
  std::uint64_t mss_ = 0;

  // Of the pause that lasts.
  std::int64_t paused_since_ns_ = 0;
  std::int64_t last_pause_ns_ = 0;     // the one before, bursts left out
  bool last_was_short_ = false;        // the segment before it was no whole one
  std::int64_t pending_ns_ = 0;        // of it, not shared out yet
  std::int64_t empty_since_ns_ = -1;   // since when nothing is in flight; -1: something is
  std::int64_t first_answer_ns_ = -1;  // the first that arrived in it
  std::int64_t last_answer_ns_ = -1;
  bool last_answer_has_data_ = false;
  std::uint64_t peak_ = 0;  // in flight when it began

  std::uint64_t proven_ = 0;  // has been in flight at a time since the last loss: what must be possible
  bool in_recovery_ = false;
  std::uint32_t recovery_point_ = 0;
  bool had_loss_ = false;

  // Of the round trip that lasts.
  std::int64_t round_since_ns_ = 0;
  std::uint32_t round_end_ = 0;
  std::uint32_t round_begin_ = 0;
  std::uint64_t round_peak_ = 0;
  std::int64_t round_over_ns_ = -1;  // when all that it sent was acknowledged
  bool in_round_ = false;
  bool round_timed_out_ = false;
  Waiting waiting_;
  std::uint64_t last_peak_ = 0;
  std::uint32_t flat_ = 0;  // rounds in a row that did not grow
  std::uint64_t flat_base_ = 0;
  std::int64_t flat_ns_ = 0;  // waited for room in them, not shared out yet
  Limit before_flat_ = Limit::slow_start;
  double best_rate_ = 0;  // bytes/s
  double rate_ = 0;
  double queued_bytes_ = 0;
  double queued_time_ns_ = 0;
  double queued_rtt_sum_ = 0;
};

}  // namespace isotach::network

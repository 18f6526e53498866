#include "network/connections/accounting.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include "network/connections/lateness.h"
#include "network/connections/plain_segment.h"
#include "network/connections/serial_order.h"
#include "network/connections/shared_steps.h"

namespace isotach::network {
namespace {

// The account of one segment. `kTcptrace` keeps the faults that docs/tcptrace.md numbers.
template <Rules kRules>
class Entry {
 public:
  Entry(Connection& connection, int side, const SeenSegment& segment)
      : connection_(connection),
        me_(connection.directions[static_cast<std::size_t>(side)]),
        peer_(connection.directions[static_cast<std::size_t>(1 - side)]),
        work_(me_.working()),
        segment_(segment),
        head_(segment.head),
        now_(segment.time_ns),
        length_(segment.data_length) {}

  SegmentVerdict run() {
    enter();
    // Last, for both are in use until here. tcptrace's answers may depend on all that was ever seen.
    if (!kTcptrace && me_.fins + me_.resets + peer_.resets > 0 && connection_.is_closed()) {
      me_.end_work();
      peer_.end_work();
    }
    return verdict();
  }

 private:
  static constexpr bool kTcptrace = kRules == Rules::tcptrace;

  [[nodiscard]] bool has(std::uint8_t flag) const { return head_.has(flag); }
  [[nodiscard]] bool has_data() const { return length_ > 0; }

  void enter() {
    count_flags();
    window_ = effective_window();
    note_times();
    note_sequence();
    take_options();
    if (has_data()) count_data();
    count_packet();
    note_duplicate();
    if (has_data()) note_truncation();
    if (has(kTcpSyn) || has(kTcpFin) || has_data()) take_data();
    if (has(kTcpAck)) take_ack();
    if (retransmitted_) count_retransmission();
    if (has(kTcpRst)) {
      if (has(kTcpAck)) ++me_.ack_packets;
      return;
    }
    note_window();
    if (has(kTcpAck)) count_ack();
    note_initial_window();
    note_outstanding();
  }

  SegmentVerdict verdict() const {
    SegmentVerdict verdict;
    verdict.window = window_;
    verdict.rtt_ns = rtt_ns_;
    verdict.cause = cause_;
    verdict.kind = kind_;
    if (kind_ == SegmentKind::fresh && retransmitted_) verdict.kind = SegmentKind::retransmission;
    if (kind_ == SegmentKind::fresh && out_of_order_) verdict.kind = SegmentKind::out_of_order;
    if (kind_ == SegmentKind::fresh && duplicated_) verdict.kind = SegmentKind::duplicate;
    return verdict;
  }

  // Eight bits for each, as tcptrace has them (fault 12).
  static void count(std::uint32_t& counter) {
    ++counter;
    if constexpr (kTcptrace) counter &= 0xff;
  }

  void count_flags() {
    // A time of 0 passes for none with tcptrace.
    if (kTcptrace ? connection_.first_ns == 0 : connection_.packets() == 0) connection_.first_ns = now_;
    connection_.last_ns = now_;
    if (has(kTcpSyn)) count(me_.syns);
    if (has(kTcpRst)) count(me_.resets);
    if (has(kTcpFin)) count(me_.fins);
    if constexpr (!kTcptrace) note_handshake();
  }

  void note_handshake() {
    if (has(kTcpSyn)) {
      (has(kTcpAck) ? connection_.syn_ack_ns : connection_.syn_ns) = now_;
    } else if (connection_.handshake_ns < 0 && has(kTcpAck) && !has(kTcpRst) && connection_.syn_ns != 0 &&
               connection_.syn_ack_ns >= connection_.syn_ns && peer_.syns > 0 &&
               head_.acknowledgement == peer_.syn + 1 && now_ >= connection_.syn_ns) {
      connection_.handshake_ns = now_ - connection_.syn_ns;
    }
  }

  // Scaled, unless in a SYN; the scale counts only when both sides offered one (RFC 7323).
  std::uint32_t effective_window() const {
    if (!has(kTcpAck) && !has(kTcpSyn)) return 0;
    std::uint64_t window = head_.window;
    if (me_.asked_scale && peer_.asked_scale && !has(kTcpSyn)) {
      constexpr unsigned kLargestScale = 14;
      const unsigned scale = me_.window_scale;
      window <<= kTcptrace ? scale & 63u : std::min(scale, kLargestScale);
    }
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(window, 0xffff'ffff));
  }

  void note_times() {
    const bool first = kTcptrace ? me_.last_ns == 0 : me_.packets == 0;
    if (!first && now_ > me_.last_ns) me_.idle_max_ns = std::max(me_.idle_max_ns, now_ - me_.last_ns);
    if (first) me_.first_ns = now_;
    me_.last_ns = now_;
  }

  // Every quarter of the sequence space was seen, and this segment is in that of the SYN again.
  void note_wrap() {
    const std::uint64_t start = head_.sequence;
    const std::uint64_t end = segment_.end();
    const auto bit = [](std::uint64_t quarter) { return quarter < 4 ? 1u << quarter : 0u; };
    constexpr std::uint8_t kAll = 0x0f;
    // Nearly always it lies where others have been.
    if (me_.seen_quarters != kAll && start >> 30 == end >> 30 && (me_.seen_quarters & bit(start >> 30)) != 0)
      return;
    if (me_.seen_quarters == kAll && (me_.syn >> 30) == (end >> 30) && end >= me_.syn) {
      ++me_.wraps;
      me_.seen_quarters = 0;
    }
    me_.seen_quarters = static_cast<std::uint8_t>(me_.seen_quarters | bit(start >> 30) | bit(end >> 30));
  }

  void note_sequence() {
    note_wrap();
    if (has(kTcpSyn)) {
      me_.syn = head_.sequence;
      // tcptrace takes it for an acknowledgement that the other side has sent.
      if constexpr (kTcptrace) peer_.ack = head_.sequence;
    }
    const auto end = static_cast<std::uint32_t>(segment_.end());
    if (has(kTcpFin)) me_.fin = end;
    if (has(kTcpAck)) me_.window_end = static_cast<std::uint32_t>(head_.acknowledgement + window_);
    if (!me_.has_base || (has(kTcpSyn) && has(kTcpAck))) {
      me_.base = has(kTcpSyn) ? head_.sequence : head_.sequence - 1;
      me_.has_base = true;
    }
    if (!peer_.has_base && has(kTcpAck)) {
      peer_.base = head_.acknowledgement - 1;
      peer_.has_base = true;
    }
  }

  void take_options() {
    take_named_options();
    if (!has(kTcpSyn) && (!me_.asked_scale || !peer_.asked_scale)) me_.window_scale = peer_.window_scale = 0;
  }

  void take_named_options() {
    const TcpOptions& options = segment_.options;
    // tcptrace keeps it in sixteen bits with a sign, and -1 is none at all (fault 19).
    if (options.has_mss && !(kTcptrace && options.mss == 0xffff))
      me_.mss = options.mss | (kTcptrace && options.mss >= 0x8000 ? 0xffff'0000u : 0u);
    if (options.has_window_scale && !(kTcptrace && options.window_scale == 0xff)) {
      me_.window_scale = options.window_scale;
      me_.asked_scale = true;
    }
    if (options.has_timestamps && !me_.asked_timestamps) {
      me_.asked_timestamps = true;
      work_.first_timestamp = options.timestamp;
      work_.first_timestamp_ns = now_;
    }
    if (options.sack_permitted) me_.asked_sack = true;
    if (options.sack_blocks > 0) ++me_.troubles().sack_options;
  }

  void count_data() {
    const auto length = static_cast<std::uint32_t>(length_);
    ++me_.data_packets;
    if (has(kTcpPsh)) ++me_.pushed_packets;
    me_.data_bytes += length;
    if (has(kTcpUrg)) {
      ++me_.troubles().urgent_packets;
      me_.troubles().urgent_bytes += head_.urgent_pointer;
    }
    me_.segment_max = std::max(me_.segment_max, length);
    me_.segment_min = me_.segment_min == 0 ? length : std::min(me_.segment_min, length);
    if (kTcptrace ? me_.first_data_ns == 0 : me_.data_packets == 1) me_.first_data_ns = now_;
    me_.last_data_ns = now_;
  }

  void count_packet() {
    ++me_.packets;
    me_.wire_bytes += segment_.wire_length;
    me_.ip_bytes += segment_.ip_length;
    me_.flags |= head_.flags;
    if (kTcptrace && me_.scaling_counted) ++me_.window_packets;
    me_.latest_end = static_cast<std::uint32_t>(segment_.end());
  }

  // The same packet once more, among the last eight.
  void note_duplicate() {
    const TcpOptions& options = segment_.options;
    std::uint16_t id = segment_.ip_id;
    if (segment_.ip_version != 4)
      id = kTcptrace || length_ <= 0 || !options.has_timestamps
               ? std::uint16_t{0}
               : id_by_timestamp(options.timestamp, connection_.handshake_ns);
    if (segment_.ip_version != 4 && id == 0) return;
    const std::uint32_t sequence = head_.sequence;
    if (id != 0 && sequence != 0 && work_.recent.holds(id, sequence)) {
      duplicated_ = true;
      ++me_.troubles().duplicated;
      return;
    }
    work_.recent.add(id, sequence);
  }

  void note_truncation() {
    if (segment_.data_captured >= length_) return;
    me_.truncated_bytes += static_cast<std::uint64_t>(length_ - segment_.data_captured);
    ++me_.truncated_packets;
  }

  // Does this look like the question whether the other side is still there (RFC 9293, 3.8.4)?
  bool is_keep_alive() const {
    return length_ <= 1 && me_.has_top && head_.sequence == me_.top - 1 && !has(kTcpSyn) && !has(kTcpFin) &&
           !has(kTcpRst);
  }

  void take_data() {
    if (!kTcptrace && length_ == 1 && is_keep_alive()) {
      ++me_.troubles().keep_alives;
      kind_ = SegmentKind::keep_alive;
      return;
    }
    // Into a window that is shut: a question, whether it has opened.
    if (peer_.window_last == 0 && peer_.packets > 0 && !has(kTcpSyn)) {
      ++me_.troubles().probes;
      me_.troubles().probe_bytes += static_cast<std::uint64_t>(length_);
      kind_ = SegmentKind::probe;
      return;
    }
    std::int64_t length = length_;
    if (has(kTcpSyn)) ++length;
    if (has(kTcpFin)) ++length;
    if (!kTcptrace && length <= 0) return;
    kind_ = SegmentKind::fresh;
    SentSegment sent;
    sent.time_ns = now_;
    sent.order = segment_.order();
    sent.timestamp = segment_.options.timestamp;
    if (!append_segment(work_.sent, head_.sequence, static_cast<std::uint64_t>(length), sent)) {
      placement_ = place_segment(me_, kRules, head_.sequence, static_cast<std::uint64_t>(length), sent);
      out_of_order_ = placement_->fills_hole;
      repeated_bytes_ = placement_->seen_before;
    }
    std::int64_t again = repeated_bytes_;
    if (has(kTcpSyn)) {
      --length;
      if (me_.syns > 1) --again;
    }
    if (has(kTcpFin)) {
      --length;
      if (me_.fins > 1) --again;
    }
    // What was seen was data, unless it was SYN or FIN alone.
    if (!kTcptrace) again = std::max<std::int64_t>(again, 0);
    if (again < length) me_.unique_bytes += static_cast<std::uint64_t>(length - again);
    if constexpr (kTcptrace) {
      if (out_of_order_) ++me_.troubles().out_of_order;
      retransmitted_ = repeated_bytes_ > 0;
    } else {
      judge();
    }
  }

  // Late data: a retransmission, something the network has put out of order, or the same packet twice.
  void judge() {
    const auto end = static_cast<std::uint32_t>(head_.sequence + static_cast<std::uint64_t>(length_)) +
                     (has(kTcpSyn) ? 1 : 0) + (has(kTcpFin) ? 1 : 0);
    if (repeated_bytes_ > 0) {
      const bool overtaken = !duplicated_ && is_late_original(me_, segment_);
      retransmitted_ = !duplicated_ && !overtaken;
      if (retransmitted_) count_kind(end);
      if (overtaken) count_overtaken();
    } else if (out_of_order_) {
      out_of_order_ = false;
      if (sent_later(me_, peer_, *placement_, segment_, connection_.handshake_ns)) {
        note_lost();
        note_filler(me_, placement_->above, segment_);
        count_kind(end);
      } else {
        count_overtaken();
      }
    } else if (work_.late && !placement_ &&
               was_sent_and_lost(me_, peer_, segment_, connection_.handshake_ns)) {
      note_lost();
      ++me_.troubles().kinds[static_cast<std::size_t>(cause_ = Retransmission::fast)];
    }
    note_ids();
    if (!me_.has_top || after(end, me_.top)) me_.top = end;
    me_.has_top = true;
  }

  // Its first transmission was lost before the capture.
  void note_lost() {
    retransmitted_ = true;
    repeated_bytes_ = length_ + (has(kTcpSyn) ? 1 : 0) + (has(kTcpFin) ? 1 : 0);
    ++me_.troubles().lost_before_capture;
  }

  void count_overtaken() {
    out_of_order_ = true;
    ++me_.troubles().out_of_order;
    note_overtaken(me_, segment_);
  }

  void count_kind(std::uint32_t end) {
    cause_ = kind_of(me_, peer_, *placement_, segment_, end);
    ++me_.troubles().kinds[static_cast<std::size_t>(cause_)];
  }

  void note_ids() {
    if (!retransmitted_ && !out_of_order_ && !duplicated_) note_id(work_, segment_.ip_id);
  }

  void take_ack() {
    const std::uint32_t ack = head_.acknowledgement;
    const bool plain = !has(kTcpSyn) && !has(kTcpFin) && !has(kTcpRst);
    if constexpr (!kTcptrace) {
      // An acknowledgement of what is a GiB away is of another connection, or forged.
      if (peer_.has_top && std::abs(static_cast<std::int64_t>(static_cast<std::int32_t>(ack - peer_.top))) >
                               (std::int64_t{1} << 30))
        return;
      note_evidence(ack, plain);
    }
    const std::uint32_t samples = peer_.rtt.count;
    take_acknowledgement(peer_, me_, kRules, ack, length_, window_, plain, now_);
    if (peer_.rtt.count != samples) rtt_ns_ = peer_.work->rtt_last;
    if (peer_.syns == 1 && ack == static_cast<std::uint32_t>(peer_.syn + 1))
      peer_.rtt_handshake = static_cast<std::uint64_t>(peer_.work->rtt_last);
  }

  // What the other side will know of losses once it has this segment.
  void note_evidence(std::uint32_t ack, bool plain) {
    const TcpOptions& options = segment_.options;
    if (segment_.options.sack_blocks > 0) {
      std::uint32_t& top = peer_.working().sacked_top;
      for (std::uint32_t i = 0; i < options.sack_blocks; ++i) {
        const std::uint32_t right = options.sack[i].right;
        if (after(right, ack) && (!after(top, ack) || after(right, top))) top = right;
      }
    }
    if (me_.has_ack && ack == me_.ack) {
      if (plain && length_ == 0 && window_ == me_.window_last && after(peer_.top, ack)) ++work_.duplicate_run;
      return;
    }
    if (me_.has_ack && !after(ack, me_.ack)) return;
    work_.duplicate_run = 0;
    if (peer_.trouble && peer_.trouble->in_recovery && !after(peer_.trouble->recovery_point, ack))
      peer_.trouble->in_recovery = false;
  }

  void count_retransmission() {
    Troubles& troubles = me_.troubles();
    ++troubles.retransmitted_packets;
    troubles.retransmitted_bytes += static_cast<std::uint64_t>(repeated_bytes_);
  }

  void note_window() {
    me_.window_last = window_;
    if (!has(kTcpAck) && !has(kTcpSyn)) return;
    me_.window_max = std::max(me_.window_max, window_);
    if (window_ > 0 && me_.asked_scale && peer_.asked_scale && !has(kTcpSyn) && !me_.scaling_counted) {
      // What was advertised without a scale does not count once there is one.
      me_.scaling_counted = true;
      me_.window_min = me_.window_max = window_;
      me_.window_total = 0;
      me_.window_packets = kTcptrace ? 1 : 0;
    } else if (window_ > 0 && (me_.window_min == 0 || window_ < me_.window_min)) {
      me_.window_min = window_;
    }
    me_.window_total += window_;
    if constexpr (!kTcptrace) ++me_.window_packets;
  }

  void count_ack() {
    if (window_ == 0) {
      ++me_.troubles().zero_windows;
      if (me_.troubles().zero_window_since_ns == 0) me_.troubles().zero_window_since_ns = now_;
    } else if (me_.trouble && me_.trouble->zero_window_since_ns != 0) {
      me_.trouble->zero_window_ns += std::max<std::int64_t>(0, now_ - me_.trouble->zero_window_since_ns);
      me_.trouble->zero_window_since_ns = 0;
    }
    ++me_.ack_packets;
    if (length_ == 0 && !has(kTcpSyn) && !has(kTcpFin)) ++me_.pure_acks;
    if (segment_.options.sack_blocks > 0) count_sack();
    me_.ack = head_.acknowledgement;
    me_.has_ack = true;
  }

  // RFC 2883: the first block repeats what was acknowledged, or lies within the second.
  bool is_dsack() const {
    const TcpOptions& options = segment_.options;
    const SackBlock one = options.sack[0];
    const std::uint32_t ack = head_.acknowledgement;
    const bool more = options.sack_blocks > 1;
    const SackBlock two = options.sack[1];
    if constexpr (kTcptrace) {
      if (one.right <= ack) return true;
      if (!more) return false;
      if (one.right <= two.right && one.left >= two.left) return true;
      return (one.left <= two.left && one.right > two.left) ||
             (one.right >= two.right && one.left < two.right);
    }
    if (!after(one.right, ack)) return true;
    return more && !after(one.right, two.right) && !after(two.left, one.left);
  }

  void count_sack() {
    Troubles& troubles = me_.troubles();
    ++troubles.sack_packets;
    troubles.max_sack_blocks =
        std::max<std::uint32_t>(troubles.max_sack_blocks, segment_.options.sack_blocks);
    if (!is_dsack()) return;
    ++troubles.dsack_packets;
    if (peer_.trouble && peer_.trouble->spurious < peer_.trouble->retransmitted_packets)
      ++peer_.trouble->spurious;
  }

  void note_initial_window() {
    if (!peer_.data_acked && has(kTcpAck) &&
        static_cast<std::uint32_t>(peer_.syn + 1) != head_.acknowledgement)
      peer_.data_acked = true;
    if (!has_data() || me_.data_acked || retransmitted_) return;
    me_.initial_window_bytes += static_cast<std::uint32_t>(length_);
    ++me_.initial_window_packets;
  }

  std::uint64_t outstanding_now() const {
    if constexpr (kTcptrace) {
      // One too many once there is an acknowledgement; across the wrap of the sequence number it is
      // nearly 2^64 (fault 1).
      if (peer_.ack == 0) return static_cast<std::uint64_t>(length_);
      return segment_.end() - (peer_.ack - std::uint32_t{1});
    }
    if (!peer_.has_ack) return static_cast<std::uint64_t>(std::max<std::int64_t>(length_, 0));
    const auto ahead = static_cast<std::int32_t>(static_cast<std::uint32_t>(segment_.end()) - peer_.ack);
    return static_cast<std::uint64_t>(std::max(ahead, 0));
  }

  void note_outstanding() {
    if (has(kTcpSyn) || out_of_order_ || retransmitted_) return;
    network::note_outstanding<kRules>(me_, work_, outstanding_now(), now_);
  }

  Connection& connection_;
  Direction& me_;
  Direction& peer_;
  Working& work_;
  const SeenSegment& segment_;
  const TcpHeader& head_;
  const std::int64_t now_;
  const std::int64_t length_;
  std::uint32_t window_ = 0;
  std::optional<Placement> placement_;  // of what was not simply the next
  std::int64_t repeated_bytes_ = 0;
  bool out_of_order_ = false;
  bool retransmitted_ = false;
  bool duplicated_ = false;
  SegmentKind kind_ = SegmentKind::plain;
  Retransmission cause_ = Retransmission::fast;
  double rtt_ns_ = -1;
};

bool is_steady(const Direction& me, const Direction& peer) {
  constexpr unsigned kLargestScale = 14;
  if (!me.has_base || !peer.has_base || me.resets + peer.resets + me.fins > 0) return false;
  if (!me.has_ack || !me.work || !peer.work) return false;
  const bool scaled = me.asked_scale && peer.asked_scale;
  if (scaled ? !me.scaling_counted || me.window_scale > kLargestScale
             : me.window_scale + peer.window_scale > 0)
    return false;
  return !(me.trouble && me.trouble->zero_window_since_ns != 0) &&
         !(peer.trouble && peer.trouble->in_recovery);
}

// Whether what `me` has acknowledged is one piece, acknowledged once. `me.ack_quarter` is set.
bool is_ack_settled(const Connection& connection, const Direction& me, const Direction& peer) {
  if (me.ack_quarter == Direction::kNoQuarter) return false;
  const bool acks_syn = me.ack == peer.syn + 1;
  if (acks_syn ? connection.handshake_ns < 0 : !peer.data_acked) return false;
  const SegmentList& list = peer.work->sent.quarters[me.ack_quarter];
  if (list.empty() || me.ack <= list[0].first) return true;
  return list[0].acked == 1 && (list.size() == 1 || me.ack <= list[1].first);
}

// What segments of `me` may go the short way from here on, as far as what was seen decides that.
std::uint8_t readiness_of(const Connection& connection, const Direction& me, const Direction& peer) {
  unsigned bits = ready::kSteady;
  if (is_ack_settled(connection, me, peer)) bits |= ready::kAckSettled;
  const bool waits_for_next = me.work->late && me.work->late->expects_lost();
  if (me.has_top && !waits_for_next && (peer.window_last > 0 || peer.packets == 0) &&
      me.work->sent.has_neighbours(me.data_quarter % 4u))
    bits |= ready::kToSend;
  if (peer.has_top) bits |= ready::kToRise;
  if (me.asked_timestamps) bits |= ready::kTimestamps;
  return static_cast<std::uint8_t>(bits);
}

// Where data of `me` lie that end at `end`, if nothing is to be noted of others there.
std::uint8_t calm_quarter(const Direction& me, std::uint32_t end) {
  constexpr std::uint8_t kAllQuarters = 0x0f;
  const auto quarter = static_cast<std::uint8_t>(end >> 30);
  if ((me.seen_quarters >> quarter & 1) == 0) return Direction::kNoQuarter;
  return me.seen_quarters == kAllQuarters && me.syn >> 30 == quarter ? Direction::kNoQuarter : quarter;
}

// Where the last acknowledgement of `me` lies, if nothing before it is to be acknowledged.
std::uint8_t acknowledged_quarter(const Direction& me, const SequenceSpace& space) {
  const unsigned quarter = me.ack >> 30;
  const SegmentList& before = space.quarters[(quarter + 3) % 4];
  if (!space.has_neighbours(quarter) || before.size() > 1 || (before.size() == 1 && before[0].acked == 0))
    return Direction::kNoQuarter;
  return static_cast<std::uint8_t>(quarter);
}

void prepare_short_way(Connection& connection, int side, const SeenSegment& segment) {
  Direction& sender = connection.directions[static_cast<std::size_t>(side)];
  sender.data_quarter = calm_quarter(sender, static_cast<std::uint32_t>(segment.end()));
  for (const std::size_t i : {0, 1}) {
    Direction& me = connection.directions[i];
    const Direction& peer = connection.directions[1 - i];
    me.readiness = 0;
    if (!is_steady(me, peer)) continue;
    me.ack_quarter = acknowledged_quarter(me, peer.work->sent);
    me.readiness = readiness_of(connection, me, peer);
  }
}

bool has_plain_head(const SeenSegment& segment) {
  return may_be_plain(segment.head.flags) && !segment.options.is_rare;
}

}  // namespace

SegmentVerdict account(Connection& connection, int side, Rules rules, const SeenSegment& segment) {
  if (rules == Rules::exact && has_plain_head(segment)) {
    const PlainEntry entry = enter_plain(connection, side, SeenPlainSegment(segment));
    if (entry.entered)
      return plain_verdict(connection.directions[static_cast<std::size_t>(side)], segment.data_length > 0,
                           entry.rtt_ns);
  }
  return account_fully(connection, side, rules, segment);
}

SegmentVerdict account_fully(Connection& connection, int side, Rules rules, const SeenSegment& segment) {
  if (rules == Rules::tcptrace) return Entry<Rules::tcptrace>(connection, side, segment).run();
  const SegmentVerdict verdict = Entry<Rules::exact>(connection, side, segment).run();
  prepare_short_way(connection, side, segment);
  return verdict;
}

void finish(Connection& connection, Rules rules, std::int64_t end_ns) {
  for (Direction& direction : connection.directions) {
    if (!connection.is_closed() &&
        (rules == Rules::tcptrace ? direction.last_ns != 0 : direction.packets > 0) &&
        end_ns > direction.last_ns)
      direction.idle_max_ns = std::max(direction.idle_max_ns, end_ns - direction.last_ns);
    if (direction.trouble && direction.trouble->zero_window_since_ns != 0) {
      // Until the connection was last heard of; nobody knows for later.
      direction.trouble->zero_window_ns +=
          std::max<std::int64_t>(0, connection.last_ns - direction.trouble->zero_window_since_ns);
      direction.trouble->zero_window_since_ns = 0;
    }
  }
}

}  // namespace isotach::network

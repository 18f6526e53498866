// What nearly every segment of a running connection is, entered in few steps: ACK and perhaps PSH, no option
// but timestamps, the next data in order or none, an acknowledgement that is new or says nothing new.
//
// Whatever else a segment may be goes the long way (accounting.h), and these could, with the same result.
// Numbers are taken from where they stand when they are needed, for a hundred of them do not fit into
// registers.
#pragma once

#include <algorithm>
#include <cstdint>

#include "network/connections/connection.h"
#include "network/connections/observer.h"
#include "network/connections/packet_batch.h"
#include "network/connections/segment.h"
#include "network/connections/sent_record.h"
#include "network/connections/serial_order.h"
#include "network/connections/shared_steps.h"

namespace isotach::network {

// Flags that a segment must have to be plain.
[[nodiscard]] inline bool may_be_plain(std::uint8_t flags) {
  constexpr std::uint8_t kTelling = kTcpFin | kTcpSyn | kTcpRst | kTcpAck | kTcpUrg;
  return (flags & kTelling) == kTcpAck;
}

// A segment as the decoder has read it.
class SeenPlainSegment {
 public:
  explicit SeenPlainSegment(const SeenSegment& segment) : segment_(segment) {}
  [[nodiscard]] std::int64_t time_ns() const { return segment_.time_ns; }
  [[nodiscard]] std::uint32_t sequence() const { return segment_.head.sequence; }
  [[nodiscard]] std::uint32_t acknowledgement() const { return segment_.head.acknowledgement; }
  [[nodiscard]] std::uint8_t flags() const { return segment_.head.flags; }
  [[nodiscard]] std::uint16_t window() const { return segment_.head.window; }
  [[nodiscard]] std::uint32_t length() const { return static_cast<std::uint32_t>(segment_.data_length); }
  [[nodiscard]] std::uint32_t captured() const { return static_cast<std::uint32_t>(segment_.data_captured); }
  [[nodiscard]] std::uint32_t wire_length() const { return segment_.wire_length; }
  [[nodiscard]] std::uint32_t ip_length() const { return segment_.ip_length; }
  [[nodiscard]] bool is_ipv4() const { return segment_.ip_version == 4; }
  [[nodiscard]] std::uint16_t ip_id() const { return segment_.ip_id; }
  [[nodiscard]] std::uint16_t order() const { return segment_.order(); }
  [[nodiscard]] bool has_timestamps() const { return segment_.options.has_timestamps; }
  [[nodiscard]] std::uint32_t timestamp() const { return segment_.options.timestamp; }

 private:
  const SeenSegment& segment_;
};

// A segment in a usual packet, as it stands in the capture.
class UsualPlainSegment {
 public:
  // May it be plain, as far as its flags and options tell? The other functions need that.
  [[nodiscard]] static bool is_one(const UsualPacket& packet) {
    const std::uint8_t* tcp = packet.transport;
    if (!network::may_be_plain(tcp[13])) return false;
    const std::uint32_t head = head_length(tcp);
    if (packet.length < head || packet.captured < head) return false;
    return head == kHead || (head == kHead + kUsualTcpOptions && are_usual_tcp_options(tcp + kHead));
  }

  explicit UsualPlainSegment(const BatchedPacket& packet) : packet_(packet), tcp_(packet.usual.transport) {}
  [[nodiscard]] std::int64_t time_ns() const { return packet_.time_ns; }
  [[nodiscard]] std::uint32_t sequence() const { return big32(tcp_ + 4); }
  [[nodiscard]] std::uint32_t acknowledgement() const { return big32(tcp_ + 8); }
  [[nodiscard]] std::uint8_t flags() const { return tcp_[13]; }
  [[nodiscard]] std::uint16_t window() const { return big16(tcp_ + 14); }
  [[nodiscard]] std::uint32_t length() const { return packet_.usual.length - head_length(tcp_); }
  [[nodiscard]] std::uint32_t captured() const { return packet_.usual.captured - head_length(tcp_); }
  [[nodiscard]] std::uint32_t wire_length() const { return packet_.wire_length; }
  [[nodiscard]] std::uint32_t ip_length() const { return packet_.usual.length + UsualPacket::kIpHead; }
  [[nodiscard]] static bool is_ipv4() { return true; }
  [[nodiscard]] std::uint16_t ip_id() const { return packet_.usual.ip_id(); }
  [[nodiscard]] std::uint16_t order() const { return ip_id(); }
  [[nodiscard]] bool has_timestamps() const { return head_length(tcp_) != kHead; }
  [[nodiscard]] std::uint32_t timestamp() const { return has_timestamps() ? big32(tcp_ + kHead + 4) : 0; }

 private:
  static constexpr std::uint32_t kHead = 20;
  [[nodiscard]] static std::uint32_t head_length(const std::uint8_t* tcp) { return tcp[12] / 16u * 4; }

  const BatchedPacket& packet_;
  const std::uint8_t* tcp_;
};

// What a direction must be ready for so that a segment of it can go the short way: as bits, all tested at
// once. Nothing but segments that go the long way changes them, but for kAckSettled.
namespace ready {
inline constexpr std::uint8_t kSteady = 1;      // the connection runs, and no trouble of it lasts
inline constexpr std::uint8_t kAckSettled = 2;  // its last acknowledgement once more would change nothing
inline constexpr std::uint8_t kToSend = 4;      // data of it were seen, and the other side's window is open
inline constexpr std::uint8_t kToRise = 8;      // its acknowledgement may rise
inline constexpr std::uint8_t kTimestamps = 16;
}  // namespace ready

struct PlainEntry {
  bool entered = false;         // it is no plain segment otherwise, and nothing of it is entered
  std::uint8_t first_data = 0;  // of the first segments with data of its side: which it is, from 1 on
  double rtt_ns = -1;           // as in SegmentVerdict
};

namespace detail {

// Of what one side has sent, that which an acknowledgement reaches: where the list begins with one piece that
// is acknowledged, and pieces that are not follow it without a hole.
struct Reached {
  SentSegment* last = nullptr;  // nullptr: it is not so
  std::int64_t latest_ns = 0;   // when one of them was sent last
};

[[gnu::always_inline]] inline Reached find_reached(const SegmentList& list, std::uint32_t ack) {
  SentSegment* const front = list.begin();
  SentSegment* const end = list.end();
  if (front == end || front->acked == 0) [[unlikely]]
    return {};
  SentSegment* at = front + 1;
  std::int64_t latest_ns = front->time_ns;
  for (; at != end && ack > at->first; ++at) {
    if (at->acked != 0 || at->first != at[-1].last + 1) [[unlikely]]
      return {};
    latest_ns = std::max(latest_ns, at->time_ns);
  }
  if (at == front + 1) [[unlikely]]
    return {};
  return {at - 1, latest_ns};
}

// `peer` has sent what is acknowledged. Returns the round-trip time, -1 where it gives no sample.
[[gnu::always_inline]] inline double acknowledge(Direction& peer, Working& work, SegmentList& list,
                                                 const Reached& reached, std::uint32_t ack,
                                                 std::int64_t now_ns) {
  SentSegment& front = *list.begin();
  SentSegment& last = *reached.last;
  const auto number = static_cast<std::uint32_t>(&last - &front);
  double rtt_ns = -1;
  if (ack == last.last + 1) {
    peer.cumulatively_acked += number - 1;
    const std::uint32_t samples = peer.rtt.count;
    answer_segment(peer, work, Rules::exact, last, reached.latest_ns > last.time_ns, now_ns);
    if (peer.rtt.count != samples) rtt_ns = work.rtt_last;
  } else {
    peer.cumulatively_acked += number;
  }
  last.first = front.first;
  last.time_ns = reached.latest_ns;
  last.acked = 1;
  last.retransmitted = front.retransmitted;
  list.drop_front(number);
  if (ack == peer.syn + 1) {
    if (peer.syns == 1) peer.rtt_handshake = static_cast<std::uint64_t>(work.rtt_last);
  } else {
    peer.data_acked = true;
  }
  return rtt_ns;
}

[[gnu::always_inline]] inline void note_window(Direction& me, std::uint32_t window) {
  me.window_total += window;
  ++me.window_packets;
  if (window == me.window_last) return;
  me.window_last = window;
  if (window > me.window_max) me.window_max = window;
  if (window - 1 < me.window_min - 1) me.window_min = window;
}

[[gnu::always_inline]] inline void note_data(Direction& me, std::int64_t now_ns, std::uint8_t flags,
                                             std::uint32_t length, std::uint32_t captured,
                                             std::uint32_t end) {
  if (me.data_packets++ == 0) me.first_data_ns = now_ns;
  me.last_data_ns = now_ns;
  me.pushed_packets += flags / kTcpPsh & 1u;
  me.data_bytes += length;
  me.unique_bytes += length;
  if (length != me.segment_max) {
    if (length > me.segment_max) me.segment_max = length;
    if (length - 1 < me.segment_min - 1) me.segment_min = length;
  }
  if (captured < length) {
    me.truncated_bytes += length - captured;
    ++me.truncated_packets;
  }
  if (after(end, me.top)) me.top = end;
  if (me.data_acked) return;
  me.initial_window_bytes += length;
  ++me.initial_window_packets;
}

// Each of its own, so that each has the registers.
template <bool kHasData, bool kAcksMore, class Segment>
[[gnu::noinline]] PlainEntry enter_plain(Connection& connection, Direction& me, Direction& peer,
                                         const Segment segment) {
  constexpr std::uint32_t kMostPackets = 0xffff'0000;  // to be counted in 32 bits (Tracker)
  constexpr std::ptrdiff_t kMany = 1024;               // pieces, for place_segment() to keep within its bound
  constexpr unsigned kNeeded =
      ready::kSteady | (kHasData ? ready::kToSend : 0u) | (kAcksMore ? ready::kToRise : ready::kAckSettled);
  const unsigned needed = kNeeded | (segment.has_timestamps() ? ready::kTimestamps : 0u);
  const std::uint32_t sequence = segment.sequence();
  const std::uint32_t length = kHasData ? segment.length() : 0;
  const std::uint32_t end = sequence + length;
  const std::uint32_t ack = segment.acknowledgement();
  // A scale beyond what TCP allows is not ready, below; the processor cuts it off as this does.
  const std::uint32_t window = std::uint32_t{segment.window()} << (me.window_scale % 32);
  if ((me.readiness & needed) != needed || me.packets >= kMostPackets || window == 0) [[unlikely]]
    return {};
  // Where it lies in the space of sequence numbers, others have been.
  if (sequence >> 30 != me.data_quarter || end >> 30 != me.data_quarter) [[unlikely]]
    return {};
  Working& work = *me.work;
  const std::uint16_t ip_id = segment.ip_id();
  const std::uint32_t timestamp = segment.timestamp();
  std::uint16_t id = ip_id;
  if (!segment.is_ipv4() && kHasData && segment.has_timestamps())
    id = id_by_timestamp(timestamp, connection.handshake_ns);
  if (id != 0 && work.recent.holds_id(id)) [[unlikely]]
    return {};
  Reached reached;
  if constexpr (kAcksMore) {
    constexpr std::uint32_t kGibibyte = std::uint32_t{1} << 30;
    if (!after(ack, me.ack) || peer.top - ack > kGibibyte || ack >> 30 != me.ack_quarter) [[unlikely]]
      return {};
    if (connection.handshake_ns < 0 && ack == peer.syn + 1) [[unlikely]]
      return {};
    reached = find_reached(peer.work->sent.quarters[ack >> 30], ack);
    if (reached.last == nullptr) [[unlikely]]
      return {};
  } else if constexpr (!kHasData) {
    // A duplicate counts.
    if (window == me.window_last && after(peer.top, ack)) [[unlikely]]
      return {};
  }
  const std::uint32_t acked = peer.has_ack ? peer.ack : sequence;
  const std::int64_t now_ns = segment.time_ns();
  const std::uint8_t flags = segment.flags();
  const std::uint32_t captured = segment.captured();
  const std::uint32_t wire_length = segment.wire_length();
  const std::uint32_t ip_length = segment.ip_length();
  if constexpr (kHasData) {
    if (after(acked, sequence) || (length == 1 && sequence == me.top - 1)) [[unlikely]]
      return {};
    SegmentList& list = work.sent.quarters[sequence >> 30];
    const SentSegment* const list_end = list.end();
    if (list_end == list.begin() || sequence <= list_end[-1].last || list_end - list.begin() > kMany)
        [[unlikely]]
      return {};
    SentSegment sent;
    sent.first = sequence;
    sent.last = end - 1;
    sent.time_ns = now_ns;
    sent.order = segment.order();
    sent.timestamp = timestamp;
    *list.extend() = sent;
    note_id(work, ip_id);
  }
  if (id != 0 || segment.is_ipv4()) work.recent.add(id, sequence);

  connection.last_ns = now_ns;
  if (now_ns - me.last_ns > me.idle_max_ns) me.idle_max_ns = now_ns - me.last_ns;
  me.last_ns = now_ns;
  ++me.packets;
  ++me.ack_packets;
  me.wire_bytes += wire_length;
  me.ip_bytes += ip_length;
  me.flags |= flags;
  me.latest_end = end;
  note_window(me, window);
  PlainEntry entry;
  entry.entered = true;
  if constexpr (kAcksMore) {
    work.duplicate_run = 0;
    me.ack = ack;
    me.readiness |= ready::kAckSettled;
    entry.rtt_ns = acknowledge(peer, *peer.work, peer.work->sent.quarters[ack >> 30], reached, ack, now_ns);
  }
  if constexpr (kHasData) {
    note_data(me, now_ns, flags, length, captured, end);
    if (me.data_packets <= SegmentObserver::kFirstSegments)
      entry.first_data = static_cast<std::uint8_t>(me.data_packets);
  } else {
    ++me.pure_acks;
  }
  const auto ahead = static_cast<std::int32_t>(end - acked);
  note_outstanding<Rules::exact>(me, work, static_cast<std::uint64_t>(std::max(ahead, 0)), now_ns);
  return entry;
}

}  // namespace detail

template <class Segment>
[[nodiscard]] inline PlainEntry enter_plain(Connection& connection, int side, const Segment& segment) {
  Direction& me = connection.directions[static_cast<std::size_t>(side)];
  Direction& peer = connection.directions[static_cast<std::size_t>(1 - side)];
  const bool acks_more = segment.acknowledgement() != me.ack;
  if (segment.length() > 0) {
    return acks_more ? detail::enter_plain<true, true>(connection, me, peer, segment)
                     : detail::enter_plain<true, false>(connection, me, peer, segment);
  }
  return acks_more ? detail::enter_plain<false, true>(connection, me, peer, segment)
                   : detail::enter_plain<false, false>(connection, me, peer, segment);
}

// What the observers are told of it.
[[nodiscard]] inline SegmentVerdict plain_verdict(const Direction& me, bool has_data, double rtt_ns) {
  SegmentVerdict verdict;
  verdict.kind = has_data ? SegmentKind::fresh : SegmentKind::plain;
  verdict.window = me.window_last;
  verdict.rtt_ns = rtt_ns;
  return verdict;
}

}  // namespace isotach::network

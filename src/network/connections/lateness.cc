#include "network/connections/lateness.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "network/connections/serial_order.h"

namespace isotach::network {
namespace {

constexpr std::int64_t kMillisecondNs = 1'000'000;
// Where no round trip was ever measured; Wireshark takes the same.
constexpr std::int64_t kUnknownRttNs = 3 * kMillisecondNs;
constexpr std::uint32_t kDuplicatesOfLoss = 3;
// Linux waits at least this long for its timer, and adds as much to a probe of a single packet.
constexpr std::int64_t kShortestTimeoutNs = 200 * kMillisecondNs;

bool numbers_its_packets(const Working& work) {
  return work.ids_in_order >= 4 && work.ids_in_order / 8 >= work.ids_out_of_order;
}

// How long one step of the sender's timestamps lasts; a millisecond, as Linux has it, where too few were
// seen to tell.
std::int64_t timestamp_step_ns(const Working& work, const SeenSegment& segment) {
  constexpr std::uint32_t kEnough = 8;
  const std::uint32_t steps = segment.options.timestamp - work.first_timestamp;
  const std::int64_t span_ns = segment.time_ns - work.first_timestamp_ns;
  if (work.first_timestamp_ns == 0 || steps < kEnough || span_ns <= 0) return kMillisecondNs;
  return std::max<std::int64_t>(span_ns / steps, 1);
}

// So that a number that is missing is that of a packet of this connection.
bool counts_its_packets(const Working& work) {
  constexpr std::uint32_t kEnough = 16;
  const std::uint32_t others = work.ids_in_order - std::min(work.ids_by_one, work.ids_in_order);
  return work.ids_by_one >= kEnough && others <= work.ids_by_one / 8 && numbers_its_packets(work);
}

// Everything up to the end of `list` was seen, as far as it was not acknowledged.
bool has_no_hole(const SegmentList& list, std::uint32_t acknowledged) {
  for (std::uint32_t i = list.size(); i-- > 0;) {
    if (list[i].acked > 0 || !after(list[i].first, acknowledged)) return true;
    if (i == 0 || list[i - 1].last + 1 != list[i].first) return false;
  }
  return false;
}

Filler filler_of(const SeenSegment& segment, std::int64_t told_ns) {
  return {segment.head.sequence, segment.options.timestamp, segment.time_ns, told_ns, segment.ip_id, true};
}

}  // namespace

bool sent_later(const Direction& me, const Direction& peer, const Placement& placement,
                const SeenSegment& segment, std::int64_t handshake_ns) {
  const SentSegment& above = placement.above;
  if (segment.ip_id != 0 && above.order != 0 && numbers_its_packets(me.work_so_far()))
    return after16(segment.ip_id, above.order);
  const std::int64_t rtt_ns = handshake_ns > 0 ? handshake_ns : kUnknownRttNs;
  if (segment.options.has_timestamps && me.asked_timestamps) {
    if (above.timestamp != segment.options.timestamp)
      return after(segment.options.timestamp, above.timestamp);
    if (segment.ip_version != 4 && segment.order() != above.order)
      return after16(segment.order(), above.order);
    // Sent in the same step: sooner than any answer could have told of a loss.
    if (rtt_ns >= 2 * timestamp_step_ns(me.work_so_far(), segment)) return false;
  }
  const std::int64_t waited_ns = segment.time_ns - above.time_ns;
  const bool told =
      peer.work_so_far().duplicate_run > 0 || after(me.work_so_far().sacked_top, segment.head.sequence);
  return told ? waited_ns >= rtt_ns - rtt_ns / 8 : waited_ns >= std::max(rtt_ns, kShortestTimeoutNs);
}

void note_filler(Direction& me, const SentSegment& above, const SeenSegment& segment) {
  set_order(me, segment.head.sequence, above);
  Working& work = me.working();
  LateSegments& late = work.late_segments();
  late.add(filler_of(segment, above.time_ns));
  late.watches = true;
  late.lost_above = 0;
  if (before16(segment.ip_id, work.last_ip_id)) late.overtaken_ns = segment.time_ns;
}

void note_overtaken(Direction& me, const SeenSegment& segment) {
  me.working().late_segments().overtaken_ns = segment.time_ns;
}

// The filler is the retransmission that the first loss has led to, for a second one takes a timeout; so what
// was sent between `before` and it, and is missing, was not it. Nothing else was to be sent again: there is
// no other hole, and nothing that had seemed to be one. Nothing was there to be acknowledged. New data
// remain, and those begin where this segment does.
bool was_sent_and_lost(Direction& me, const Direction& peer, const SeenSegment& segment,
                       std::int64_t handshake_ns) {
  const Working& work = me.working();
  if (!work.late) return false;
  LateSegments& late = *work.late;
  const bool watched = std::exchange(late.watches, false);
  const std::uint16_t lost_above = std::exchange(late.lost_above, std::uint16_t{0});
  const SegmentList& list = work.sent.quarters[segment.head.sequence >> 30];
  if (list.size() < 2) return false;
  const SentSegment& before = list[list.size() - 2];
  if (before.last + 1 != segment.head.sequence) return false;
  if (lost_above > 0) {
    late.lost_above = static_cast<std::uint16_t>(lost_above - 1);
    late.add(filler_of(segment, segment.time_ns));
    return true;
  }
  if (!watched || handshake_ns <= 0 || segment.ip_id == 0 || before.order == 0) return false;
  const Filler filler = late.last();
  const auto missing = static_cast<std::uint16_t>(filler.ip_id - before.order - 1);
  if (missing == 0 || missing > RecentPackets::kNumber / 2 || !counts_its_packets(work)) return false;
  if (segment.ip_id != static_cast<std::uint16_t>(filler.ip_id + 1)) return false;
  if (work.recent.holds_any(static_cast<std::uint16_t>(before.order + 1), filler.ip_id)) return false;
  if (filler.time_ns - filler.told_ns >= kShortestTimeoutNs) return false;
  constexpr std::int64_t kNothingToAcknowledgeNs = 1000 * kMillisecondNs;
  const std::int64_t waited_ns = segment.time_ns - filler.time_ns;
  if (waited_ns < handshake_ns - handshake_ns / 8 || waited_ns >= 2 * kShortestTimeoutNs) return false;
  if (late.overtaken_ns != 0 && late.overtaken_ns + 3 * handshake_ns > filler.told_ns) return false;
  if (peer.data_packets > 0 && peer.last_data_ns + kNothingToAcknowledgeNs > filler.told_ns) return false;
  if (peer.trouble && peer.trouble->zero_windows > 0) return false;
  if (!has_no_hole(list, peer.ack)) return false;
  late.lost_above = static_cast<std::uint16_t>(missing - 1);
  late.add(filler_of(segment, segment.time_ns));
  return true;
}

bool is_late_original(Direction& me, const SeenSegment& segment) {
  Working& work = me.working();
  if (!work.late) return false;
  for (Filler& filler : work.late->fillers) {
    if (!filler.is_waiting || filler.sequence != segment.head.sequence) continue;
    const bool by_id = segment.ip_id != 0 && filler.ip_id != 0 && numbers_its_packets(work);
    const bool sent_before = by_id ? before16(segment.ip_id, filler.ip_id)
                                   : segment.options.has_timestamps && me.asked_timestamps &&
                                         after(filler.timestamp, segment.options.timestamp);
    if (!sent_before) continue;
    filler.is_waiting = false;
    return true;
  }
  return false;
}

Retransmission kind_of(Direction& me, const Direction& peer, const Placement& placement,
                       const SeenSegment& segment, std::uint32_t end) {
  Troubles& troubles = me.troubles();
  if (segment.head.has(kTcpSyn)) return Retransmission::timeout;
  if (troubles.in_recovery) return Retransmission::timeout;
  const bool told = after(me.work_so_far().sacked_top, segment.head.sequence) && peer.has_ack &&
                    after(me.work_so_far().sacked_top, peer.ack);
  if (told || peer.work_so_far().duplicate_run >= kDuplicatesOfLoss) return Retransmission::fast;
  const bool is_tail = me.has_top && end == me.top;
  if (is_tail && placement.has_repeated && placement.repeated.retransmitted == 0 && me.asked_sack &&
      me.rtt.count > 0) {
    const std::int64_t waited_ns = segment.time_ns - placement.repeated.time_ns;
    const auto rtt_ns = static_cast<std::int64_t>(me.rtt.mean());
    if (waited_ns < 2 * rtt_ns + kShortestTimeoutNs + kShortestTimeoutNs / 4)
      return Retransmission::tail_probe;
  }
  troubles.in_recovery = true;
  troubles.recovery_point = me.top;
  return Retransmission::timeout;
}

}  // namespace isotach::network

#include "network/connections/lateness.h"

#include <algorithm>
#include <memory>

namespace isotach::network {
namespace {

constexpr std::int64_t kMillisecondNs = 1'000'000;
// Where no round trip was ever measured; Wireshark takes the same.
constexpr std::int64_t kUnknownRttNs = 3 * kMillisecondNs;
constexpr std::uint32_t kDuplicatesOfLoss = 3;
// Linux waits at least this long for its timer, and adds as much to a probe of a single packet.
constexpr std::int64_t kShortestTimeoutNs = 200 * kMillisecondNs;

bool after(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) > 0;
}

bool numbers_its_packets(const Working& work) {
  return work.ids_in_order >= 4 && work.ids_in_order / 8 >= work.ids_out_of_order;
}

}  // namespace

namespace {

// How long one step of the sender's timestamps lasts; a millisecond, as Linux has it, where too few were
// seen to tell.
std::int64_t timestamp_step_ns(const Working& work, const SeenSegment& segment) {
  constexpr std::uint32_t kEnough = 8;
  const std::uint32_t steps = segment.options.timestamp - work.first_timestamp;
  const std::int64_t span_ns = segment.time_ns - work.first_timestamp_ns;
  if (work.first_timestamp_ns == 0 || steps < kEnough || span_ns <= 0) return kMillisecondNs;
  return std::max<std::int64_t>(span_ns / steps, 1);
}

}  // namespace

bool sent_later(const Direction& me, const Direction& peer, const Placement& placement,
                const SeenSegment& segment, std::int64_t handshake_ns) {
  const SentSegment& above = placement.above;
  if (segment.ip_id != 0 && above.ip_id != 0 && numbers_its_packets(me.work_so_far()))
    return static_cast<std::int16_t>(segment.ip_id - above.ip_id) > 0;
  const std::int64_t rtt_ns = handshake_ns > 0 ? handshake_ns : kUnknownRttNs;
  if (segment.options.has_timestamps && me.asked_timestamps) {
    if (above.timestamp != segment.options.timestamp)
      return after(segment.options.timestamp, above.timestamp);
    // Sent in the same step: sooner than any answer could have told of a loss.
    if (rtt_ns >= 2 * timestamp_step_ns(me.work_so_far(), segment)) return false;
  }
  const std::int64_t waited_ns = segment.time_ns - above.time_ns;
  const bool told =
      peer.work_so_far().duplicate_run > 0 || after(me.work_so_far().sacked_top, segment.head.sequence);
  return told ? waited_ns >= rtt_ns - rtt_ns / 8 : waited_ns >= std::max(rtt_ns, kShortestTimeoutNs);
}

void note_filler(Direction& me, const SeenSegment& segment) {
  Working& work = me.working();
  if (!work.fillers) work.fillers = std::make_unique<Fillers>();
  Fillers& fillers = *work.fillers;
  fillers.all[fillers.next] = {segment.head.sequence, segment.options.timestamp, segment.ip_id, true};
  fillers.next = static_cast<std::uint8_t>((fillers.next + 1u) % fillers.all.size());
}

bool is_late_original(Direction& me, const SeenSegment& segment) {
  Working& work = me.working();
  if (!work.fillers) return false;
  for (Filler& filler : work.fillers->all) {
    if (!filler.is_waiting || filler.sequence != segment.head.sequence) continue;
    const bool by_id = segment.ip_id != 0 && filler.ip_id != 0 && numbers_its_packets(work);
    const bool sent_before = by_id ? static_cast<std::int16_t>(segment.ip_id - filler.ip_id) < 0
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

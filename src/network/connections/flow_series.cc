#include "network/connections/flow_series.h"

#include <algorithm>
#include <cstdlib>

namespace isotach::network {
namespace {

void see_data(FlowSeries& me, const SeenSegment& segment, const SegmentVerdict& verdict) {
  const std::int64_t now = segment.time_ns;
  const auto low = static_cast<double>(me.advance_to(segment.head.sequence));
  const double high = low + static_cast<double>(std::max<std::int64_t>(segment.data_length, 0)) +
                      (segment.head.has(kTcpSyn) ? 1 : 0) + (segment.head.has(kTcpFin) ? 1 : 0);
  switch (verdict.kind) {
    case SegmentKind::plain:
    case SegmentKind::keep_alive:
      return;
    case SegmentKind::fresh:
      me.segments.add(now, low, high);
      break;
    case SegmentKind::retransmission:
      me.retransmitted.add(now, low, high);
      me.retransmissions[static_cast<std::size_t>(verdict.cause)].add(now, 0);
      break;
    case SegmentKind::out_of_order:
      me.out_of_order.add(now, low, high);
      me.overtaken.add(now, 0);
      break;
    case SegmentKind::duplicate:
      me.doubled.add(now, 0);
      return;
    case SegmentKind::probe:
      me.probes.add(now, 0);
      return;
  }
  if (segment.data_length <= 0) return;
  me.segment_size.add(now, static_cast<double>(segment.data_length));
}

}  // namespace

std::int64_t FlowSeries::advance_to(std::uint32_t sequence) {
  if (!begun) {
    begun = true;
    latest = sequence;
  }
  const std::int64_t at = position(sequence);
  if (at > latest_position) {
    latest_position = at;
    latest = sequence;
  }
  return at;
}

void SeriesRecorder::see(std::size_t index, const Connection& connection, int side,
                         const SeenSegment& segment, const SegmentVerdict& verdict) {
  if (index >= all_.size()) {
    if (!wanted_(index)) return;
    if (recorded_ >= kMostConnections) {
      left_out_ = std::max<std::uint64_t>(left_out_, index + 1 - recorded_);
      return;
    }
    all_.resize(index + 1);
  }
  auto& both = all_[index];
  if (!both) {
    if (!wanted_(index)) return;
    if (recorded_ >= kMostConnections) return;
    ++recorded_;
    both = std::make_unique<Both>();
  }
  FlowSeries& me = (*both)[static_cast<std::size_t>(side)];
  FlowSeries& peer = (*both)[static_cast<std::size_t>(1 - side)];
  const Direction& sender = connection.directions[static_cast<std::size_t>(side)];
  const Direction& receiver = connection.directions[static_cast<std::size_t>(1 - side)];
  const std::int64_t now = segment.time_ns;
  if (verdict.kind != SegmentKind::plain) see_data(me, segment, verdict);
  if (verdict.kind == SegmentKind::fresh && segment.data_length > 0 && receiver.has_ack)
    me.in_flight.add(now, static_cast<double>(sender.work_so_far().outstanding_last));
  if (!segment.head.has(kTcpAck) || segment.head.has(kTcpRst)) return;
  if (!peer.begun) return;
  const std::int64_t ack = peer.position(segment.head.acknowledgement);
  // An acknowledgement of what is a GiB away is of another connection, or forged.
  if (std::abs(ack - peer.latest_position) > (std::int64_t{1} << 30)) return;
  const bool advanced =
      peer.acknowledged.points().empty() || static_cast<double>(ack) > peer.acknowledged.points().back().high;
  if (advanced) {
    if (!peer.acknowledged.points().empty())
      peer.delivered.add(now, static_cast<double>(ack) - peer.acknowledged.points().back().high);
    peer.acknowledged.add(now, static_cast<double>(ack));
  } else if (segment.data_length == 0 && sender.work_so_far().duplicate_run > 0) {
    peer.duplicate_acks.add(now, 0);
  }
  peer.window_edge.add(now, static_cast<double>(ack) + static_cast<double>(verdict.window));
  peer.window.add(now, static_cast<double>(verdict.window));
  if (verdict.window == 0) peer.window_shut.add(now, 0);
  if (verdict.rtt_ns >= 0) peer.rtt.add(now, verdict.rtt_ns);
  if (advanced)
    peer.in_flight.add(now, static_cast<double>(std::max<std::int64_t>(0, peer.latest_position - ack)));
  for (std::uint32_t i = 0; i < segment.options.sack_blocks; ++i) {
    const SackBlock& block = segment.options.sack[i];
    const std::int64_t left = peer.position(block.left);
    peer.sacked.add(now, static_cast<double>(left),
                    static_cast<double>(left + static_cast<std::int32_t>(block.right - block.left)));
  }
}

FlowSeries* SeriesRecorder::series(std::size_t index, int side) {
  if (index >= all_.size() || !all_[index]) return nullptr;
  return &(*all_[index])[static_cast<std::size_t>(side)];
}

}  // namespace isotach::network

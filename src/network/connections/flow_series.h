// What a connection did over time, for pictures: one set of series for each direction, in bounded memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "network/connections/envelope.h"
#include "network/connections/observer.h"

namespace isotach::network {

// Sequence numbers are counted from the first that the capture has of the direction, and do not wrap.
struct FlowSeries {
  Envelope segments;       // from the first to the last byte of each new segment
  Envelope retransmitted;  // and of those sent again
  Envelope out_of_order;
  Envelope sacked;        // blocks that the other side acknowledged selectively
  Envelope acknowledged;  // by the other side
  Envelope window_edge;   // up to which the other side would take data
  Envelope in_flight;     // bytes
  Envelope window;        // bytes, advertised by the other side
  Envelope rtt;           // ns
  Envelope segment_size;  // bytes
  Amounts delivered;      // bytes, each once
  // Moments, for the timeline.
  std::array<Envelope, kRetransmissionKinds> retransmissions;
  Envelope overtaken;
  Envelope doubled;
  Envelope probes;
  Envelope window_shut;
  Envelope duplicate_acks;  // that this direction received

  // For counting without wrap.
  bool begun = false;
  std::uint32_t latest = 0;
  std::int64_t latest_position = 0;

  // The position of a sequence number near the latest.
  [[nodiscard]] std::int64_t position(std::uint32_t sequence) const {
    return latest_position + static_cast<std::int32_t>(sequence - latest);
  }
  // That of one that was sent: from here on others are reckoned.
  std::int64_t advance_to(std::uint32_t sequence);
};

class SeriesRecorder final : public SegmentObserver {
 public:
  // Connections beyond this number are not recorded, so that memory has a bound.
  static constexpr std::size_t kMostConnections = 4096;

  // `wanted` says by index which connections are recorded.
  explicit SeriesRecorder(std::function<bool(std::size_t)> wanted) : wanted_(std::move(wanted)) {}

  void see(std::size_t index, const Connection& connection, int side, const SeenSegment& segment,
           const SegmentVerdict& verdict) override;

  // Of the direction from `side`; nullptr where it was not recorded. May be thinned further.
  [[nodiscard]] FlowSeries* series(std::size_t index, int side);
  // Connections that were wanted and left out for want of room.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

 private:
  using Both = std::array<FlowSeries, 2>;

  std::function<bool(std::size_t)> wanted_;
  std::vector<std::unique_ptr<Both>> all_;
  std::size_t recorded_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace isotach::network

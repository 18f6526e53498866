// What a segment turned out to be, told to whoever wants more of it than the statistics keep: verdicts of
// what limited a connection, and pictures.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "network/connections/connection.h"
#include "network/connections/segment.h"

namespace isotach::network {

enum class SegmentKind : std::uint8_t {
  plain,           // no data, SYN or FIN: an acknowledgement, a reset
  fresh,           // sent for the first time, as far as the capture tells
  retransmission,  // sent again
  out_of_order,    // overtaken on its way
  duplicate,       // the same IP packet once more
  probe,           // into a window that is shut
  keep_alive,
};

struct SegmentVerdict {
  SegmentKind kind = SegmentKind::plain;
  Retransmission cause = Retransmission::fast;  // of a retransmission
  std::uint64_t window = 0;                     // advertised with it, scaled
  double rtt_ns = -1;                           // of the data that it acknowledges; -1: it gives no sample
};

class SegmentObserver {
 public:
  virtual ~SegmentObserver() = default;
  // `index` numbers the connection, `side` is 0 when the segment goes from a to b. The statistics have
  // the segment already.
  // Segments whose data are not among the first that their side has sent need not be shown where this is
  // false.
  [[nodiscard]] virtual bool wants_all() const { return true; }
  static constexpr std::uint32_t kFirstSegments = 8;
  // And where this is false too, none but the very first; it may change with every segment.
  [[nodiscard]] virtual bool waits() const { return true; }
  virtual void see(std::size_t index, const Connection& connection, int side, const SeenSegment& segment,
                   const SegmentVerdict& verdict) = 0;
};

// Tells several.
class ObserverList final : public SegmentObserver {
 public:
  void add(SegmentObserver& observer) { all_.push_back(&observer); }
  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] bool wants_all() const override {
    return std::any_of(all_.begin(), all_.end(), [](const SegmentObserver* one) { return one->wants_all(); });
  }
  [[nodiscard]] bool waits() const override {
    return std::any_of(all_.begin(), all_.end(), [](const SegmentObserver* one) { return one->waits(); });
  }
  void see(std::size_t index, const Connection& connection, int side, const SeenSegment& segment,
           const SegmentVerdict& verdict) override {
    for (SegmentObserver* observer : all_) observer->see(index, connection, side, segment, verdict);
  }

 private:
  std::vector<SegmentObserver*> all_;
};

}  // namespace isotach::network

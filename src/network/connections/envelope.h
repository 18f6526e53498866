// A series of values over time in bounded memory: where there are too many, neighbours are merged, and of
// each group the least and the greatest stay, so that no extreme is hidden.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace isotach::network {

struct EnvelopePoint {
  std::int64_t time_ns = 0;  // of the first in the group
  double low = 0;
  double high = 0;
};

class Envelope {
 public:
  static constexpr std::size_t kMostPoints = 2048;

  // Times that go backwards count as the latest before.
  void add(std::int64_t time_ns, double low, double high) {
    ++added_;
    if (points_.empty()) {
      first_ns_ = time_ns;
    } else if (time_ns <= points_.back().time_ns || group_of(time_ns) == group_of(points_.back().time_ns)) {
      EnvelopePoint& last = points_.back();
      last.low = std::min(last.low, low);
      last.high = std::max(last.high, high);
      return;
    }
    if (points_.size() == kMostPoints) thin(kMostPoints / 2);
    points_.push_back({time_ns, low, high});
  }
  void add(std::int64_t time_ns, double value) { add(time_ns, value, value); }

  [[nodiscard]] const std::vector<EnvelopePoint>& points() const { return points_; }
  // How many were added, merged or not.
  [[nodiscard]] std::uint64_t added() const { return added_; }
  // Merges neighbours until at most `most` points are left; `most` is at least 1.
  void thin(std::size_t most);

 private:
  // `time_ns` is not before the first.
  [[nodiscard]] std::uint64_t group_of(std::int64_t time_ns) const {
    return (static_cast<std::uint64_t>(time_ns) - static_cast<std::uint64_t>(first_ns_)) >> shift_;
  }

  std::vector<EnvelopePoint> points_;
  std::uint64_t added_ = 0;
  std::int64_t first_ns_ = 0;
  unsigned shift_ = 0;  // a group is 2^shift ns long
};

// The same for amounts, which are added up: bytes in equal pieces of time.
class Amounts {
 public:
  static constexpr std::size_t kMostPieces = 1024;

  void add(std::int64_t time_ns, double amount);
  [[nodiscard]] std::int64_t first_ns() const { return first_ns_; }
  [[nodiscard]] std::int64_t piece_ns() const { return std::int64_t{1} << shift_; }
  [[nodiscard]] const std::vector<double>& pieces() const { return pieces_; }
  // Doubles the pieces until there are at most `most`, and each is `least_ns` long at least.
  void widen(std::size_t most, std::int64_t least_ns);

 private:
  void halve();

  std::vector<double> pieces_;
  std::int64_t first_ns_ = 0;
  unsigned shift_ = 16;  // 65 us
};

}  // namespace isotach::network

// A source of given snapshots, for tests of what shows them.
#pragma once

#include <utility>
#include <vector>

#include "network/traffic/source.h"

namespace isotach::network {

class FakeTrafficSource final : public TrafficSource {
 public:
  explicit FakeTrafficSource(std::vector<TrafficSnapshot> snapshots) : snapshots_(std::move(snapshots)) {}
  // One after the other; then fails.
  [[nodiscard]] Result<void> read(TrafficSnapshot& snapshot) override {
    if (next_ == snapshots_.size()) return failure(ErrorKind::failed, "the fake has no more snapshots");
    snapshot = snapshots_[next_++];
    return {};
  }

 private:
  std::vector<TrafficSnapshot> snapshots_;
  std::size_t next_ = 0;
};

}  // namespace isotach::network

// What limited each direction of each connection: feeds the analysis from the tracker.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "network/connections/limits.h"

namespace isotach::network {

class LimitObserver final : public SegmentObserver {
 public:
  void see(std::size_t index, const Connection& connection, int side, const SeenSegment& segment,
           const SegmentVerdict& verdict) override;
  // Takes over the analyses of another; `numbers` says what its connections are called here.
  void take(LimitObserver&& other, std::span<const std::uint32_t> numbers);
  // After the capture has ended; see() may not be called any more.
  void finish();

  // Of the direction from `side`; nullptr where it never sent data.
  [[nodiscard]] const LimitShares* shares(std::size_t index, int side) const;
  // The direction that the connection is about: that with more data.
  [[nodiscard]] static int main_side(const Connection& connection) {
    return connection.b().unique_bytes > connection.a().unique_bytes ? 1 : 0;
  }

 private:
  std::vector<std::array<std::unique_ptr<LimitAnalysis>, 2>> analyses_;
};

// What bears a cause out, in a sentence without final stop; empty where the figures say it all.
[[nodiscard]] std::string limit_evidence(Limit limit, const LimitShares& shares, const Connection& connection,
                                         int side);

}  // namespace isotach::network

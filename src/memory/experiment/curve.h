// The shape of a memory curve: its levels, its turns, its steps. Pure.
//
// The curve is resident plus swapped memory: what the kernel has moved to swap has not been given back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "memory/experiment/run.h"

namespace isotach::memory {

struct CurvePoint {
  std::int64_t time_ns = 0;
  double bytes = 0;
};
using Curve = std::vector<CurvePoint>;

// Points in strictly ascending order of time; samples without resident memory, or with an absurd one, and
// samples that go back in time are left out.
[[nodiscard]] Curve footprint_of(std::span<const MemorySample> samples);

// The points of [from_ns, to_ns].
[[nodiscard]] Curve part_of(const Curve& curve, std::int64_t from_ns, std::int64_t to_ns);

// Of the points in [from_ns, to_ns]; of the last before it where there is none.
[[nodiscard]] double median_between(const Curve& curve, std::int64_t from_ns, std::int64_t to_ns);
// At a moment, between the points around it.
[[nodiscard]] double level_at(const Curve& curve, std::int64_t time_ns);

// Highs and lows in turn, beginning with the low before the first high. A turn is taken when the curve has
// moved back from it by `least_bytes`.
struct Turn {
  std::int64_t time_ns = 0;
  double bytes = 0;
  bool high = false;
};
[[nodiscard]] std::vector<Turn> turns_of(const Curve& curve, double least_bytes);

// A stretch in which the curve rises, between two in which it does not.
struct Rise {
  std::int64_t from_ns = 0;
  std::int64_t to_ns = 0;
  double bytes = 0;
};
// Cuts the curve into `bins` equal times; those that rise by less than a fifth of the mean are level.
// Level stretches of fewer than `least_level` bins belong to the rise around them.
struct Staircase {
  std::vector<Rise> rises;
  double level_share = 0;  // of the time
};
[[nodiscard]] Staircase staircase_of(const Curve& curve, std::size_t bins, std::size_t least_level);

}  // namespace isotach::memory

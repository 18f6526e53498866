// When datagrams left and came, over a whole test. Plain data.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/histogram.h"

namespace isotach::nettest {

// Of one end, in one direction. The sender knows the gaps at which they left, the receiver those at which
// they came, and the delay variation.
struct DatagramTiming {
  Histogram gaps_ns;
  Histogram delay_variation_ns;
  // Most datagrams in a row that followed each other within a quarter of the wanted distance; 1: each stood
  // alone.
  std::uint64_t longest_run = 0;
  // Of the sender: left later than a whole distance after they were due; given up, because it was stopped too
  // long.
  std::uint64_t late = 0;
  std::uint64_t never_sent = 0;

  void merge(const DatagramTiming& other) {
    gaps_ns.merge(other.gaps_ns);
    delay_variation_ns.merge(other.delay_variation_ns);
    longest_run = std::max(longest_run, other.longest_run);
    late += other.late;
    never_sent += other.never_sent;
  }
};

// Adds up distances and runs.
class GapMeter {
 public:
  explicit GapMeter(double wanted_ns) : wanted_ns_(wanted_ns) {}

  void add(DatagramTiming& timing, std::int64_t at_ns, std::uint64_t datagrams) {
    if (last_ns_ != 0) {
      const auto gap_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(0, at_ns - last_ns_));
      timing.gaps_ns.add(gap_ns);
      run_ = static_cast<double>(gap_ns) < wanted_ns_ / 4 ? run_ + datagrams : datagrams;
    } else {
      run_ = datagrams;
    }
    // Those that came or went together.
    if (datagrams > 1) timing.gaps_ns.add(0, datagrams - 1);
    timing.longest_run = std::max(timing.longest_run, run_);
    last_ns_ = at_ns;
  }

 private:
  double wanted_ns_;
  std::int64_t last_ns_ = 0;
  std::uint64_t run_ = 0;
};

}  // namespace isotach::nettest

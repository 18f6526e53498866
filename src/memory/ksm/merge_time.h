// How long ksmd needs to merge what can be merged, from its settings (kernel: mm/ksm.c).
//
// ksmd looks at pages_to_scan pages, sleeps sleep_millisecs, and so on; a scan of all pages ends the
// batch it is in. The first scan of a page only notes its checksum. It is merged in the second scan, when
// the checksum is still the same. So everything that can be merged is, after two scans:
//
//     2 * ceil(pages / pages_to_scan) * (sleep + tick) + pages * (first cost + merge cost)
//
// A sleep ends with a tick of the kernel's timer and lasts one longer than asked for. Pure; any thread.
#pragma once

#include <cstdint>

namespace isotach::memory {

struct MergeSettings {
  std::uint64_t pages_to_scan = 100;
  std::uint64_t sleep_milliseconds = 20;
};

// CPU time of ksmd, and the kernel's tick. The values are those measured on one virtual machine (AMD EPYC,
// Linux 6.18): 1.3 to 2 us and 3.5 to 4.5 us. They matter only for large pages_to_scan.
struct MergeCost {
  double first_scan_ns = 1500;  // a page: checksum noted
  double merge_ns = 4000;       // a page: found among the others, compared, merged
  double tick_ns = 4e6;         // 1 s / CONFIG_HZ
};

// The cost with the tick of the kernel that runs: the resolution of its coarse clock.
[[nodiscard]] MergeCost merge_cost_here();

struct MergeTime {
  // False when ksmd would never come to an end: pages_to_scan is 0.
  bool finite = true;
  double first_merge_ns = 0;  // after ksmd has begun with these pages
  double settled_ns = 0;      // everything that can be merged is
  double cpu_ns = 0;          // of ksmd until then
  double idle_cpu_share = 0;  // of one processor, for as long as ksmd goes on: it scans for ever
};

// For `pages` pages that ksmd has not seen yet, the only ones or together with what it scans besides.
[[nodiscard]] MergeTime predict_merge_time(std::uint64_t pages, const MergeSettings& settings,
                                           const MergeCost& cost);

// Settings that merge `pages` pages within about `target_ns`, unless ksmd would then take more than a tenth
// of a processor for ever; the kernel's own value where that is enough. sleep_milliseconds is kept.
[[nodiscard]] MergeSettings recommend_settings(std::uint64_t pages, std::uint64_t sleep_milliseconds,
                                               double target_ns, const MergeCost& cost);

}  // namespace isotach::memory

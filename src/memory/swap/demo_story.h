// What happened in a demonstration of swapping, read from its samples. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/value.h"

namespace isotach::memory {

struct DemoSample {
  std::int64_t time_ns = 0;  // monotonic
  std::uint64_t free_bytes = 0, available_bytes = 0;
  std::uint64_t swap_used_bytes = 0;  // of the machine: vmstat's swpd
  std::uint64_t swap_cached_bytes = 0;
  std::uint64_t out_pages = 0, in_pages = 0;  // counters since the machine started
  Value resident_bytes, program_swap_bytes;   // of the program; missing before it started and after it ended
  Value idle_swap_bytes;                      // of the one that does nothing
};

struct DemoMarks {
  std::optional<std::int64_t> started_ns, filled_ns, reading_ns, read_ns, ended_ns;
};

struct DemoStory {
  std::optional<std::int64_t> first_out_ns;  // when something of either program was first seen to go out
  std::optional<std::int64_t> peak_ns;       // most of the machine's swap in use
  std::uint64_t before_used_bytes = 0;
  std::uint64_t peak_used_bytes = 0;
  std::uint64_t after_used_bytes = 0;  // at the end, when the program is gone
  std::uint64_t out_bytes = 0, in_bytes = 0;
  double peak_out_rate = 0, peak_in_rate = 0;  // bytes a second, over a quarter of a second or more
  Value resident_peak_bytes;
  Value idle_out_bytes;  // of the idle program at the end
  // Free memory: how far it fell until the first page was out, and from then until all was filled.
  std::int64_t free_fell_before_bytes = 0;
  std::int64_t free_fell_while_bytes = 0;
};

// Samples in order of time; none gives an empty story.
[[nodiscard]] DemoStory tell_demo(const std::vector<DemoSample>& samples, const DemoMarks& marks,
                                  std::uint64_t page_bytes);

// The same in sentences. `limited`: by a control group with `limit_bytes`; otherwise the program asked to be
// paged out until it held no more than that.
[[nodiscard]] std::vector<std::string> explain_demo(const DemoStory& story, std::uint64_t limit_bytes,
                                                    bool limited);

}  // namespace isotach::memory

// What a program did with memory, judged from its curve and from what it said of itself. Pure.
//
// How it is decided, first that applies:
//
// The curve is judged over the time that the program had (run_clock.h), so that a busy machine makes no
// difference.
//
//  1. too short      fewer than 20 samples or less than 0.2 s.
//     Of the rest only the part between the program's start and its end is judged: what an interpreter
//     loads, and what is given back while the program ends, tell nothing of it.
//  2. kept by a cycle     the program's own cycle collector, run at its end, freed a good part (not where
//                         the curve is a sawtooth: there the collector works).
//  3. freed but kept      its allocators held a good part as free memory (the program said so), or the
//                         kernel still held a good part as LazyFree.
//  4. steady         moved by less than 16 MiB or a tenth of its peak after the first fifth of its time.
//  5. sawtooth       two or more rises with falls between. Where the lows rise, it is leak-like.
//  6. peak           one rise, and all of it given back. Where only part of it was: cannot tell.
//  7. leak-like      grew in many similar steps with pauses between, or took three times what it kept.
//  8. steps          two or more rises with pauses between.
//  9. plateau        grew, then stayed.
// 10. ramp           grew until it ended.
//
// From outside, memory that is in use, leaked, or free inside an allocator looks the same. Without the
// program's help nothing here claims to tell them apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memory/experiment/curve.h"
#include "memory/experiment/run.h"

namespace isotach::memory {

enum class Verdict {
  too_short,
  cannot_tell,
  steady,
  ramp,
  plateau,
  steps,
  peak,
  sawtooth,
  leak_like,
  freed_but_kept,
  kept_by_cycle,
};
// "leak-like", "freed but kept": for people; the key has underscores.
[[nodiscard]] std::string_view verdict_text(Verdict verdict);
[[nodiscard]] std::string_view verdict_key(Verdict verdict);

// The numbers of the judgement; those of the curve are of the judged part. Moments are in the time of the
// samples, durations in the time that the program had.
struct CurveNumbers {
  std::int64_t from_ns = 0;  // the judged part
  std::int64_t to_ns = 0;
  double base_bytes = 0;  // the least
  double peak_bytes = 0;
  std::int64_t peak_ns = 0;
  double end_bytes = 0;
  std::size_t teeth = 0;  // highs that were followed by a fall, or by the end
  std::size_t falls = 0;
  double returned_share = 0;     // of the last rise, by the end
  std::int64_t return_ns = 0;    // how long that took, from nine to one tenth of it
  double growth_share = 0;       // of the time until the curve was at its top
  std::optional<double> churn;   // memory taken (minor faults), in parts of what was kept
  std::optional<double> faults;  // minor faults
  std::optional<double> heap_share, anonymous_share;  // of resident memory, at the peak
  std::optional<double> lazy_free_bytes;              // the last reading
  std::size_t samples = 0;
};

struct MemoryVerdict {
  Verdict verdict = Verdict::too_short;
  Verdict shape = Verdict::too_short;  // by the curve alone: never freed_but_kept or kept_by_cycle
  CurveNumbers numbers;
  std::vector<Turn> turns;
  // Of the process that said most, at its end.
  std::optional<ProgramFacts> before, after;
  std::optional<double> cycle_bytes;  // what the cycle collector freed
  std::optional<double> live_bytes;   // what was still in use after it
  std::optional<double> free_bytes;   // what the allocators held for later
  std::string summary;                // one or two sentences
  std::vector<std::string> reasons;   // with their numbers
  std::vector<std::string> advice;    // what would tell more
};

[[nodiscard]] MemoryVerdict judge(const MemoryRun& run);

}  // namespace isotach::memory

#include "memory/experiment/verdict.h"

#include <algorithm>
#include <cmath>

#include "memory/experiment/explain.h"
#include "memory/experiment/run_clock.h"
#include "memory/experiment/thresholds.h"

namespace isotach::memory {
namespace {

struct Part {
  std::int64_t from_ns = 0;
  std::int64_t to_ns = 0;
};

std::optional<std::int64_t> mark_time(const MemoryRun& run, std::string_view text) {
  for (const ProgramMark& mark : run.marks)
    if (mark.text == text) return mark.time_ns;
  return std::nullopt;
}

// Between the start and the end of the program proper, where it says so.
Part judged_part(const MemoryRun& run, const Curve& curve) {
  const std::int64_t last_ns = curve.back().time_ns;
  const std::int64_t first_ns = std::clamp(run.program_ns.value_or(0), curve.front().time_ns, last_ns);
  const std::int64_t length_ns = last_ns - first_ns;
  // A loader and an interpreter take some tens of ms; of a short run they may not take more than a quarter.
  constexpr std::int64_t kUsualStartNs = 100'000'000;
  Part part{first_ns + std::min(length_ns / 4, std::max(kUsualStartNs, length_ns / 20)), last_ns};
  if (const auto start = mark_time(run, "start")) part.from_ns = *start;
  for (const char* text : {"exit", "end"})
    if (const auto end = mark_time(run, text)) part.to_ns = *end;
  part.from_ns = std::clamp(part.from_ns, curve.front().time_ns, last_ns);
  part.to_ns = std::clamp(part.to_ns, part.from_ns, last_ns);
  return part;
}

// A program that ends gives its memory back piece by piece. A fall that goes on until the curve ends, with
// no time spent at its bottom, is that end and no deed of the program.
void cut_off_end(const MemoryRun& run, Curve& curve, double least_bytes) {
  if (mark_time(run, "exit") || mark_time(run, "end")) return;
  // An interpreter takes some 20 ms for what it frees last.
  constexpr std::int64_t kStepNs = 100'000'000;
  std::size_t start = curve.size() - 1;
  for (std::size_t earlier = start; start > 0; start = earlier) {
    while (earlier > 0 && curve[start].time_ns - curve[earlier].time_ns < kStepNs) --earlier;
    if (curve[earlier].bytes < curve[start].bytes + 0.05 * least_bytes) break;
  }
  if (curve[start].bytes - curve.back().bytes < least_bytes) return;
  // The step was wider than the fall: what it covers of the level before stays.
  const double level = curve[start].bytes - 0.05 * least_bytes;
  while (start + 1 < curve.size() && curve[start + 1].bytes >= level) ++start;
  curve.resize(start + 1);
}

const MemorySample* sample_at(const MemoryRun& run, std::int64_t time_ns) {
  for (const MemorySample& sample : run.samples)
    if (sample.time_ns >= time_ns) return &sample;
  return nullptr;
}

// Growth of a counter; one that starts again from zero (another program behind the same number) counts
// from there.
std::optional<double> growth_of_faults(const MemoryRun& run, const Part& part) {
  double total = 0;
  std::optional<double> before;
  bool any = false;
  for (const MemorySample& sample : run.samples) {
    if (!sample.minor_faults || !std::isfinite(*sample.minor_faults)) continue;
    if (sample.time_ns < part.from_ns || sample.time_ns > part.to_ns) continue;
    if (before) {
      total += *sample.minor_faults >= *before ? *sample.minor_faults - *before : *sample.minor_faults;
      any = true;
    }
    before = *sample.minor_faults;
  }
  return any ? std::optional(total) : std::nullopt;
}

std::optional<double> share_of(std::optional<double> part, std::optional<double> whole) {
  if (!part || !whole || !(*whole > 0)) return std::nullopt;
  return *part / *whole;
}

void measure_return(const Curve& curve, const std::vector<Turn>& turns, CurveNumbers& numbers) {
  // The last high and the low before it: what the last rise brought.
  const auto high = std::find_if(turns.rbegin(), turns.rend(), [](const Turn& turn) { return turn.high; });
  if (high == turns.rend()) return;
  const double low = high + 1 != turns.rend() ? (high + 1)->bytes : numbers.base_bytes;
  const double rise = high->bytes - low;
  if (!(rise > 0)) return;
  numbers.returned_share = std::clamp((high->bytes - numbers.end_bytes) / rise, 0.0, 1.0);
  const double fall = high->bytes - numbers.end_bytes;
  std::int64_t start_ns = high->time_ns;
  for (const CurvePoint& point : curve) {
    if (point.time_ns < high->time_ns) continue;
    if (point.bytes >= high->bytes - 0.1 * fall) start_ns = point.time_ns;
    if (point.bytes > high->bytes - 0.9 * fall) continue;
    numbers.return_ns = point.time_ns - start_ns;
    break;
  }
}

CurveNumbers numbers_of(const MemoryRun& run, const Curve& curve, const std::vector<Turn>& turns) {
  CurveNumbers numbers;
  numbers.samples = curve.size();
  numbers.from_ns = curve.front().time_ns;
  numbers.to_ns = curve.back().time_ns;
  numbers.base_bytes = numbers.peak_bytes = curve.front().bytes;
  numbers.peak_ns = curve.front().time_ns;
  for (const CurvePoint& point : curve) {
    numbers.base_bytes = std::min(numbers.base_bytes, point.bytes);
    if (point.bytes <= numbers.peak_bytes) continue;
    numbers.peak_bytes = point.bytes;
    numbers.peak_ns = point.time_ns;
  }
  const std::int64_t length_ns = std::max<std::int64_t>(1, numbers.to_ns - numbers.from_ns);
  numbers.end_bytes = median_between(curve, numbers.to_ns - length_ns / 20, numbers.to_ns);
  for (std::size_t i = 0; i < turns.size(); ++i) {
    if (turns[i].high) ++numbers.teeth;
    if (turns[i].high && i + 1 < turns.size()) ++numbers.falls;
  }
  measure_return(curve, turns, numbers);
  const double top = numbers.base_bytes + 0.95 * (numbers.peak_bytes - numbers.base_bytes);
  for (const CurvePoint& point : curve) {
    if (point.bytes < top) continue;
    numbers.growth_share =
        static_cast<double>(point.time_ns - numbers.from_ns) / static_cast<double>(length_ns);
    break;
  }
  numbers.faults = growth_of_faults(run, {numbers.from_ns, numbers.to_ns});
  const double growth = numbers.peak_bytes - numbers.base_bytes;
  if (numbers.faults && growth > 0) numbers.churn = *numbers.faults * run.page_bytes / growth;
  if (const MemorySample* peak = sample_at(run, numbers.peak_ns)) {
    numbers.heap_share = share_of(peak->heap_bytes, peak->resident_bytes);
    numbers.anonymous_share = share_of(peak->anonymous_bytes, peak->resident_bytes);
  }
  for (const MemorySample& sample : run.samples)
    if (sample.lazy_free_bytes && sample.time_ns <= numbers.to_ns)
      numbers.lazy_free_bytes = sample.lazy_free_bytes;
  return numbers;
}

// Whether the lows of a sawtooth rise from tooth to tooth, by a good part of the range.
bool has_rising_floor(const std::vector<Turn>& turns, double range) {
  std::vector<double> lows;
  for (const Turn& turn : turns)
    if (!turn.high) lows.push_back(turn.bytes);
  if (lows.size() < 4) return false;
  // Where the curve begins is no low of the program's: it may lie on the way up to the first high.
  lows[0] = std::min(lows[0], lows[1]);
  // One low in ten may be missed by samples that came late; the next then looks like a decline.
  std::size_t declines = 0;
  for (std::size_t i = 1; i < lows.size(); ++i)
    if (lows[i] < lows[i - 1] - 0.05 * range) ++declines;
  if (declines * 10 > lows.size()) return false;
  return lows.back() - lows.front() >= kRisingFloorShare * range;
}

bool has_many_steps(const Curve& curve, double range) {
  const Staircase fine = staircase_of(curve, 200, 3);
  std::vector<double> steps;
  for (const Rise& rise : fine.rises)
    if (rise.bytes >= 0.02 * range) steps.push_back(rise.bytes);
  if (steps.size() < kLeakSteps || fine.level_share < kLeakPauseShare) return false;
  std::sort(steps.begin(), steps.end());
  return steps.back() <= 3 * steps[steps.size() / 2];
}

std::size_t step_count(const Curve& curve, double range) {
  constexpr std::size_t kBins = 50;
  const auto pause = static_cast<std::size_t>(std::ceil(kStepPauseShare * kBins));
  std::size_t steps = 0;
  for (const Rise& rise : staircase_of(curve, kBins, pause).rises)
    if (rise.bytes >= kStepShare * range) ++steps;
  return steps;
}

// Level from the first fifth of the time on, whatever happened before.
bool is_settled(const Curve& curve, const CurveNumbers& numbers) {
  const std::int64_t length_ns = numbers.to_ns - numbers.from_ns;
  const auto start_ns =
      numbers.from_ns + static_cast<std::int64_t>(kStartShare * static_cast<double>(length_ns));
  double least = numbers.peak_bytes;
  double most = 0;
  for (const CurvePoint& point : part_of(curve, start_ns, numbers.to_ns)) {
    least = std::min(least, point.bytes);
    most = std::max(most, point.bytes);
  }
  return most - least < std::max(kLeastGrowthBytes, kLeastGrowthShare * most);
}

Verdict shape_of(const Curve& curve, const std::vector<Turn>& turns, const CurveNumbers& numbers) {
  const double range = numbers.peak_bytes - numbers.base_bytes;
  if (range < std::max(kLeastGrowthBytes, kLeastGrowthShare * numbers.peak_bytes)) return Verdict::steady;
  if (is_settled(curve, numbers)) return Verdict::steady;
  if (numbers.teeth >= 2) return has_rising_floor(turns, range) ? Verdict::leak_like : Verdict::sawtooth;
  if (numbers.falls == 1)
    return numbers.returned_share >= kReturnedShare ? Verdict::peak : Verdict::cannot_tell;
  if (has_many_steps(curve, range)) return Verdict::leak_like;
  if (step_count(curve, range) >= 2) return Verdict::steps;
  if (numbers.growth_share <= 1 - kLevelShare) return Verdict::plateau;
  return numbers.churn && *numbers.churn >= kLeakChurn ? Verdict::leak_like : Verdict::ramp;
}

// Of the process that held most at its end: a shell around it, or its helpers, say less.
void take_facts(const MemoryRun& run, MemoryVerdict& verdict) {
  for (const ProgramFacts& facts : run.facts) {
    if (facts.when != ProgramFacts::When::before) continue;
    if (!verdict.before || facts.resident_bytes.value_or(0) > verdict.before->resident_bytes.value_or(0))
      verdict.before = facts;
  }
  if (!verdict.before) return;
  for (const ProgramFacts& facts : run.facts)
    if (facts.when == ProgramFacts::When::after && facts.pid == verdict.before->pid) verdict.after = facts;
  if (const auto free = verdict.before->free_bytes()) verdict.free_bytes = static_cast<double>(*free);
  if (!verdict.after) return;
  const auto used_before = verdict.before->used_bytes();
  const auto used_after = verdict.after->used_bytes();
  if (!used_before || !used_after) return;
  verdict.live_bytes = static_cast<double>(*used_after);
  verdict.cycle_bytes = *used_before > *used_after ? static_cast<double>(*used_before - *used_after) : 0;
}

Verdict verdict_of(const MemoryVerdict& judged) {
  if (judged.shape == Verdict::sawtooth || judged.shape == Verdict::leak_like) return judged.shape;
  if (judged.before) {
    const auto resident = static_cast<double>(judged.before->resident_bytes.value_or(0));
    const double bound = std::max(kLeastFactsBytes, kFactsShare * resident);
    if (judged.cycle_bytes.value_or(0) >= bound) return Verdict::kept_by_cycle;
    if (resident > 0 && std::min(judged.free_bytes.value_or(0), resident) >= bound)
      return Verdict::freed_but_kept;
  }
  const double lazy = judged.numbers.lazy_free_bytes.value_or(0);
  if (lazy >= std::max(kLeastFactsBytes, kFactsShare * judged.numbers.end_bytes))
    return Verdict::freed_but_kept;
  return judged.shape;
}

MemoryVerdict judge_on_own_clock(const MemoryRun& run) {
  MemoryVerdict judged;
  take_facts(run, judged);
  const Curve all = footprint_of(run.samples);
  const Part part = all.empty() ? Part{} : judged_part(run, all);
  Curve curve = part_of(all, part.from_ns, part.to_ns);
  if (curve.size() < kLeastSamples || curve.back().time_ns - curve.front().time_ns < kLeastDurationNs) {
    if (!all.empty()) judged.numbers = numbers_of(run, all, {});
    return judged;
  }
  const auto [least, most] = std::minmax_element(
      curve.begin(), curve.end(), [](const CurvePoint& a, const CurvePoint& b) { return a.bytes < b.bytes; });
  const double turn = std::max(kTurnShare * (most->bytes - least->bytes), kLeastFactsBytes);
  cut_off_end(run, curve, turn);
  judged.turns = turns_of(curve, turn);
  judged.numbers = numbers_of(run, curve, judged.turns);
  judged.shape = shape_of(curve, judged.turns, judged.numbers);
  judged.verdict = verdict_of(judged);
  return judged;
}

}  // namespace

std::string_view verdict_key(Verdict verdict) {
  switch (verdict) {
    case Verdict::too_short:
      return "too_short";
    case Verdict::cannot_tell:
      return "cannot_tell";
    case Verdict::steady:
      return "steady";
    case Verdict::ramp:
      return "ramp";
    case Verdict::plateau:
      return "plateau";
    case Verdict::steps:
      return "steps";
    case Verdict::peak:
      return "peak";
    case Verdict::sawtooth:
      return "sawtooth";
    case Verdict::leak_like:
      return "leak_like";
    case Verdict::freed_but_kept:
      return "freed_but_kept";
    case Verdict::kept_by_cycle:
      break;
  }
  return "kept_by_cycle";
}

std::string_view verdict_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::too_short:
      return "too short to tell";
    case Verdict::cannot_tell:
      return "partly freed";
    case Verdict::leak_like:
      return "leak-like";
    case Verdict::freed_but_kept:
      return "freed but kept";
    case Verdict::kept_by_cycle:
      return "kept by a reference cycle";
    default:
      return verdict_key(verdict);
  }
}

MemoryVerdict judge(const MemoryRun& run) {
  const RunClock clock(run.samples);
  MemoryVerdict judged = judge_on_own_clock(on_own_clock(run, clock));
  // What people compare with a picture or a watch is in the time that passed.
  for (std::int64_t* time_ns : {&judged.numbers.from_ns, &judged.numbers.to_ns, &judged.numbers.peak_ns})
    *time_ns = clock.passed_ns(*time_ns);
  for (Turn& turn : judged.turns) turn.time_ns = clock.passed_ns(turn.time_ns);
  explain(run, judged);
  return judged;
}

}  // namespace isotach::memory

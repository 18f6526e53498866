#include "memory/experiment/phases.h"

#include <algorithm>

#include "memory/experiment/run_clock.h"
#include "memory/experiment/thresholds.h"

namespace isotach::memory {
namespace {

constexpr std::string_view kBegin = "begin ";
constexpr std::string_view kEnd = "end ";

void judge_phase(const Curve& curve, std::int64_t next_ns, Phase& phase) {
  phase.before_bytes = level_at(curve, phase.from_ns);
  phase.peak_bytes = std::max(level_at(curve, phase.from_ns), level_at(curve, phase.to_ns));
  // The function frees what it held while it returns, which may be before the mark of its end.
  for (const CurvePoint& point : part_of(curve, phase.from_ns, phase.to_ns))
    phase.peak_bytes = std::max(phase.peak_bytes, point.bytes);
  const Curve rest = part_of(curve, phase.to_ns, next_ns);
  if (rest.size() < 3) return;
  // The last third of what follows: by then all has happened that will.
  phase.after_bytes = median_between(rest, next_ns - (next_ns - phase.to_ns) / 3, next_ns);
  const double taken = phase.peak_bytes - phase.before_bytes;
  const double fallen = phase.before_bytes - phase.after_bytes;
  if (taken < kLeastFactsBytes) {
    phase.fate = fallen >= kLeastGrowthBytes ? Fate::gave_back : Fate::nothing;
    return;
  }
  const double returned = (phase.peak_bytes - phase.after_bytes) / taken;
  if (returned < 1 - kReturnedShare) {
    phase.fate = Fate::kept;
  } else if (returned < kReturnedShare) {
    phase.fate = Fate::partly;
  } else {
    const double bound = phase.peak_bytes - kReturnedShare * taken;
    for (const CurvePoint& point : rest) {
      if (point.bytes > bound) continue;
      phase.freed_after_ns = point.time_ns - phase.to_ns;
      break;
    }
    phase.fate =
        phase.freed_after_ns && *phase.freed_after_ns <= kAtOnceNs ? Fate::freed_at_once : Fate::freed;
  }
}

std::vector<Phase> phases_on_own_clock(const MemoryRun& run) {
  std::vector<Phase> phases;
  std::optional<Phase> open;
  for (const ProgramMark& mark : run.marks) {
    const std::string_view text = mark.text;
    if (text.starts_with(kBegin) && !open) {
      open = Phase{};
      open->name = std::string(text.substr(kBegin.size()));
      open->from_ns = mark.time_ns;
    } else if (text.starts_with(kEnd) && open && text.substr(kEnd.size()) == open->name) {
      open->to_ns = std::max(mark.time_ns, open->from_ns);
      if (phases.size() < kPhaseLimit) phases.push_back(*open);
      open.reset();
    }
  }
  const Curve curve = footprint_of(run.samples);
  if (curve.empty()) return phases;
  std::int64_t end_ns = curve.back().time_ns;
  for (const ProgramMark& mark : run.marks)
    if (mark.text == "exit" || mark.text == "end") end_ns = std::min(end_ns, mark.time_ns);
  for (std::size_t i = 0; i < phases.size(); ++i)
    judge_phase(curve, i + 1 < phases.size() ? phases[i + 1].from_ns : end_ns, phases[i]);
  return phases;
}

}  // namespace

std::string_view fate_text(Fate fate) {
  switch (fate) {
    case Fate::unknown:
      return "unknown";
    case Fate::nothing:
      return "took nothing";
    case Fate::freed_at_once:
      return "freed at once";
    case Fate::freed:
      return "freed later";
    case Fate::partly:
      return "partly freed";
    case Fate::kept:
      return "kept";
    case Fate::gave_back:
      break;
  }
  return "gave memory back";
}

std::vector<Phase> phases_of(const MemoryRun& run) {
  const RunClock clock(run.samples);
  std::vector<Phase> phases = phases_on_own_clock(on_own_clock(run, clock));
  for (Phase& phase : phases)
    for (std::int64_t* time_ns : {&phase.from_ns, &phase.to_ns}) *time_ns = clock.passed_ns(*time_ns);
  return phases;
}

}  // namespace isotach::memory

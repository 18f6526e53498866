#include "memory/experiment/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "memory/experiment/thresholds.h"

namespace isotach::memory {
namespace {

std::string time_text(std::int64_t time_ns) {
  return format_duration_ns(static_cast<double>(time_ns));
}

std::string percent(double share) {
  return fmt::format("{:.0f} %", share * 100);
}

std::string growth_text(const CurveNumbers& numbers) {
  return fmt::format("from {} to {}", format_bytes(numbers.base_bytes), format_bytes(numbers.peak_bytes));
}

std::string return_text(const CurveNumbers& numbers) {
  return numbers.return_ns <= kAtOnceNs ? std::string("at once") : "within " + time_text(numbers.return_ns);
}

std::string summary_of_shape(const MemoryVerdict& judged) {
  const CurveNumbers& numbers = judged.numbers;
  switch (judged.shape) {
    case Verdict::too_short:
      return fmt::format("{} samples in {} show no shape.", numbers.samples,
                         time_text(numbers.to_ns - numbers.from_ns));
    case Verdict::steady:
      if (numbers.peak_bytes - numbers.end_bytes <
          std::max(kLeastGrowthBytes, kLeastGrowthShare * numbers.peak_bytes))
        return fmt::format("It stayed at about {}.", format_bytes(numbers.end_bytes));
      return fmt::format("It reached {} at its start, and then stayed at about {}.",
                         format_bytes(numbers.peak_bytes), format_bytes(numbers.end_bytes));
    case Verdict::ramp:
      return fmt::format("It grew {}, until it ended.", growth_text(numbers));
    case Verdict::plateau:
      return fmt::format("It grew {} in the first {} of its time, then stayed.", growth_text(numbers),
                         percent(numbers.growth_share));
    case Verdict::steps:
      return fmt::format("It grew {} in steps, with pauses between, and gave nothing back.",
                         growth_text(numbers));
    case Verdict::peak:
      return fmt::format("It grew {} and gave {} of that back {}.", growth_text(numbers),
                         percent(numbers.returned_share), return_text(numbers));
    case Verdict::sawtooth:
      return fmt::format("It grew and gave back {} times, between {} and {}.", numbers.teeth,
                         format_bytes(numbers.base_bytes), format_bytes(numbers.peak_bytes));
    case Verdict::leak_like:
      return fmt::format("It kept growing, {}, while it did the same work again and again.",
                         growth_text(numbers));
    default:
      return fmt::format("It grew {} and gave only {} of that back: {} stayed.", growth_text(numbers),
                         percent(numbers.returned_share), format_bytes(numbers.end_bytes));
  }
}

void explain_verdict(const MemoryVerdict& judged, std::vector<std::string>& reasons) {
  const CurveNumbers& numbers = judged.numbers;
  switch (judged.verdict) {
    case Verdict::kept_by_cycle:
      reasons.push_back(fmt::format(
          "When the program ended, its cycle collector freed {}: objects that only referred to each other.{}",
          format_bytes(*judged.cycle_bytes),
          judged.before->gc_enabled.value_or(true) ? " Nothing had set it off before."
                                                   : " It had been switched off."));
      break;
    case Verdict::freed_but_kept:
      if (judged.free_bytes.value_or(0) > numbers.lazy_free_bytes.value_or(0)) {
        reasons.push_back(
            fmt::format("When the program ended, its allocators held {} as free memory: freed by the "
                        "program, not given back to the kernel.",
                        format_bytes(*judged.free_bytes)));
      } else {
        reasons.push_back(
            fmt::format("{} are LazyFree: given back by the program, not yet taken by the kernel.",
                        format_bytes(*numbers.lazy_free_bytes)));
      }
      break;
    case Verdict::leak_like:
      if (numbers.teeth >= 2) {
        reasons.push_back(
            fmt::format("It gave memory back {} times, but each time less: the lows rose.", numbers.falls));
      } else if (numbers.churn.value_or(0) >= kLeakChurn) {
        reasons.push_back(
            fmt::format("It took {:.1f} times what it kept: most was used and given back, a part never.",
                        *numbers.churn));
      } else {
        reasons.push_back("It grew in many steps of about one size, with pauses between them.");
      }
      break;
    case Verdict::ramp:
    case Verdict::plateau:
    case Verdict::steps:
      if (numbers.churn && *numbers.churn < 1.5)
        reasons.push_back(
            fmt::format("Its minor faults took {:.2f} times what it kept: nearly every page that was touched "
                        "first stayed.",
                        *numbers.churn));
      break;
    default:
      break;
  }
}

void add_numbers(const MemoryRun& run, const MemoryVerdict& judged, std::vector<std::string>& reasons) {
  const CurveNumbers& numbers = judged.numbers;
  if (run.peak_bytes && *run.peak_bytes > numbers.peak_bytes * 1.05)
    reasons.push_back(fmt::format("The kernel saw a peak of {} that lasted less than a sample.",
                                  format_bytes(*run.peak_bytes)));
  if (numbers.anonymous_share && *numbers.anonymous_share < 0.5)
    reasons.push_back(
        fmt::format("Only {} of its memory at the peak was its own; the rest were mapped files.",
                    percent(*numbers.anonymous_share)));
  if (judged.verdict == Verdict::kept_by_cycle && judged.free_bytes && judged.after &&
      judged.after->resident_bytes &&
      static_cast<double>(*judged.after->resident_bytes) >
          0.7 * static_cast<double>(judged.before->resident_bytes.value_or(0)))
    reasons.push_back("Freed by the collector, it stayed with the allocator: resident memory did not fall.");
  if (judged.verdict != Verdict::kept_by_cycle && judged.live_bytes && judged.shape != Verdict::steady)
    reasons.push_back(fmt::format(
        "At its end {} were in use and {} free inside its allocators; the cycle collector freed {}.",
        format_bytes(*judged.live_bytes), format_bytes(judged.free_bytes.value_or(0)),
        format_bytes(judged.cycle_bytes.value_or(0))));
}

void advise(const MemoryRun& run, MemoryVerdict& judged) {
  const bool grew = judged.verdict == Verdict::ramp || judged.verdict == Verdict::plateau ||
                    judged.verdict == Verdict::steps || judged.verdict == Verdict::cannot_tell;
  if (judged.verdict == Verdict::too_short) {
    judged.advice.push_back("Let it run longer, or sample more often: --interval 10ms is the shortest.");
  } else if (grew && judged.before) {
    if (judged.verdict != Verdict::cannot_tell && judged.verdict != Verdict::plateau)
      judged.advice.push_back(
          "Whether it builds up or leaks shows in a second run with more work: a leak has no top.");
  } else if (grew && run.asked_python) {
    judged.advice.push_back(
        "The program said nothing of itself: it is no Python, was started with -I, -E or -S, or was ended by "
        "a signal.");
  } else if (grew) {
    judged.advice.push_back(
        "From outside it cannot be told whether what it keeps is in use, leaked, held by a reference cycle "
        "or free inside its allocator; a Python program can be asked: --python-gc.");
  }
}

}  // namespace

void explain(const MemoryRun& run, MemoryVerdict& judged) {
  judged.summary = summary_of_shape(judged);
  explain_verdict(judged, judged.reasons);
  if (judged.verdict != Verdict::too_short) add_numbers(run, judged, judged.reasons);
  advise(run, judged);
}

}  // namespace isotach::memory

#include "memory/experiment/lab.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "memory/experiment/thresholds.h"

namespace isotach::memory {
namespace {

std::string list_of(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
  return text;
}

const LabRun* find(const std::vector<LabRun>& runs, Language language, int number) {
  for (const LabRun& run : runs)
    if (run.language == language && run.number == number && run.judged.verdict != Verdict::too_short)
      return &run;
  return nullptr;
}

bool is_same(double a, double b) {
  return std::abs(a - b) <= kSameShare * std::max(a, b);
}

std::string growth_text(const LabRun& run) {
  return format_bytes(run.growth_bytes());
}

// Experiments of one language whose growth is the same, the smallest first.
LabAnswer groups_of(const std::vector<LabRun>& runs, Language language) {
  std::vector<const LabRun*> sorted;
  for (const LabRun& run : runs)
    if (run.language == language && run.judged.verdict != Verdict::too_short) sorted.push_back(&run);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const LabRun* a, const LabRun* b) { return a->growth_bytes() < b->growth_bytes(); });
  LabAnswer answer;
  answer.question = "Which experiments use the same memory?";
  answer.language = language;
  for (std::size_t i = 0; i < sorted.size();) {
    std::vector<int> numbers;
    std::size_t end = i;
    for (; end < sorted.size() && is_same(sorted[i]->growth_bytes(), sorted[end]->growth_bytes()); ++end)
      numbers.push_back(sorted[end]->number);
    std::sort(numbers.begin(), numbers.end());
    std::vector<std::string> words;
    for (const int number : numbers) words.push_back(std::to_string(number));
    const bool several = words.size() > 1;
    answer.answer.push_back(fmt::format("Experiment{} {} {} {} at the peak, above what {} with{}.",
                                        several ? "s" : "", list_of(words), several ? "need" : "needs",
                                        growth_text(*sorted[end - 1]), several ? "they start" : "it starts",
                                        several ? ": the same within 10 %" : ""));
    i = end;
  }
  return answer;
}

LabAnswer append_or_allocate(const LabRun& append, const LabRun& allocate) {
  LabAnswer answer;
  answer.question = "What is the difference between do_append and do_allocate?";
  answer.language = append.language;
  const bool same = is_same(append.growth_bytes(), allocate.growth_bytes());
  answer.answer.push_back(fmt::format(
      "Their peaks: {} for do_append, {} for do_allocate{}.", growth_text(append), growth_text(allocate),
      same ? ", which is the same" : ", which differ more than was expected"));
  answer.answer.push_back(
      append.language == Language::python
          ? "do_append starts from an empty list, which grows as it fills: its array of references is "
            "enlarged by about an eighth whenever it is full. do_allocate has the array from the start and "
            "only puts the strings into it. The array takes 8 bytes for each string of some 21 KiB, so that "
            "memory does not show the difference; the time for enlarging it shows only with small elements."
          : "do_append starts from an empty vector, which doubles when it is full and moves its elements; "
            "do_allocate has all of them from the start. The vector holds 32 bytes for each string of some "
            "21 KiB, so that memory does not show the difference.");
  const auto& a = append.judged.numbers;
  const auto& b = allocate.judged.numbers;
  if (a.faults && b.faults)
    answer.answer.push_back(
        fmt::format("Minor faults{}: {:.0f} and {:.0f}. Each is a page touched for the first time.",
                    is_same(*a.faults, *b.faults) ? " agree" : "", *a.faults, *b.faults));
  return answer;
}

LabAnswer dropped_or_kept(const LabRun& dropped, const LabRun& kept) {
  LabAnswer answer;
  answer.question = "Why does experiment 3 need less than experiment 4?";
  answer.language = dropped.language;
  const double ratio = dropped.growth_bytes() > 0 ? kept.growth_bytes() / dropped.growth_bytes() : 0;
  if (ratio < 1.5) {
    answer.answer.push_back(
        fmt::format("Here it does not: {} and {}. Look at the curves: the first list was not freed before "
                    "the second grew.",
                    growth_text(dropped), growth_text(kept)));
    return answer;
  }
  answer.answer.push_back(fmt::format("Experiment 3 needs {}, experiment 4 {}: {:.1f} times as much.",
                                      growth_text(dropped), growth_text(kept), ratio));
  if (!dropped.phases.empty() && dropped.phases.front().fate == Fate::freed_at_once) {
    const Phase& first = dropped.phases.front();
    answer.answer.push_back(fmt::format(
        "Nobody keeps what do_append returns, and its memory is back {} later: {} before, {} at most, {} "
        "after. The second list takes the place of the first.",
        format_duration_ns(static_cast<double>(std::max<std::int64_t>(0, *first.freed_after_ns))),
        format_bytes(first.before_bytes), format_bytes(first.peak_bytes), format_bytes(first.after_bytes)));
  } else if (!dropped.phases.empty() && dropped.phases.front().fate == Fate::kept) {
    const auto& faults = dropped.judged.numbers.faults;
    const auto& faults_kept = kept.judged.numbers.faults;
    answer.answer.push_back(
        fmt::format("Nobody keeps what do_append returns. Its memory was not given back to the kernel, {} "
                    "stayed; but the second list was put there{}.",
                    format_bytes(dropped.phases.front().after_bytes),
                    faults && faults_kept && *faults < 0.75 * *faults_kept
                        ? fmt::format(": {:.0f} page faults instead of {:.0f}", *faults, *faults_kept)
                        : std::string()));
  }
  answer.answer.push_back(
      dropped.language == Language::python
          ? "Python counts the references to each object and frees it when the last one goes; the garbage "
            "collector is not needed for that. In experiment 4 two variables still refer to the lists, so "
            "that both are there at once."
          : "The destructor of a vector that nobody keeps runs at the end of the statement; in experiment 4 "
            "two variables keep the vectors until the end of the function.");
  return answer;
}

LabAnswer made_equal(const LabRun& cycle, const LabRun& kept, const LabRun* collected) {
  LabAnswer answer;
  const bool python = cycle.language == Language::python;
  answer.question = "How can do_append be changed so that experiment 3 needs as much as experiment 4?";
  answer.language = cycle.language;
  const bool same = is_same(cycle.growth_bytes(), kept.growth_bytes());
  answer.answer.push_back(
      fmt::format("{} Measured (experiment 5): {}, against {} of experiment 4: {}.",
                  python ? "Let the list hold a reference to itself: items.append(items)."
                         : "Let the vector belong to an object that holds a shared_ptr to itself.",
                  growth_text(cycle), growth_text(kept), same ? "the same" : "not the same on this run"));
  answer.answer.push_back(
      python
          ? "The list still refers to itself when the function has returned: its count falls to 1 and stays "
            "there. Only the cycle collector finds it, and that runs when many containers were created since "
            "its last run; strings are no containers, so that here it does not run by itself."
          : "The count falls to 1 and stays there. C++ has no collector that would find it: such memory is "
            "lost until the program ends, and a weak_ptr is the cure.");
  if (cycle.judged.cycle_bytes && cycle.judged.verdict == Verdict::kept_by_cycle)
    answer.answer.push_back(fmt::format("At the end of experiment 5 the collector was run: it freed {}.",
                                        format_bytes(*cycle.judged.cycle_bytes)));
  if (collected != nullptr)
    answer.answer.push_back(fmt::format("{} in between (experiment 6) brings it back to {}.",
                                        python ? "gc.collect()" : "Breaking the cycle",
                                        growth_text(*collected)));
  return answer;
}

}  // namespace

std::string_view language_text(Language language) {
  return language == Language::python ? "Python" : "C++";
}
std::string_view language_key(Language language) {
  return language == Language::python ? "python" : "c++";
}

const std::vector<LabExperiment>& lab_experiments() {
  static const std::vector<LabExperiment> experiments = {
      {1, "append", "do_append alone", "A list grows from empty; the strings are appended."},
      {2, "allocate", "do_allocate alone",
       "A list has its size from the start; the same strings are assigned."},
      {3, "dropped", "both, results dropped", "First one, then the other; nobody keeps what they return."},
      {4, "kept", "both, results kept", "First one, then the other; two variables keep the lists."},
      {5, "cycle", "as 3, with a cycle", "As experiment 3, but the list of do_append contains itself."},
      {6, "collected", "as 5, collected", "As experiment 5, and the cycle is undone between the two calls."},
  };
  return experiments;
}

std::uint64_t list_bytes(std::uint64_t size) {
  // "some unique object " and the digits of the number, a thousand times each.
  constexpr std::uint64_t kWords = 19;
  constexpr std::uint64_t kTimes = 1000;
  std::uint64_t total = 0;
  std::uint64_t digits = 1;
  for (std::uint64_t first = 0, limit = 10; first < size; first = limit, limit *= 10, ++digits)
    total += (std::min(size, limit) - first) * (kWords + digits) * kTimes;
  return total;
}

std::uint64_t expected_bytes(int number, std::uint64_t size) {
  return list_bytes(size) * (number == 4 || number == 5 ? 2 : 1);
}

std::string outcome_of(const LabRun& run) {
  if (run.judged.verdict == Verdict::too_short) return std::string(verdict_text(run.judged.verdict));
  if (run.phases.empty()) return std::string(verdict_text(run.judged.verdict));
  const Fate first = run.phases.front().fate;
  if (first != Fate::kept) return std::string(fate_text(first));
  switch (run.number) {
    case 4:
      return "kept by a variable";
    case 5:
      return "kept by a cycle";
    case 6:
      return "kept until undone";
    default:
      // Nobody holds it any more: what remains is the allocator's, if that said so.
      return run.judged.verdict == Verdict::freed_but_kept ? "kept by the allocator" : "not given back";
  }
}

std::vector<LabAnswer> answers_of(const std::vector<LabRun>& runs) {
  std::vector<LabAnswer> answers;
  for (const Language language : {Language::python, Language::cpp}) {
    const auto run = [&](int number) { return find(runs, language, number); };
    const bool several = std::count_if(runs.begin(), runs.end(),
                                       [&](const LabRun& each) { return each.language == language; }) > 1;
    if (several) answers.push_back(groups_of(runs, language));
    if (run(1) != nullptr && run(2) != nullptr) answers.push_back(append_or_allocate(*run(1), *run(2)));
    if (run(3) != nullptr && run(4) != nullptr) answers.push_back(dropped_or_kept(*run(3), *run(4)));
    if (run(5) != nullptr && run(4) != nullptr) answers.push_back(made_equal(*run(5), *run(4), run(6)));
  }
  return answers;
}

}  // namespace isotach::memory

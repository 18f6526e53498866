#include "memory/experiment/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "memory/experiment/lab.h"
#include "memory/experiment/phases.h"
#include "memory/experiment/run_clock.h"

namespace isotach::memory {
namespace {

using testing::HasSubstr;

constexpr double kMiB = 1024.0 * 1024;
constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kStart = 5'000'000'000'000;  // the clock counts from boot

// A run of `seconds` whose resident memory is `bytes_at` of the time in seconds, sampled every 10 ms. Every
// page is touched once.
MemoryRun run_of(double seconds, const std::function<double(double)>& bytes_at) {
  MemoryRun run;
  double faults = 1000;
  double before = 0;
  for (int i = 0; i * 0.01 <= seconds; ++i) {
    MemorySample sample;
    sample.time_ns = kStart + i * 10 * kMs;
    sample.resident_bytes = bytes_at(i * 0.01);
    faults += std::max(0.0, *sample.resident_bytes - before) / 4096;
    before = *sample.resident_bytes;
    sample.minor_faults = faults;
    sample.heap_bytes = *sample.resident_bytes / 2;
    sample.anonymous_bytes = *sample.resident_bytes * 0.9;
    run.samples.push_back(sample);
  }
  return run;
}

double ramp(double time, double from, double to, double low, double high) {
  if (time <= from) return low;
  if (time >= to) return high;
  return low + (time - from) / (to - from) * (high - low);
}

Verdict verdict_of(double seconds, const std::function<double(double)>& bytes_at) {
  return judge(run_of(seconds, bytes_at)).verdict;
}

TEST(MemoryVerdict, KnowsTheShapes) {
  EXPECT_EQ(verdict_of(2, [](double) { return 50 * kMiB; }), Verdict::steady);
  EXPECT_EQ(verdict_of(2, [](double t) { return ramp(t, 0, 2, 14, 120) * kMiB; }), Verdict::ramp);
  EXPECT_EQ(verdict_of(2, [](double t) { return ramp(t, 0, 0.9, 14, 120) * kMiB; }), Verdict::plateau);
  EXPECT_EQ(verdict_of(2,
                       [](double t) {
                         return t < 1.2 ? ramp(t, 0.2, 0.6, 14, 80) * kMiB
                                        : ramp(t, 1.2, 1.6, 80, 150) * kMiB;
                       }),
            Verdict::steps);
  EXPECT_EQ(verdict_of(2, [](double t) { return t < 1 ? ramp(t, 0, 1, 14, 120) * kMiB : 15 * kMiB; }),
            Verdict::peak);
  EXPECT_EQ(verdict_of(2, [](double t) { return ramp(std::fmod(t, 0.5), 0, 0.45, 14, 120) * kMiB; }),
            Verdict::sawtooth);
  EXPECT_EQ(verdict_of(2, [](double t) { return t < 1 ? ramp(t, 0, 1, 14, 120) * kMiB : 60 * kMiB; }),
            Verdict::cannot_tell);
}

TEST(MemoryVerdict, AStartIsNoGrowth) {
  // Loaded within the first tenth, with a peak that only the loading needed.
  EXPECT_EQ(verdict_of(3, [](double t) { return t < 0.2 ? 200 * kMiB : 90 * kMiB; }), Verdict::steady);
  EXPECT_EQ(verdict_of(3, [](double t) { return ramp(t, 0, 0.3, 2, 90) * kMiB; }), Verdict::steady);
  // What an interpreter takes is below the bound, however the program goes on.
  EXPECT_EQ(verdict_of(2, [](double t) { return ramp(t, 0, 2, 5, 14) * kMiB; }), Verdict::steady);
}

TEST(MemoryVerdict, TheEndIsNoFall) {
  // The interpreter frees a long list while it ends.
  const auto bytes = [](double t) {
    return t < 1.9 ? ramp(t, 0, 1.9, 14, 120) * kMiB : ramp(t, 1.9, 2, 120, 14) * kMiB;
  };
  const MemoryVerdict judged = judge(run_of(2, bytes));
  EXPECT_EQ(judged.verdict, Verdict::ramp);
  EXPECT_NEAR(judged.numbers.end_bytes, 115 * kMiB, 6 * kMiB);
  // A fall at the start of a long level is not the end.
  EXPECT_EQ(verdict_of(3,
                       [](double t) {
                         return t < 1.5 ? ramp(t, 0, 1.5, 14, 120) * kMiB : t < 2.98 ? 14 * kMiB : 2 * kMiB;
                       }),
            Verdict::peak);
}

TEST(MemoryVerdict, LeaksLookLikeRepeatedWork) {
  // Lows that rise.
  EXPECT_EQ(verdict_of(3,
                       [](double t) {
                         const int request = static_cast<int>(t / 0.25);
                         return (14 + 5 * request + (std::fmod(t, 0.25) < 0.12 ? 40 : 0)) * kMiB;
                       }),
            Verdict::leak_like);
  // Judged from the middle of the first rise on: that is no low.
  EXPECT_EQ(verdict_of(3,
                       [](double t) {
                         if (t < 0.22) return ramp(t, 0.13, 0.2, 14, 54) * kMiB;
                         const int request = static_cast<int>(t / 0.25);
                         return (14 + 5 * request + (std::fmod(t, 0.25) < 0.12 ? 40 : 0)) * kMiB;
                       }),
            Verdict::leak_like);
  // Many steps of one size.
  EXPECT_EQ(verdict_of(3, [](double t) { return (20 + 5 * std::floor(t / 0.25)) * kMiB; }),
            Verdict::leak_like);
  // A ramp that takes much more than it keeps.
  MemoryRun run = run_of(2, [](double t) { return ramp(t, 0, 2, 14, 80) * kMiB; });
  for (MemorySample& sample : run.samples) *sample.minor_faults *= 5;
  EXPECT_EQ(judge(run).verdict, Verdict::leak_like);
  // Growing by doubling and copying takes up to twice.
  for (MemorySample& sample : run.samples) *sample.minor_faults *= 0.4;
  EXPECT_EQ(judge(run).verdict, Verdict::ramp);
}

TEST(MemoryVerdict, SwappedIsNotFreed) {
  MemoryRun run = run_of(2, [](double t) { return t < 1 ? ramp(t, 0, 1, 14, 120) * kMiB : 20 * kMiB; });
  for (MemorySample& sample : run.samples)
    sample.swap_bytes = sample.time_ns < kStart + 1000 * kMs ? 0 : 100 * kMiB;
  EXPECT_EQ(judge(run).verdict, Verdict::plateau);
}

ProgramFacts facts_of(ProgramFacts::When when, double resident, double used, double free) {
  ProgramFacts facts;
  facts.pid = 7;
  facts.when = when;
  facts.resident_bytes = static_cast<std::uint64_t>(resident * kMiB);
  facts.arena_bytes = static_cast<std::uint64_t>(free * kMiB);
  facts.small_used_bytes = 0;
  facts.malloc_used_bytes = static_cast<std::uint64_t>(used * kMiB);
  facts.malloc_free_bytes = 0;
  facts.gc_enabled = true;
  return facts;
}

TEST(MemoryVerdict, FactsTellCyclesFromPinnedMemory) {
  using When = ProgramFacts::When;
  MemoryRun run = run_of(2, [](double t) { return ramp(t, 0, 0.9, 14, 100) * kMiB; });
  run.facts = {facts_of(When::before, 100, 88, 0), facts_of(When::after, 14, 2, 0)};
  MemoryVerdict judged = judge(run);
  EXPECT_EQ(judged.verdict, Verdict::kept_by_cycle);
  EXPECT_EQ(judged.shape, Verdict::plateau);
  EXPECT_NEAR(*judged.cycle_bytes, 86 * kMiB, 1);
  EXPECT_THAT(judged.reasons.front(), HasSubstr("86 MiB"));

  run.facts = {facts_of(When::before, 100, 45, 45), facts_of(When::after, 100, 45, 45)};
  judged = judge(run);
  EXPECT_EQ(judged.verdict, Verdict::freed_but_kept);
  EXPECT_THAT(judged.reasons.front(), HasSubstr("45 MiB"));

  // All in use: the shape is all there is to say.
  run.facts = {facts_of(When::before, 100, 95, 2), facts_of(When::after, 100, 95, 2)};
  EXPECT_EQ(judge(run).verdict, Verdict::plateau);

  // A small helper does not speak for the program.
  ProgramFacts helper = facts_of(When::before, 12, 1, 30);
  helper.pid = 8;
  run.facts.push_back(helper);
  EXPECT_EQ(judge(run).verdict, Verdict::plateau);

  // Half an answer, from a Python whose small objects are unknown.
  run.facts = {facts_of(When::before, 100, 45, 45)};
  run.facts[0].small_used_bytes.reset();
  EXPECT_EQ(judge(run).verdict, Verdict::plateau);

  // Where the collector works, what it would free next is no cycle that is kept.
  MemoryRun teeth = run_of(2, [](double t) { return ramp(std::fmod(t, 0.5), 0, 0.45, 14, 120) * kMiB; });
  teeth.facts = {facts_of(When::before, 100, 88, 0), facts_of(When::after, 14, 2, 0)};
  EXPECT_EQ(judge(teeth).verdict, Verdict::sawtooth);
}

TEST(MemoryVerdict, LazilyFreedIsFreedButKept) {
  MemoryRun run = run_of(2, [](double t) { return ramp(t, 0, 0.9, 14, 100) * kMiB; });
  for (MemorySample& sample : run.samples) sample.lazy_free_bytes = 60 * kMiB;
  EXPECT_EQ(judge(run).verdict, Verdict::freed_but_kept);
}

TEST(MemoryVerdict, SaysWhatItCannotTell) {
  MemoryRun run = run_of(2, [](double t) { return ramp(t, 0, 0.9, 14, 100) * kMiB; });
  ASSERT_EQ(judge(run).advice.size(), 1u);
  EXPECT_THAT(judge(run).advice.front(), HasSubstr("--python-gc"));
  run.asked_python = true;
  EXPECT_THAT(judge(run).advice.front(), HasSubstr("said nothing"));
}

TEST(MemoryVerdict, HostileRunsAreTooShortOrSteady) {
  EXPECT_EQ(judge({}).verdict, Verdict::too_short);
  EXPECT_EQ(judge(run_of(0, [](double) { return kMiB; })).verdict, Verdict::too_short);
  // Vanished before anything could be read.
  MemoryRun missing = run_of(2, [](double) { return 50 * kMiB; });
  for (MemorySample& sample : missing.samples) sample.resident_bytes.reset();
  EXPECT_EQ(judge(missing).verdict, Verdict::too_short);
  // No numbers, and times that stand still or run backwards.
  MemoryRun broken = run_of(2, [](double) { return 50 * kMiB; });
  for (std::size_t i = 0; i < broken.samples.size(); i += 3) {
    broken.samples[i].resident_bytes = std::numeric_limits<double>::quiet_NaN();
    broken.samples[i].minor_faults = -std::numeric_limits<double>::infinity();
    broken.samples[i].swap_bytes = 1e300;
    broken.samples[i].time_ns -= 25 * kMs;
  }
  EXPECT_EQ(judge(broken).verdict, Verdict::steady);
  // Marks that leave nothing between them, or lie outside of all time.
  MemoryRun marked = run_of(2, [](double) { return 50 * kMiB; });
  marked.marks = {{std::numeric_limits<std::int64_t>::max(), "start"}, {0, "exit"}};
  EXPECT_EQ(judge(marked).verdict, Verdict::too_short);
  marked.program_ns = std::numeric_limits<std::int64_t>::min();
  static_cast<void>(judge(marked));
}

TEST(MemoryVerdict, CountersThatStartAgainAreCountedFromThere) {
  MemoryRun run = run_of(2, [](double t) { return ramp(t, 0, 2, 14, 80) * kMiB; });
  const double faults = *judge(run).numbers.faults;
  const double middle = *run.samples[100].minor_faults;
  for (std::size_t i = 100; i < run.samples.size(); ++i) *run.samples[i].minor_faults -= middle;
  EXPECT_NEAR(*judge(run).numbers.faults, faults, 200);
}

TEST(MemoryVerdict, JudgesOnlyTheProgramProper) {
  // A shell that needs nothing, then exec; before the mark an interpreter starts, after it one ends.
  MemoryRun run = run_of(3, [](double t) { return t < 0.8 ? 2 * kMiB : t < 2.5 ? 60 * kMiB : 5 * kMiB; });
  EXPECT_NE(judge(run).verdict, Verdict::steady);
  run.program_ns = kStart + 800 * kMs;
  run.marks = {{kStart + 850 * kMs, "start"}, {kStart + 2480 * kMs, "exit"}};
  EXPECT_EQ(judge(run).verdict, Verdict::steady);
}

TEST(MemoryVerdict, TimeWithoutACpuDoesNotCount) {
  // The interpreter ends while the machine is busy: half a second at the bottom, nearly all of it waiting.
  MemoryRun run = run_of(2.5, [](double t) { return t < 2 ? ramp(t, 0, 2, 14, 120) * kMiB : 14 * kMiB; });
  EXPECT_EQ(judge(run).verdict, Verdict::peak);
  for (MemorySample& sample : run.samples)
    sample.cpu_wait_ns =
        std::max<double>(0, 0.95 * static_cast<double>(sample.time_ns - kStart - 2000 * kMs));
  const MemoryVerdict judged = judge(run);
  EXPECT_EQ(judged.verdict, Verdict::ramp);
  EXPECT_NEAR(static_cast<double>(judged.numbers.peak_ns - kStart), 1990e6, 20e6);
}

TEST(RunClock, GoesBothWaysAndAlwaysForward) {
  MemoryRun run = run_of(1, [](double) { return kMiB; });
  for (std::size_t i = 0; i < run.samples.size(); ++i) {
    // Also waiting more than the time that passed, and a counter that starts again.
    run.samples[i].cpu_wait_ns = i < 50   ? 8e6 * static_cast<double>(i)
                                 : i < 70 ? 1e12 * static_cast<double>(i)
                                          : 0;
  }
  const RunClock clock(run.samples);
  std::int64_t before = std::numeric_limits<std::int64_t>::min();
  for (const MemorySample& sample : run.samples) {
    EXPECT_GT(clock.own_ns(sample.time_ns), before);
    before = clock.own_ns(sample.time_ns);
    EXPECT_NEAR(static_cast<double>(clock.passed_ns(before) - sample.time_ns), 0, 1000);
  }
  EXPECT_EQ(clock.own_ns(kStart - 5), kStart - 5);
  EXPECT_EQ(clock.own_ns(kStart + 20 * kMs) - kStart, 4 * kMs);
  EXPECT_EQ(RunClock({}).own_ns(7), 7);
  static_cast<void>(clock.own_ns(std::numeric_limits<std::int64_t>::max()));
  static_cast<void>(clock.passed_ns(std::numeric_limits<std::int64_t>::min()));
}

TEST(MemoryCurve, TurnsAreHighsAndLowsInTurn) {
  Curve curve;
  for (int i = 0; i < 100; ++i) curve.push_back({i, i % 20 < 10 ? 1.0 * (i % 20) : 20.0 - i % 20});
  const std::vector<Turn> turns = turns_of(curve, 5);
  ASSERT_GE(turns.size(), 10u);
  for (std::size_t i = 0; i < turns.size(); ++i) {
    EXPECT_EQ(turns[i].high, i % 2 == 1);
    EXPECT_EQ(turns[i].bytes, i % 2 == 1 ? 10 : i + 1 == turns.size() ? turns[i].bytes : 0) << i;
  }
  EXPECT_EQ(turns_of(curve, 50).size(), 1u);
  EXPECT_TRUE(turns_of({}, 1).empty());
}

MemoryRun lab_run_of(bool kept) {
  MemoryRun run = run_of(2, [kept](double t) {
    const double first = t < 1 ? ramp(t, 0.2, 0.7, 0, 80) : kept ? 80 : 0;
    const double shown = t > 0.7 && !kept && t < 1 ? 0 : first;
    return (14 + shown + (t < 1.6 || kept ? ramp(t, 1.1, 1.6, 0, 80) : 0)) * kMiB;
  });
  run.marks = {{kStart + 200 * kMs, "begin do_append"},
               {kStart + 705 * kMs, "end do_append"},
               {kStart + 1100 * kMs, "begin do_allocate"},
               {kStart + 1605 * kMs, "end do_allocate"}};
  return run;
}

TEST(MemoryPhases, SayWhatBecameOfThem) {
  const auto dropped = phases_of(lab_run_of(false));
  ASSERT_EQ(dropped.size(), 2u);
  EXPECT_EQ(dropped[0].name, "do_append");
  EXPECT_EQ(dropped[0].fate, Fate::freed_at_once);
  EXPECT_NEAR(dropped[0].peak_bytes, 94 * kMiB, 2 * kMiB);
  EXPECT_NEAR(dropped[0].after_bytes, 14 * kMiB, kMiB);
  const auto kept = phases_of(lab_run_of(true));
  EXPECT_EQ(kept[0].fate, Fate::kept);
  EXPECT_EQ(kept[1].fate, Fate::kept);
}

TEST(MemoryPhases, UnbalancedMarksAreLeftOut) {
  MemoryRun run = lab_run_of(false);
  run.marks = {{kStart, "end x"},           {kStart + kMs, "begin a"},   {kStart + 2 * kMs, "begin b"},
               {kStart + 3 * kMs, "end b"}, {kStart - 5 * kMs, "end a"}, {kStart, "begin c"}};
  const auto phases = phases_of(run);
  ASSERT_EQ(phases.size(), 1u);
  EXPECT_EQ(phases[0].name, "a");
  EXPECT_LE(phases[0].from_ns, phases[0].to_ns);
  run.samples.clear();
  EXPECT_EQ(phases_of(run)[0].fate, Fate::unknown);
}

LabRun lab(int number, bool kept) {
  LabRun run;
  run.number = number;
  const MemoryRun measured = lab_run_of(kept);
  run.judged = judge(measured);
  run.phases = phases_of(measured);
  return run;
}

TEST(Lab, AnswersFollowTheNumbers) {
  const auto answers =
      answers_of({lab(1, false), lab(2, false), lab(3, false), lab(4, true), lab(5, true), lab(6, false)});
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_THAT(answers[0].answer[0], HasSubstr("Experiments 1, 2, 3 and 6 need"));
  EXPECT_THAT(answers[0].answer[1], HasSubstr("Experiments 4 and 5 need"));
  EXPECT_THAT(answers[2].answer[0], HasSubstr("2.0 times as much"));
  EXPECT_THAT(answers[3].answer[0], HasSubstr("the same."));

  // It keeps the first list's memory, and the second finds room there.
  LabRun reused = lab(3, true);
  reused.judged.numbers.peak_bytes -= 80 * kMiB;
  reused.judged.numbers.faults = 100;
  EXPECT_THAT(answers_of({reused, lab(4, true)})[1].answer[1], HasSubstr("100 page faults instead of"));

  // An allocator that keeps everything: the answer must not claim the usual.
  const auto odd = answers_of({lab(3, true), lab(4, true), lab(5, false)});
  EXPECT_THAT(odd[1].answer[0], HasSubstr("Here it does not"));
  EXPECT_THAT(odd[2].answer[0], HasSubstr("not the same"));
  EXPECT_TRUE(answers_of({}).empty());
}

TEST(Lab, NamesWhoKeepsTheFirstList) {
  EXPECT_EQ(outcome_of(lab(3, false)), "freed at once");
  EXPECT_EQ(outcome_of(lab(4, true)), "kept by a variable");
  EXPECT_EQ(outcome_of(lab(5, true)), "kept by a cycle");
  EXPECT_EQ(outcome_of(lab(3, true)), "not given back");
  LabRun allocator = lab(3, true);
  allocator.judged.verdict = Verdict::freed_but_kept;
  EXPECT_EQ(outcome_of(allocator), "kept by the allocator");
  EXPECT_EQ(outcome_of({}), "too short to tell");
}

TEST(Lab, KnowsTheSizeOfItsLists) {
  // Against the sum over every string: 19 characters and the digits, a thousand times.
  std::uint64_t sum = 0;
  for (int i = 0; i < 12345; ++i) sum += (19 + std::to_string(i).size()) * 1000;
  EXPECT_EQ(list_bytes(12345), sum);
  EXPECT_EQ(list_bytes(0), 0u);
  EXPECT_EQ(expected_bytes(4, 10), 2 * list_bytes(10));
}

TEST(ProgramLine, IsReadStrictly) {
  const ProgramLine mark = parse_program_line("mark 123 begin do_append");
  ASSERT_TRUE(mark.mark);
  EXPECT_EQ(mark.mark->time_ns, 123);
  EXPECT_EQ(mark.mark->text, "begin do_append");
  const ProgramLine facts = parse_program_line(
      "facts 5 pid=7 when=after found=3 arena_bytes=100 small_used_bytes=40 malloc_free_bytes=1 "
      "malloc_used_bytes=2 odd x=y");
  ASSERT_TRUE(facts.facts);
  EXPECT_EQ(facts.facts->when, ProgramFacts::When::after);
  EXPECT_EQ(facts.facts->used_bytes(), 42u);
  EXPECT_EQ(facts.facts->free_bytes(), 61u);
  for (const char* text : {"", "mark", "mark 1", "mark x y", "mark -1 y", "mark 99999999999999999999 y",
                           "facts 5", "facts 5 when=after", "facts 5 pid=99999999999", "hello"}) {
    const ProgramLine line = parse_program_line(text);
    EXPECT_FALSE(line.mark || line.facts) << text;
  }
  EXPECT_EQ(parse_program_line("mark 1 " + std::string(1000, 'x')).mark->text.size(), kMarkLimit);
  // More in use than there is, and sums that do not fit.
  ProgramFacts absurd;
  absurd.arena_bytes = 1;
  absurd.small_used_bytes = 2;
  absurd.malloc_free_bytes = 0;
  absurd.malloc_used_bytes = std::numeric_limits<std::uint64_t>::max();
  EXPECT_FALSE(absurd.free_bytes());
  EXPECT_FALSE(absurd.used_bytes());
}

}  // namespace
}  // namespace isotach::memory

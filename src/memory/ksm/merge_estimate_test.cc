#include "memory/ksm/merge_estimate.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace isotach::memory {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kZero = 0;

// So many contents with so many frames each.
struct Group {
  std::size_t contents;
  std::size_t frames;
};

struct Memory {
  std::string name;
  std::vector<Group> groups;
  std::size_t zeros = 0;
};

const std::vector<Memory>& memories() {
  static const std::vector<Memory> all = {
      {"all unique", {{30000, 1}}, 0},
      {"pairs", {{15000, 2}}, 0},
      {"half unique, half pairs", {{15000, 1}, {7500, 2}}, 0},
      {"groups of a thousand", {{30, 1000}}, 0},
      {"one content", {{1, 30000}}, 0},
      {"groups of 7 and unique", {{2000, 7}, {16000, 1}}, 500},
      {"zeros and unique", {{20000, 1}}, 10000},
      {"many sizes",
       {{9000, 1}, {2000, 2}, {900, 3}, {500, 5}, {200, 12}, {60, 40}, {9, 300}, {1, 4000}},
       900},
      {"few pages", {{20, 3}, {40, 1}}, 3},
  };
  return all;
}

std::vector<PageRecord> records_of(const Memory& memory) {
  std::vector<PageRecord> records;
  std::uint64_t content = 1;
  for (const Group& group : memory.groups)
    for (std::size_t i = 0; i < group.contents; ++i, ++content)
      for (std::size_t frame = 0; frame < group.frames; ++frame)
        records.push_back({content * 0x9e3779b97f4a7c15u | 1, 0, 0});
  for (std::size_t i = 0; i < memory.zeros; ++i) records.push_back({kZero, 0, 0});
  return records;
}

double freed_in(std::vector<PageRecord> records, const MergeWhatIf& what_if) {
  const ContentGroups groups(records, kZero);
  return static_cast<double>(merge_result(groups.summary(), what_if, kPage).freed_frames);
}

TEST(MergeEstimate, TheIntervalOfASampleHoldsTheTruthIn95Of100Trials) {
  constexpr int kTrials = 40;
  int held = 0;
  int tried = 0;
  for (const Memory& memory : memories()) {
    const std::vector<PageRecord> all = records_of(memory);
    for (const double part : {1.0 / 4, 1.0 / 16}) {
      const MergeWhatIf what_if{256, part < 0.1};
      const double truth = freed_in(all, what_if);
      int held_here = 0;
      for (int trial = 0; trial < kTrials / 2; ++trial, ++tried) {
        std::mt19937_64 random(static_cast<std::uint64_t>(trial) * 7919 + 17);
        std::bernoulli_distribution chosen(part);
        std::vector<PageRecord> sample;
        for (const PageRecord& record : all)
          if (chosen(random)) sample.push_back(record);
        const MergeEstimate estimate =
            estimate_from_sample(sample, kZero, part, all.size(), all.size(), what_if, kPage);
        if (estimate.freed_frames.low <= truth && truth <= estimate.freed_frames.high) ++held_here;
        EXPECT_LE(estimate.freed_frames.low, estimate.freed_frames.high);
      }
      held += held_here;
      EXPECT_GE(held_here, kTrials / 2 - 1) << memory.name << " 1/" << 1 / part << ", truth " << truth;
    }
  }
  EXPECT_GE(held * 100, tried * 95) << held << " of " << tried;
}

TEST(MergeEstimate, TheIntervalIsOfUse) {
  const double part = 1.0 / 16;
  std::mt19937_64 random(3);
  std::bernoulli_distribution chosen(part);
  const auto interval = [&](const Memory& memory) {
    const std::vector<PageRecord> all = records_of(memory);
    std::vector<PageRecord> sample;
    for (const PageRecord& record : all)
      if (chosen(random)) sample.push_back(record);
    return estimate_from_sample(sample, kZero, part, all.size(), all.size(), {}, kPage).freed_frames;
  };
  // Of 30000: nothing to gain stays nearly nothing, all to gain nearly all.
  EXPECT_LT(interval({"unique", {{30000, 1}}, 0}).high, 4000);
  EXPECT_GT(interval({"one", {{1, 30000}}, 0}).low, 28000);
  const Interval pairs = interval({"pairs", {{15000, 2}}, 0});
  EXPECT_GT(pairs.low, 2500);
  EXPECT_LT(pairs.high, 20000);
}

TEST(MergeEstimate, AWholeSampleIsExact) {
  std::vector<PageRecord> all = records_of(memories()[7]);
  const double truth = freed_in(all, {});
  const std::size_t size = all.size();
  const MergeEstimate estimate = estimate_from_sample(all, kZero, 1, size, size, {}, kPage);
  EXPECT_EQ(estimate.freed_frames.low, truth);
  EXPECT_EQ(estimate.freed_frames.high, truth);
  EXPECT_EQ(estimate.net_bytes.low, truth * 4096 - static_cast<double>(size) * 64);
}

TEST(MergeEstimate, NothingReadSaysNothing) {
  std::vector<PageRecord> none;
  const MergeEstimate estimate = estimate_from_sample(none, kZero, 1e-4, 1000, 1000, {}, kPage);
  EXPECT_EQ(estimate.freed_frames.low, 0);
  EXPECT_GT(estimate.freed_frames.high, 0);
  const MergeEstimate empty = estimate_from_sample(none, kZero, 0.1, 0, 0, {}, kPage);
  EXPECT_EQ(empty.freed_frames.high, 0);
}

TEST(MergeEstimate, TheIntervalOfChosenContentsHoldsTheTruth) {
  constexpr std::uint64_t kStep = 8;
  int held = 0;
  int tried = 0;
  for (const std::size_t number : {0u, 1u, 2u, 5u, 6u}) {
    const std::vector<PageRecord> all = records_of(memories()[number]);
    const double truth = freed_in(all, {});
    for (std::uint64_t trial = 0; trial < 20; ++trial, ++tried) {
      std::vector<PageRecord> kept;
      std::mt19937_64 random(trial);
      std::uint64_t last = kZero;
      bool keep = true;
      for (const PageRecord& record : all) {
        if (record.hash != last) keep = record.hash == kZero || random() % kStep == 0;
        last = record.hash;
        if (keep) kept.push_back(record);
      }
      const ContentGroups groups(kept, kZero);
      const Interval interval =
          estimate_from_contents(groups.summary(), kStep, all.size(), {}, kPage).freed_frames;
      if (interval.low <= truth + 0.5 && truth - 0.5 <= interval.high) ++held;
    }
  }
  EXPECT_GE(held * 100, tried * 95) << held << " of " << tried;
}

}  // namespace
}  // namespace isotach::memory

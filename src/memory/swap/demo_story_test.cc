#include "memory/swap/demo_story.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace isotach::memory {
namespace {

constexpr std::uint64_t kMi = 1 << 20;
constexpr std::int64_t kTenth = 100'000'000;

DemoSample sample(std::int64_t tenth, std::uint64_t free_mi, std::uint64_t swap_mi, std::uint64_t out_pages) {
  DemoSample result;
  result.time_ns = tenth * kTenth;
  result.free_bytes = free_mi * kMi;
  result.swap_used_bytes = swap_mi * kMi;
  result.out_pages = out_pages;
  return result;
}

// A program that may hold 100 MiB takes 200 MiB, beside one that does nothing.
std::vector<DemoSample> run() {
  std::vector<DemoSample> samples;
  for (int i = 0; i <= 30; ++i) {
    const std::uint64_t filled_mi = i < 5 ? 0 : static_cast<std::uint64_t>(std::min(i - 5, 20)) * 10;
    const std::uint64_t out_mi = filled_mi > 100 ? filled_mi - 100 : 0;
    DemoSample now = sample(i, 1000 - std::min<std::uint64_t>(filled_mi, 100), out_mi, 7000 + out_mi * 256);
    if (i >= 5 && i < 28) {
      now.resident_bytes = Value::of(std::min<std::uint64_t>(filled_mi, 100) * kMi);
      now.program_swap_bytes = Value::of(out_mi > 20 ? (out_mi - 20) * kMi : 0);
    }
    now.idle_swap_bytes = Value::of(std::min<std::uint64_t>(out_mi, 20) * kMi);
    if (i >= 28) now.swap_used_bytes = 20 * kMi;
    samples.push_back(now);
  }
  return samples;
}

TEST(DemoStory, TellsWhatHappened) {
  DemoMarks marks;
  marks.started_ns = 5 * kTenth;
  marks.filled_ns = 25 * kTenth;
  const DemoStory story = tell_demo(run(), marks, 4096);
  EXPECT_EQ(story.first_out_ns, 16 * kTenth);
  EXPECT_EQ(story.peak_ns, 25 * kTenth);
  EXPECT_EQ(story.peak_used_bytes, 100 * kMi);
  EXPECT_EQ(story.after_used_bytes, 20 * kMi);
  EXPECT_EQ(story.out_bytes, 100 * kMi);
  EXPECT_DOUBLE_EQ(story.peak_out_rate, 100.0 * kMi);
  EXPECT_EQ(story.resident_peak_bytes, Value::of(100 * kMi));
  EXPECT_EQ(story.free_fell_before_bytes, static_cast<std::int64_t>(100 * kMi));
  EXPECT_EQ(story.free_fell_while_bytes, 0);
  const auto text = explain_demo(story, 100 * kMi, true);
  ASSERT_EQ(text.size(), 3u);
  EXPECT_NE(text[0].find("100 MiB"), std::string::npos);
  EXPECT_NE(text[2].find("20 MiB stay in use"), std::string::npos);
  EXPECT_NE(text[2].find("did nothing"), std::string::npos);
  EXPECT_NE(explain_demo(story, 100 * kMi, false)[1].find("swap cache"), std::string::npos);
}

TEST(DemoStory, WhatWasOutFromTheStartIsNotTheFirstPage) {
  std::vector<DemoSample> samples = {sample(0, 100, 5, 1), sample(5, 90, 5, 1), sample(10, 90, 9, 1)};
  for (DemoSample& each : samples) each.idle_swap_bytes = Value::of(5 * kMi);
  samples[2].program_swap_bytes = Value::of(4 * kMi);
  EXPECT_EQ(tell_demo(samples, {}, 4096).first_out_ns, 10 * kTenth);
}

TEST(DemoStory, WhereNothingWentOutItSaysSo) {
  const DemoStory story = tell_demo({sample(0, 100, 5, 1), sample(10, 90, 5, 1)}, {}, 4096);
  EXPECT_EQ(story.first_out_ns, std::nullopt);
  EXPECT_EQ(explain_demo(story, kMi, true).size(), 1u);
  EXPECT_EQ(tell_demo({}, {}, 4096).peak_ns, std::nullopt);
}

TEST(DemoStory, ACounterThatStartedAnewIsNoTraffic) {
  const DemoStory story = tell_demo({sample(0, 100, 5, 1000), sample(10, 90, 5, 1)}, {}, 4096);
  EXPECT_EQ(story.out_bytes, 0u);
  EXPECT_EQ(story.peak_out_rate, 0.0);
}

}  // namespace
}  // namespace isotach::memory

#include "command/ksm/demo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace isotach::command {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kStep = 20'000'000;
constexpr std::uint64_t kPages = 1024;

// 25 samples before, 5 of filling, 50 of noting checksums, 50 of merging, 50 merged, 25 after.
DemoResult usual() {
  DemoResult result;
  result.pages = kPages;
  result.interval_ns = kStep;
  result.predicted.settled_ns = 2.2e9;
  result.settings = {{"max_page_sharing", "256"}, {"pages_to_scan", "20"}};
  result.writes = {{"pages_to_scan", "100", "20"}, {"run", "0", "1"}};
  for (int i = 0; i < 205; ++i) {
    memory::MergeSample sample;
    sample.time_ns = i * kStep;
    sample.free_bytes = 8e9;
    if (i >= 25 && i < 180) {
      sample.resident_bytes = i < 30 ? 4096.0 * kPages * (i - 24) / 6 : 4096.0 * kPages;
      const double merged = i < 80 ? 0 : std::min<double>(kPages, (i - 79) * kPages / 50.0);
      sample.merged_pages = merged;
      sample.shared_pages = merged / 256;
      sample.sharing_pages = merged - sample.shared_pages;
      sample.unsettled_pages = kPages - merged;
      if (i % 25 == 0) sample.proportional_bytes = 4096.0 * (kPages - merged) + 1000;
      sample.free_bytes -= 4096.0 * (kPages - merged);
    }
    sample.profit_bytes = sample.sharing_pages * 4096 -
                          64 * (sample.shared_pages + sample.sharing_pages + sample.unsettled_pages);
    result.samples.push_back(sample);
  }
  result.offered_ns = 30 * kStep;
  result.trace.first_ns = 80 * kStep - 5'000'000;
  result.trace.last_ns = 129 * kStep - 7'000'000;
  result.trace.merged = kPages;
  result.course = memory::find_course(result.samples);
  result.moments = memory::moments_of(result.samples, result.course);
  result.identities = memory::check_identities(result.samples, result.course, kPages, 256, 4096);
  result.agreement = memory::compare_with_trace(result.samples, result.course, kStep, *result.trace.first_ns,
                                                *result.trace.last_ns);
  return result;
}

TEST(KsmDemo, TellsWhatTheSamplesShow) {
  const auto story = demo_story(usual());
  EXPECT_THAT(story, Contains(HasSubstr("started at 0.50 s")));
  EXPECT_THAT(story, Contains(HasSubstr("maximum at 0.60 s with 4 MiB resident")));
  EXPECT_THAT(story, Contains(HasSubstr("merged from 1.60 s to 2.58 s")));
  EXPECT_THAT(story, Contains(HasSubstr("1024 pages, 100.0 %")));
  EXPECT_THAT(story, Contains(HasSubstr("it took 1.98 s; 2.20 s were predicted: +11.1 %")));
  EXPECT_THAT(story, Contains(HasSubstr("ended at 3.60 s")));
  EXPECT_THAT(story, Contains(HasSubstr("differ by 5 ms and 7 ms, less than two of their periods")));
  EXPECT_THAT(story, Contains(HasSubstr("RSS never shows it")));
  EXPECT_THAT(story, Not(Contains(HasSubstr("Other programs"))));
}

TEST(KsmDemo, TellsThatKsmdHadToWaitForAProcessor) {
  DemoResult result = usual();
  for (memory::MergeSample& sample : result.samples) {
    sample.ksmd_cpu_ns = static_cast<double>(sample.time_ns) / 10;
    sample.ksmd_wait_ns = 0;
  }
  EXPECT_THAT(demo_story(result),
              Contains("ksmd used 208 ms of CPU for it, and waited 0 s for a processor."));
  for (memory::MergeSample& sample : result.samples)
    sample.ksmd_wait_ns = static_cast<double>(sample.time_ns) / 4;
  EXPECT_THAT(demo_story(result),
              Contains(HasSubstr("waited 520 ms for a processor: other programs had it")));
}

TEST(KsmDemo, SaysWhatDidNotHappen) {
  DemoResult result = usual();
  for (memory::MergeSample& sample : result.samples) {
    if (sample.merged_pages) sample.merged_pages = 0;
    sample.shared_pages = sample.sharing_pages = 0;
  }
  result.trace = {"this kernel has no tracefs", {}, {}, 0, 0, 0, {}};
  result.course = memory::find_course(result.samples);
  result.agreement.reset();
  const auto story = demo_story(result);
  EXPECT_THAT(story, Contains(HasSubstr("Nothing was merged")));
  EXPECT_THAT(story, Contains(HasSubstr("not read: this kernel has no tracefs")));
  EXPECT_FALSE(merging_took_ns(result));
  result.samples.clear();
  EXPECT_TRUE(demo_story(result).empty());
}

TEST(KsmDemo, OtherProgramsAreNamedAsTheReasonOfADelay) {
  DemoResult result = usual();
  for (memory::MergeSample& sample : result.samples) sample.unsettled_pages += 500;
  EXPECT_THAT(demo_story(result), Contains(HasSubstr("Other programs had 500 pages")));
}

TEST(KsmDemo, ThePictureMarksEveryMoment) {
  const view::Figure figure = demo_figure(usual(), "db1");
  ASSERT_EQ(figure.bands.size(), 1U);
  EXPECT_EQ(figure.bands[0].from_ns, 80 * kStep);
  EXPECT_EQ(figure.bands[0].to_ns, 129 * kStep);
  ASSERT_EQ(figure.events.size(), 3U);
  EXPECT_EQ(figure.events[0].text, "program starts");
  EXPECT_EQ(figure.events[2].time_ns, 180 * kStep);
  ASSERT_EQ(figure.panels.size(), 3U);
  for (const view::Panel& panel : figure.panels)
    for (const view::Line& line : panel.lines)
      for (const view::DataPoint& point : line.points)
        if (!point.is_gap()) {
          EXPECT_TRUE(panel.range.contains(point.value)) << line.name;
        }
}

TEST(KsmDemo, TheReportStandsAloneAndTellsEverySetting) {
  const std::string page = view::html_of(demo_report(usual(), "<db1>"));
  EXPECT_THAT(page, HasSubstr("ksmd merges"));
  EXPECT_THAT(page, HasSubstr("&lt;db1&gt;"));
  EXPECT_THAT(page, HasSubstr("pages_to_scan"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("src=\"http")));
}

TEST(KsmBefore, IsOfThisBootOrNothing) {
  const kernel::KsmValues values = {{"run", "0"}, {"advisor_mode", "none"}};
  const std::string text = write_ksm_before("boot-1", values);
  EXPECT_EQ(read_ksm_before(text, "boot-1"), values);
  EXPECT_TRUE(read_ksm_before(text, "boot-2").empty());
  EXPECT_TRUE(read_ksm_before("", "boot-1").empty());
  EXPECT_TRUE(read_ksm_before("isotach-ksm-before 2 boot-1\nrun 0\n", "boot-1").empty());
  // A name is no path.
  EXPECT_TRUE(read_ksm_before("isotach-ksm-before 1 b\n../../x 1\n", "b").empty());
}

}  // namespace
}  // namespace isotach::command

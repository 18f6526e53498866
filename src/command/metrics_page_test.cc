#include "command/metrics_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <latch>
#include <thread>
#include <vector>

namespace isotach::command {
namespace {

using record::MetricKind;
using ::testing::HasSubstr;
using view::Exposition;

const record::MetricDescriptor kReads{"reads", Unit::count, MetricKind::counter, "Reads", "reads", 1};

// Emits the number of times it was asked.
class Page : public ::testing::Test {
 protected:
  Result<void> collect(record::Sample& sample) {
    ++reads_;
    clock_.advance_ns(2'000'000);  // what reading takes
    if (fails_) return failure(ErrorKind::failed, "the machine is gone");
    sample.points.push_back({*table_.intern(kReads), Value::of(reads_)});
    return {};
  }
  MetricsPage make(MetricsPage::Options options = {.fresh_ns = 1'000'000'000}) {
    return {[this](record::Sample& sample) { return collect(sample); }, table_, clock_, options};
  }

  ManualClock clock_;
  record::SeriesTable table_;
  std::uint64_t reads_ = 0;
  bool fails_ = false;
};

TEST_F(Page, ScrapersWithinTheIntervalGetTheSameValues) {
  MetricsPage page = make();
  for (int scrape = 0; scrape < 100; ++scrape)
    EXPECT_THAT(*page.text(Exposition::openmetrics, 0), HasSubstr("isotach_reads_total 1\n"));
  EXPECT_THAT(*page.text(Exposition::prometheus, 0), HasSubstr("isotach_reads_total 1\n"));
  EXPECT_EQ(reads_, 1u);
  clock_.advance_ns(999'000'000);
  EXPECT_THAT(*page.text(Exposition::prometheus, 0), HasSubstr("isotach_reads_total 2\n"));
}

TEST_F(Page, TellsWhatItCosts) {
  MetricsPage page = make();
  static_cast<void>(page.text(Exposition::openmetrics, 0));
  const std::string text = *page.text(Exposition::openmetrics, 17);
  EXPECT_THAT(text, HasSubstr("isotach_agent_scrapes_total 2\n"));
  EXPECT_THAT(text, HasSubstr("isotach_agent_collections_total 1\n"));
  EXPECT_THAT(text, HasSubstr("isotach_agent_requests_refused_total 17\n"));
  EXPECT_THAT(text, HasSubstr("isotach_agent_collect_seconds_total 0.002\n"));
  EXPECT_THAT(text, HasSubstr("# UNIT isotach_agent_collect_seconds seconds\n"));
  EXPECT_THAT(text, HasSubstr("isotach_build_info{version=\""));
  EXPECT_TRUE(text.ends_with("\n# EOF\n"));
  EXPECT_EQ(text.find("# EOF"), text.rfind("# EOF"));
}

TEST_F(Page, AFailureIsNotServedAndNotKept) {
  MetricsPage page = make();
  static_cast<void>(page.text(Exposition::openmetrics, 0));
  clock_.advance_ns(2'000'000'000);
  fails_ = true;
  const auto failed = page.text(Exposition::openmetrics, 0);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "the machine is gone");
  fails_ = false;
  const auto text = page.text(Exposition::openmetrics, 0);
  ASSERT_TRUE(text) << "the next scrape tries again at once";
  EXPECT_THAT(*text, HasSubstr("isotach_reads_total 3\n"));
  EXPECT_THAT(*text, HasSubstr("isotach_agent_collections_failed_total 1\n"));
}

TEST_F(Page, AScraperDoesNotWaitForEverForAnother) {
  std::latch began(1);
  std::latch may_end(1);
  MetricsPage page(
      [&](record::Sample&) -> Result<void> {
        began.count_down();
        may_end.wait();
        return {};
      },
      table_, clock_, {.fresh_ns = 1, .wait_limit = std::chrono::milliseconds(1)});
  auto hanging = std::async(std::launch::async, [&] { return page.text(Exposition::openmetrics, 0); });
  began.wait();
  const auto late = page.text(Exposition::openmetrics, 0);
  may_end.count_down();
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().message(), HasSubstr("too long"));
  EXPECT_TRUE(hanging.get());
  EXPECT_EQ(page.cost().late, 1u);
}

TEST_F(Page, OnlyOneThreadReadsAtATime) {
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  MetricsPage page(
      [&](record::Sample&) -> Result<void> {
        most = std::max(most.load(), ++inside);
        std::this_thread::yield();
        --inside;
        return {};
      },
      table_, clock_, {.fresh_ns = 0, .wait_limit = std::chrono::minutes(1)});
  std::vector<std::thread> scrapers;
  for (int i = 0; i < 8; ++i)
    scrapers.emplace_back([&] {
      for (int scrape = 0; scrape < 50; ++scrape) EXPECT_TRUE(page.text(Exposition::openmetrics, 0));
    });
  for (std::thread& scraper : scrapers) scraper.join();
  EXPECT_EQ(most, 1);
  EXPECT_EQ(page.cost().scrapes, 400u);
}

}  // namespace
}  // namespace isotach::command

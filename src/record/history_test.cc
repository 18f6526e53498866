#include "record/history.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

namespace isotach::record {
namespace {

class HistoryTest : public testing::Test {
 protected:
  HistoryTest() {
    table_.intern({"level_bytes", Unit::bytes, MetricKind::gauge, "", "", 1});
    table_.intern({"sent_bytes", Unit::bytes, MetricKind::counter, "", "", 1});
  }
  // One a second; the counter grows by 10 each time.
  static Sample sample(std::uint64_t number) {
    const auto time_ns = static_cast<std::int64_t>(number) * kNanosecondsPerSecond;
    return {{time_ns, time_ns}, {{0, Value::of(number)}, {1, Value::of(number * 10)}}};
  }
  SeriesTable table_;
};

TEST_F(HistoryTest, IsEmptyAtFirst) {
  const History history(table_, 3);
  EXPECT_EQ(history.size(), 0u);
  EXPECT_FALSE(history.latest());
  EXPECT_FALSE(history.previous());
  EXPECT_FALSE(history.shown_latest(0));
  EXPECT_TRUE(history.shown(0).empty());
  EXPECT_TRUE(history.shown(1).empty());
  EXPECT_TRUE(history.shown_since(0, 10).empty());
}

TEST_F(HistoryTest, KeepsTheNewestSamples) {
  History history(table_, 3);
  for (std::uint64_t i = 1; i <= 5; ++i) history.append(sample(i));
  EXPECT_EQ(history.size(), 3u);
  EXPECT_EQ(history.appended(), 5u);
  EXPECT_EQ(*history.latest()->find(0), Value::of(5));
  EXPECT_EQ(*history.previous()->find(0), Value::of(4));
  EXPECT_EQ(history.shown_latest(1), 10);
  const auto levels = history.shown(0);
  ASSERT_EQ(levels.size(), 3u);
  EXPECT_EQ(levels[0].value, 3);
  EXPECT_EQ(levels[2].value, 5);
  EXPECT_EQ(history.shown(1).size(), 2u);  // a counter has no rate at its first point
}

TEST_F(HistoryTest, AnAbsentSeriesIsAGap) {
  History history(table_, 5);
  history.append(sample(1));
  history.append(Sample{{2 * kNanosecondsPerSecond, 0}, {{0, Value(Missing::vanished)}}});
  history.append(sample(3));
  history.append(sample(4));
  EXPECT_EQ(history.shown(0)[1].value, std::nullopt);
  const auto rates = history.shown(1);
  ASSERT_EQ(rates.size(), 3u);
  EXPECT_EQ(rates[0].value, std::nullopt);
  EXPECT_EQ(rates[1].value, std::nullopt);  // nothing to subtract from
  EXPECT_EQ(rates[2].value, 10);
}

TEST_F(HistoryTest, NewsAreNumberedAndLimited) {
  History history(table_, 3);
  for (std::uint64_t i = 1; i <= 5; ++i) history.append(sample(i));
  EXPECT_EQ(history.shown_since(0, 10).size(), 3u);  // 1 and 2 have fallen out
  const auto news = history.shown_since(3, 10);
  ASSERT_EQ(news.size(), 2u);
  EXPECT_EQ(news[0].number, 4u);
  EXPECT_EQ(news[0].values[1].second, 10);
  EXPECT_EQ(history.shown_since(0, 1).front().number, 3u);
  EXPECT_TRUE(history.shown_since(5, 10).empty());
  EXPECT_TRUE(history.shown_since(std::numeric_limits<std::uint64_t>::max(), 10).empty());
  EXPECT_TRUE(history.shown_since(0, 0).empty());
}

TEST_F(HistoryTest, EventsAreBounded) {
  History history(table_, 2);
  for (int i = 0; i < 3000; ++i) history.append(Event{{i, i}, EventKind::mark, std::to_string(i)});
  const auto events = history.events();
  EXPECT_EQ(events.size(), 1024u);
  EXPECT_EQ(events.back().text, "2999");
}

TEST_F(HistoryTest, OneAppendsWhileOthersRead) {
  History history(table_, 50);
  std::thread reader([&] {
    while (history.appended() < 2000) {
      const auto latest = history.latest();
      EXPECT_TRUE(!latest || latest->find(0)->as_unsigned() * 10 == latest->find(1)->as_unsigned());
      for (const auto& news : history.shown_since(history.appended() / 2, 20)) EXPECT_LE(news.number, 2000u);
      EXPECT_LE(history.shown(1).size(), 49u);
    }
  });
  for (std::uint64_t i = 1; i <= 2000; ++i) history.append(sample(i));
  reader.join();
}

}  // namespace
}  // namespace isotach::record

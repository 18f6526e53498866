#include "view/plot/plot_model.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace isotach::view {
namespace {

constexpr std::int64_t kSecond = kNanosecondsPerSecond;

class Session {
 public:
  Session() {
    gauge_ = *table.intern({"memory_free_bytes", Unit::bytes, record::MetricKind::gauge, "", "free", 1024});
    counter_ = *table.intern({"network_receive_bytes", Unit::bytes, record::MetricKind::counter, "",
                              "received", 1, record::RateDisplay::bits_per_second});
    model.add(gauge_);
  }
  void sample(double time_s, Value value, std::uint64_t count = 0) {
    record::Sample next;
    const auto time_ns = static_cast<std::int64_t>(time_s * 1e9);
    next.time = {100 * kSecond + time_ns, 1'800'000'000 * kSecond + time_ns};
    next.points = {{gauge_, value}, {counter_, Value::of(count)}};
    model.append(next);
  }

  record::SeriesTable table;
  PlotModel model{table};
  record::SeriesId gauge_ = 0, counter_ = 0;
};

TEST(PlotModel, ScalesGaugesAndDerivesRates) {
  Session session;
  session.model.add(session.counter_);
  session.sample(0, Value::of(4), 1000);
  session.sample(0.5, Value::of(8), 1500);
  const Figure figure = session.model.whole_figure();
  ASSERT_EQ(figure.panels.size(), 2u);  // bytes and bit/s do not share an axis
  EXPECT_EQ(figure.panels[0].lines[0].latest, 8 * 1024.0);
  EXPECT_EQ(figure.panels[1].unit, Unit::bits_per_second);
  EXPECT_EQ(figure.panels[1].lines[0].latest, 8000.0);
}

TEST(PlotModel, PartsOfOneWholeAreShownAsSharesOfIt) {
  record::SeriesTable table;
  const auto time = [&](const char* name) {
    return *table.intern({name, Unit::seconds, record::MetricKind::counter, "", name, 0.01,
                          record::RateDisplay::share_of_time});
  };
  const record::SeriesId user = time("cpu_user_seconds"), idle = time("cpu_idle_seconds"),
                         guest = time("cpu_guest_seconds"), other = time("pressure_cpu_some_seconds");
  PlotModel model(table);
  for (const record::SeriesId id : {user, guest, other}) model.add(id);
  model.share({user, idle}, {guest});
  const auto sample = [&](std::int64_t seconds, std::uint64_t ticks, std::uint64_t idle_ticks) {
    record::Sample next;
    next.time = {seconds * kSecond, seconds * kSecond};
    next.points = {{user, Value::of(ticks)},
                   {idle, Value::of(idle_ticks)},
                   {guest, Value::of(ticks / 2)},
                   {other, Value::of(ticks)}};
    model.append(next);
    return std::vector{model.lines()[0].latest, model.lines()[1].latest, model.lines()[2].latest};
  };
  sample(0, 0, 0);
  // Four processors for a second, one of them busy.
  const auto shown = sample(1, 100, 300);
  EXPECT_DOUBLE_EQ(shown[0].value(), 0.25);
  EXPECT_DOUBLE_EQ(shown[1].value(), 0.125);
  EXPECT_DOUBLE_EQ(shown[2].value(), 1) << "what is no part of it is shown as it is";
  EXPECT_FALSE(sample(2, 100, 300)[0]) << "nothing grew: no share of anything";
}

TEST(PlotModel, MissingValuesAreGapsNeverZero) {
  Session session;
  session.sample(0, Value::of(4));
  session.sample(1, Value(Missing::vanished));
  session.sample(2, Value::of(4));
  const auto& points = session.model.lines()[0].track.points();
  ASSERT_EQ(points.size(), 3u);
  EXPECT_TRUE(points[1].is_gap());
  EXPECT_EQ(session.model.lines()[0].track.summary()->minimum, 4096);
}

TEST(PlotModel, AbsentSeriesAreGapsToo) {
  Session session;
  session.sample(0, Value::of(4));
  record::Sample empty;
  empty.time = {101 * kSecond, 0};
  session.model.append(empty);
  EXPECT_TRUE(session.model.lines()[0].track.points().back().is_gap());
  EXPECT_FALSE(session.model.lines()[0].latest);
}

TEST(PlotModel, EveryVisiblePointIsOnTheAxisInEveryFrame) {
  std::mt19937_64 random(4);
  for (int run = 0; run < 60; ++run) {
    Session session;
    double value = 1000;
    for (int i = 0; i < 300; ++i) {
      if (random() % 60 == 0) value = static_cast<double>(random() % 1'000'000'000);
      value = std::max(0.0, value + std::uniform_real_distribution<double>(-50, 50)(random));
      if (random() % 25 == 0) value = 20;
      session.sample(i * 0.1, random() % 12 == 0 ? Value(Missing::malformed) : Value::of_real(value));
      const Figure figure = session.model.live_figure(5 * kSecond, i * kSecond / 10);
      for (const DataPoint& point : figure.panels[0].lines[0].points) {
        ASSERT_GE(point.time_ns, figure.low_ns);
        ASSERT_LE(point.time_ns, figure.high_ns);
        if (!point.is_gap()) {
          ASSERT_TRUE(figure.panels[0].range.contains(point.value));
        }
      }
    }
  }
}

TEST(PlotModel, AxisForgetsASpikeThatHasLeftTheWindow) {
  Session session;
  for (int i = 0; i < 200; ++i) {
    session.sample(i * 0.1, Value::of(i == 50 ? 1'000'000u : 10u));
    const Figure figure = session.model.live_figure(5 * kSecond, i * kSecond / 10);
    if (i == 50) {
      EXPECT_GE(figure.panels[0].range.high, 1024e6);
    }
    // 5 s of window, 1 s of hold, 0.6 s of glide, and a frame.
    if (i > 50 + 68) {
      EXPECT_LT(figure.panels[0].range.high, 20 * 1024) << i;
    }
  }
}

TEST(PlotModel, TimeAxisGrowsInRoundStepsThenMoves) {
  EXPECT_EQ(live_time_axis(0, 60 * kSecond), (std::pair<std::int64_t, std::int64_t>{0, 5 * kSecond}));
  EXPECT_EQ(live_time_axis(7 * kSecond, 60 * kSecond),
            (std::pair<std::int64_t, std::int64_t>{0, 10 * kSecond}));
  EXPECT_EQ(live_time_axis(59 * kSecond, 60 * kSecond),
            (std::pair<std::int64_t, std::int64_t>{0, 60 * kSecond}));
  EXPECT_EQ(live_time_axis(61 * kSecond, 60 * kSecond),
            (std::pair<std::int64_t, std::int64_t>{kSecond, 61 * kSecond}));
  EXPECT_EQ(live_time_axis(kSecond, kSecond / 2).first, kSecond / 2);
}

TEST(PlotModel, EventsAreInOrderAndThePeakMoves) {
  Session session;
  session.sample(0, Value::of(1));
  const auto at = [](std::int64_t seconds) { return Instant{(100 + seconds) * kSecond, 0}; };
  session.model.append(record::Event{at(9), record::EventKind::end, "exited\x1b[2J"});
  session.model.set_peak({at(3), record::EventKind::peak, "peak 1"});
  session.model.set_peak({at(5), record::EventKind::peak, "peak 2"});
  const auto events = session.model.events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].text, "peak 2");
  EXPECT_EQ(events[0].time_ns, 5 * kSecond);
  EXPECT_EQ(events[1].text, "exited?[2J");
}

TEST(PlotModel, BoundsLinesAndEvents) {
  record::SeriesTable table;
  PlotModel model(table);
  std::size_t refused = 0;
  for (int i = 0; i < 100; ++i) {
    const auto id = table.intern({"m" + std::to_string(i), Unit::count, record::MetricKind::gauge, "", ""});
    if (!model.add(*id)) ++refused;
  }
  EXPECT_EQ(refused, 100 - PlotModel::kLineLimit);
  for (int i = 0; i < 1000; ++i) model.append(record::Event{});
  EXPECT_EQ(model.events().size(), PlotModel::kEventLimit);
  EXPECT_EQ(model.refused_events(), 1000 - PlotModel::kEventLimit);
}

TEST(PlotModel, LinesOfOneNameGoByTheirKeys) {
  record::SeriesTable table;
  PlotModel model(table);
  model.add(*table.intern({"a_bytes", Unit::bytes, record::MetricKind::gauge, "", "free"}));
  model.add(*table.intern({"b_bytes", Unit::bytes, record::MetricKind::gauge, "", "free"}));
  EXPECT_EQ(model.lines()[0].name, "a_bytes");
  EXPECT_EQ(model.lines()[1].name, "b_bytes");
}

TEST(PlotModel, HostileTimesDoNotOverflow) {
  Session session;
  for (const std::int64_t time_ns : {std::numeric_limits<std::int64_t>::min(), std::int64_t{0},
                                     std::numeric_limits<std::int64_t>::max()}) {
    record::Sample sample;
    sample.time = {time_ns, time_ns};
    sample.points = {{session.gauge_, Value::of(1)}};
    session.model.append(sample);
  }
  const Figure figure = session.model.whole_figure();
  EXPECT_GT(figure.high_ns, figure.low_ns);
}

TEST(Track, IsBoundedAndLosesNoSpike) {
  Track track;
  std::mt19937_64 random(8);
  double greatest = 0, least = 0;
  for (std::int64_t i = 0; i < 500'000; ++i) {
    const double value = random() % 50'000 == 0 ? static_cast<double>(random() % 1000) * 1e6
                                                : std::uniform_real_distribution<double>(-1, 1)(random);
    greatest = std::max(greatest, value);
    least = std::min(least, value);
    track.append(i, value);
  }
  EXPECT_TRUE(track.is_thinned());
  EXPECT_LE(track.points().size(), Track::kPointLimit);
  double kept_greatest = 0, kept_least = 0;
  std::int64_t before = -1;
  for (const DataPoint& point : track.points()) {
    kept_greatest = std::max(kept_greatest, point.value);
    kept_least = std::min(kept_least, point.value);
    ASSERT_GT(point.time_ns, before);
    before = point.time_ns;
  }
  EXPECT_EQ(kept_greatest, greatest);
  EXPECT_EQ(kept_least, least);
  EXPECT_EQ(track.points().front().time_ns, 0);
  EXPECT_EQ(track.points().back().time_ns, 499'999);
  EXPECT_EQ(track.summary()->count, 500'000u);
}

TEST(Track, GapsSurviveThinning) {
  Track track;
  for (std::int64_t i = 0; i < 200'000; ++i)
    track.append(i, i / 50'000 % 2 == 0 ? std::optional<double>(1) : std::nullopt);
  EXPECT_LE(track.points().size(), Track::kPointLimit);
  int changes = 0;
  for (std::size_t i = 1; i < track.points().size(); ++i)
    changes += track.points()[i].is_gap() != track.points()[i - 1].is_gap();
  EXPECT_EQ(changes, 3);
}

}  // namespace
}  // namespace isotach::view

#include "view/export/openmetrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isotach::view {
namespace {

using record::MetricDescriptor;
using record::MetricKind;
using ::testing::HasSubstr;
using ::testing::Not;

const MetricDescriptor kFree{"memory_free_bytes", Unit::bytes, MetricKind::gauge,
                             "Memory \"free\"",   "free",      1024};
const MetricDescriptor kUser{"cpu_user_seconds",    Unit::seconds, MetricKind::counter,
                             "Time \\ in programs", "user",        0.01};
const MetricDescriptor kForks{"forks", Unit::count, MetricKind::counter, "Processes created", "forks"};
const MetricDescriptor kReceived{"network_receive_bytes", Unit::bytes, MetricKind::counter, "Bytes received",
                                 "received"};

class OpenMetrics : public ::testing::Test {
 protected:
  void add(const MetricDescriptor& metric, Value value, const record::Labels& labels = {}) {
    sample_.points.push_back({*table_.intern(metric, labels), value});
  }
  std::string text(Exposition format) {
    sample_.sort();
    OpenMetricsWriter writer(format);
    writer.sample(sample_, table_);
    return writer.finish();
  }

  record::SeriesTable table_;
  record::Sample sample_;
};

TEST_F(OpenMetrics, WritesTypeUnitAndHelp) {
  add(kFree, Value::of(3));
  add(kUser, Value::of(12345));
  add(kForks, Value::of(7));
  EXPECT_EQ(text(Exposition::openmetrics),
            "# TYPE isotach_memory_free_bytes gauge\n"
            "# UNIT isotach_memory_free_bytes bytes\n"
            "# HELP isotach_memory_free_bytes Memory \\\"free\\\"\n"
            "isotach_memory_free_bytes 3072\n"
            "# TYPE isotach_cpu_user_seconds counter\n"
            "# UNIT isotach_cpu_user_seconds seconds\n"
            "# HELP isotach_cpu_user_seconds Time \\\\ in programs\n"
            "isotach_cpu_user_seconds_total 123.45\n"
            "# TYPE isotach_forks counter\n"
            "# HELP isotach_forks Processes created\n"
            "isotach_forks_total 7\n"
            "# EOF\n");
}

TEST_F(OpenMetrics, TheOlderFormatDescribesSamplesAndHasNoEnd) {
  add(kFree, Value::of(3));
  add(kUser, Value::of(12345));
  EXPECT_EQ(text(Exposition::prometheus),
            "# TYPE isotach_memory_free_bytes gauge\n"
            "# HELP isotach_memory_free_bytes Memory \"free\"\n"
            "isotach_memory_free_bytes 3072\n"
            "# TYPE isotach_cpu_user_seconds_total counter\n"
            "# HELP isotach_cpu_user_seconds_total Time \\\\ in programs\n"
            "isotach_cpu_user_seconds_total 123.45\n");
}

TEST_F(OpenMetrics, CountersKeepAllTheirDigits) {
  add(kReceived, Value::of(18446744073709551615u), {{"interface", "eth0"}});
  EXPECT_THAT(text(Exposition::openmetrics),
              HasSubstr("isotach_network_receive_bytes_total{interface=\"eth0\"} 18446744073709551615\n"));
}

TEST_F(OpenMetrics, AllSeriesOfAMetricStandTogether) {
  add(kReceived, Value::of(1), {{"interface", "lo"}});
  add(kForks, Value::of(2));
  add(kReceived, Value::of(3), {{"interface", "wg0"}});
  EXPECT_EQ(text(Exposition::prometheus),
            "# TYPE isotach_network_receive_bytes_total counter\n"
            "# HELP isotach_network_receive_bytes_total Bytes received\n"
            "isotach_network_receive_bytes_total{interface=\"lo\"} 1\n"
            "isotach_network_receive_bytes_total{interface=\"wg0\"} 3\n"
            "# TYPE isotach_forks_total counter\n"
            "# HELP isotach_forks_total Processes created\n"
            "isotach_forks_total 2\n");
}

TEST_F(OpenMetrics, LabelsAreEscaped) {
  add(kReceived, Value::of(1), {{"interface", "a\"b\\c\nd\xff é"}, {"other", ""}});
  EXPECT_THAT(text(Exposition::prometheus),
              HasSubstr("{interface=\"a\\\"b\\\\c\\nd\uFFFD é\",other=\"\"} 1\n"));
}

TEST_F(OpenMetrics, WhatIsMissingIsAbsentAndExplained) {
  add(kFree, Value(Missing::not_supported));
  add(kReceived, Value(Missing::not_permitted), {{"interface", "eth0"}});
  add(kReceived, Value(Missing::not_permitted), {{"interface", "eth1"}});
  add(kForks, Value::of(0));
  const std::string page = text(Exposition::openmetrics);
  EXPECT_THAT(page, Not(HasSubstr("isotach_memory_free_bytes ")));
  EXPECT_THAT(page, HasSubstr("isotach_forks_total 0\n"));
  EXPECT_THAT(page, HasSubstr("# TYPE isotach_missing info\n"));
  const std::string eth = "isotach_missing_info{metric=\"isotach_network_receive_bytes_total\",reason=\"";
  EXPECT_THAT(page, HasSubstr(eth));
  EXPECT_EQ(page.find(eth), page.rfind(eth)) << "one line a metric and reason";
  EXPECT_THAT(page, HasSubstr("isotach_missing_info{metric=\"isotach_memory_free_bytes\",reason=\"" +
                              std::string(missing_text(Missing::not_supported)) + "\"} 1\n"));
  EXPECT_THAT(text(Exposition::prometheus), HasSubstr("# TYPE isotach_missing_info gauge\n"));
}

TEST_F(OpenMetrics, TheUnitIsToldOnlyWhereTheNameEndsInIt) {
  // A scraper refuses a page that has a unit behind another name.
  add({"age", Unit::seconds, MetricKind::gauge, "Age", "age"}, Value::of(1));
  EXPECT_THAT(text(Exposition::openmetrics), Not(HasSubstr("# UNIT")));
}

TEST_F(OpenMetrics, AnEmptySampleIsAnEmptyPage) {
  EXPECT_EQ(text(Exposition::openmetrics), "# EOF\n");
  EXPECT_EQ(text(Exposition::prometheus), "");
}

TEST(OpenMetricsAccept, PicksWhatTheScraperPrefers) {
  EXPECT_EQ(negotiate("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
                      "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            Exposition::openmetrics);
  EXPECT_EQ(negotiate("application/openmetrics-text"), Exposition::openmetrics);
  EXPECT_EQ(negotiate("text/plain, application/openmetrics-text;q=0.5"), Exposition::prometheus);
  EXPECT_EQ(negotiate("application/openmetrics-text;q=0"), Exposition::prometheus);
  EXPECT_EQ(negotiate("text/html,application/xhtml+xml,*/*;q=0.8"), Exposition::prometheus);
  EXPECT_EQ(negotiate(""), Exposition::prometheus);
}

TEST(OpenMetricsAccept, SurvivesGarbage) {
  for (const char* accept :
       {",,,;;;", "application/openmetrics-text;q=", "application/openmetrics-text;q=nan",
        "application/openmetrics-text;q=-1", "\xff\xfe;q=1e999", "text/plain;q=1;q=0"})
    EXPECT_EQ(negotiate(accept), Exposition::prometheus) << accept;
}

}  // namespace
}  // namespace isotach::view

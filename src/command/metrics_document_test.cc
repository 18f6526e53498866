#include "command/metrics_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fd.h"
#include "machine/metrics.h"

namespace isotach::command {
namespace {

TEST(MetricsDocument, TheOneInDocsIsUpToDate) {
  const auto committed = read_file(std::string(ISOTACH_SOURCE_DIR) + "/docs/metrics.md");
  ASSERT_TRUE(committed) << committed.error().message();
  EXPECT_EQ(*committed, metrics_document()) << "run: isotach generate --metrics docs/metrics.md";
}

TEST(MetricsDocument, NamesEveryMetricOnce) {
  const std::string text = metrics_document();
  for (const record::MetricDescriptor& metric : machine::machine_metrics()) {
    const std::string cell = "| `" + metric.name + "` |";
    EXPECT_NE(text.find(cell), std::string::npos) << metric.name;
    EXPECT_EQ(text.find(cell), text.rfind(cell)) << metric.name;
  }
}

}  // namespace
}  // namespace isotach::command

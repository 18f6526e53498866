// The dashboard and the rules name what the agent serves; that Prometheus takes them is tests/prometheus/.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/json_reader.h"
#include "command/fleet/alert_rules.h"
#include "command/fleet/dashboard.h"
#include "command/mesh/mesh_result.h"
#include "doctor/catalogue.h"
#include "machine/metrics.h"
#include "view/export/openmetrics.h"

namespace isotach::command {
namespace {

using ::testing::HasSubstr;

TEST(Dashboard, HasAPanelForEveryMetric) {
  const std::string text = grafana_dashboard();
  for (const auto& metrics : {machine::machine_metrics(), mesh_metrics()})
    for (const record::MetricDescriptor& metric : metrics)
      EXPECT_THAT(text, HasSubstr(view::exported_name(metric) + "{job"));
}

TEST(Dashboard, PanelsDoNotOverlap) {
  const auto json = parse_json(grafana_dashboard(), {.depth = 32, .values = 1u << 20});
  ASSERT_TRUE(json) << json.error().message();
  const auto place = [](const JsonValue& panel, const char* which) {
    return panel.find("gridPos")->find(which)->integer().value_or(-1);
  };
  const JsonValue* panels = json->find("panels");
  ASSERT_NE(panels, nullptr);
  for (const JsonValue& one : panels->elements())
    for (const JsonValue& other : panels->elements()) {
      if (&one == &other) continue;
      const bool apart = place(one, "x") + place(one, "w") <= place(other, "x") ||
                         place(other, "x") + place(other, "w") <= place(one, "x") ||
                         place(one, "y") + place(one, "h") <= place(other, "y") ||
                         place(other, "y") + place(other, "h") <= place(one, "y");
      EXPECT_TRUE(apart) << *one.find("title")->string() << " and " << *other.find("title")->string();
    }
}

TEST(AlertRules, HaveOneForEachFinding) {
  const std::string text = prometheus_rules();
  for (const auto group :
       {doctor::machine_findings(), doctor::network_findings(), doctor::transfer_findings()})
    for (const doctor::FindingDescription& finding : group)
      EXPECT_THAT(text, HasSubstr("isotach_finding_info{id=\\\"" + std::string(finding.id) + "\\\"} == 1"));
}

}  // namespace
}  // namespace isotach::command

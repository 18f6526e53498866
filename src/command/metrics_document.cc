#include "command/metrics_document.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "command/doctor/standing.h"
#include "command/mesh/mesh_result.h"
#include "command/metrics_page.h"
#include "command/traffic/recorded.h"
#include "machine/metrics.h"
#include "memory/process/metrics.h"
#include "record/metric.h"
#include "view/export/openmetrics.h"

namespace isotach::command {
namespace {

using machine::Family;

// How a shown unit is written for people.
std::string_view shown_as(const record::MetricDescriptor& metric) {
  switch (metric.shown_unit()) {
    case Unit::bytes:
      return "B, KiB, MiB, ...";
    case Unit::seconds:
      return "time";
    case Unit::ratio:
      return "%";
    case Unit::bytes_per_second:
      return "B/s, KiB/s, ...";
    case Unit::bits_per_second:
      return "bit/s, kbit/s, ...";
    case Unit::per_second:
      return "/s";
    case Unit::count:
      break;
  }
  return "number";
}

// A vertical bar would end the cell.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string table(std::string_view title, std::string_view label,
                  const std::vector<record::MetricDescriptor>& metrics) {
  std::string text = fmt::format("\n## {}\n\n", title);
  if (!label.empty()) text += fmt::format("One series for each {}.\n\n", label);
  text += "| metric | unit | kind | shown as | what it is |\n|---|---|---|---|---|\n";
  for (const record::MetricDescriptor& metric : metrics)
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", metric.name, unit_name(metric.unit),
                        record::kind_name(metric.kind), shown_as(metric), cell(metric.help));
  return text;
}

constexpr std::string_view kIntroduction =
    R"(# Metrics

Every metric that Isotach knows. `isotach generate --metrics docs/metrics.md` writes this file from the
descriptions that the program itself uses; a test fails when the two differ.

- The name is what `isotach plot`, JSON, CSV and recordings use. `isotach agent` puts `isotach_` before it,
  and `_total` behind it where it is a counter: `forks` is `isotach_forks_total`.
- The unit is that of JSON, CSV and the agent: always the base unit, never KiB or milliseconds.
- A *gauge* is a level now. A *counter* only grows, until it wraps or its device is reset; people are shown
  its growth per second (CPU and waiting times: the share of time).
- A value that is missing is absent (`null` in JSON, empty in CSV), never 0. The agent says why in
  `isotach_missing_info`.
)";

}  // namespace

std::string metrics_document() {
  std::string text(kIntroduction);
  for (std::size_t i = 0; i < machine::kFamilyCount; ++i) {
    const auto family = static_cast<Family>(i);
    std::string label(machine::family_label(family));
    if (!label.empty()) label = '`' + label + '`';
    text += table(machine::family_title(family), label, machine::family_metrics(family));
  }
  text += table("Processes", "`pid` and `command`", memory::process_metrics());
  text += table("Traffic, of `isotach traffic --record`, `web --traffic` and `agent --traffic`",
                "row; its labels are those of [formats/traffic.md](formats/traffic.md)", traffic_metrics());
  text += table("TCP connections, in the agent", "`cause` of those that are busy", StandingSeries::metrics());
  text += table("Tests between hosts, of `agent --mesh`", "pair, `from` and `to`", mesh_metrics());
  text += table("The agent itself", {}, MetricsPage::own_metrics());
  return text;
}

}  // namespace isotach::command

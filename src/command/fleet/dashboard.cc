#include "command/fleet/dashboard.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

#include "command/mesh/mesh_result.h"
#include "command/metrics_page.h"
#include "machine/metrics.h"
#include "record/metric.h"
#include "view/export/json_writer.h"
#include "view/export/openmetrics.h"

namespace isotach::command {
namespace {

using record::MetricDescriptor;
using record::MetricKind;
using view::JsonWriter;

// Grafana's grid is 24 columns wide.
constexpr int kGridColumns = 24;
constexpr int kMetricColumns = 6;
constexpr int kMetricRows = 6;

struct Query {
  std::string expression;
  std::string legend;
};

struct Panel {
  std::string title;
  std::string help;
  std::string unit;  // Grafana's name of it
  std::vector<Query> queries;
  bool table = false;  // the labels of the series as rows
};

std::string_view grafana_unit(Unit unit) {
  switch (unit) {
    case Unit::bytes:
      return "bytes";
    case Unit::seconds:
      return "s";
    case Unit::ratio:
      return "percentunit";
    case Unit::bytes_per_second:
      return "binBps";
    case Unit::bits_per_second:
      return "bps";
    case Unit::per_second:
      return "cps";
    case Unit::count:
      break;
  }
  return "short";
}

constexpr std::string_view kChosen = R"(job=~"$job",instance=~"$instance")";

// What people are shown of a metric, as Prometheus computes it.
std::string expression_of(const MetricDescriptor& metric) {
  const std::string series = fmt::format("{}{{{}}}", view::exported_name(metric), kChosen);
  if (metric.kind != MetricKind::counter) return series;
  const std::string rate = fmt::format("rate({}[$__rate_interval])", series);
  return metric.shown_unit() == Unit::bits_per_second ? rate + " * 8" : rate;
}

std::string legend_of(std::string_view labels) {
  std::string legend = "{{instance}}";
  while (!labels.empty()) {
    const std::size_t end = labels.find(' ');
    legend += fmt::format(" {{{{{}}}}}", labels.substr(0, end));
    labels = end == std::string_view::npos ? std::string_view() : labels.substr(end + 1);
  }
  return legend;
}

Panel panel_of(const MetricDescriptor& metric, std::string_view labels) {
  return {metric.name,
          metric.help,
          std::string(grafana_unit(metric.shown_unit())),
          {{expression_of(metric), legend_of(labels)}}};
}

// What one looks at first. Each expression may use kChosen as @.
std::vector<Panel> first_panels() {
  const auto query = [](std::string_view text) {
    std::string expression;
    for (const char c : text) {
      if (c == '@')
        expression += kChosen;
      else
        expression += c;
    }
    return expression;
  };
  return {
      {"Findings",
       "What the doctor of each machine finds wrong; docs/findings says what it means",
       "short",
       {{query("isotach_finding_info{@}"), ""}},
       true},
      {"Processors",
       "Share of the time in which they worked",
       "percentunit",
       {{query("1 - avg by (instance) (rate(isotach_cpu_each_idle_seconds_total{@}[$__rate_interval]))"),
         "{{instance}}"}}},
      {"Memory available",
       "What programs can still get without swapping",
       "bytes",
       {{query("isotach_memory_available_bytes{@}"), "{{instance}}"}}},
      {"Swapping",
       "Pages that come back from swap and go there",
       "cps",
       {{query("rate(isotach_swapped_in_pages_total{@}[$__rate_interval])"), "{{instance}} in"},
        {query("-rate(isotach_swapped_out_pages_total{@}[$__rate_interval])"), "{{instance}} out"}}},
      {"Network",
       "What is received, and below the line what is sent",
       "bps",
       {{query("rate(isotach_network_receive_bytes_total{@,interface!=\"lo\"}[$__rate_interval]) * 8"),
         "{{instance}} {{interface}} in"},
        {query("-rate(isotach_network_transmit_bytes_total{@,interface!=\"lo\"}[$__rate_interval]) * 8"),
         "{{instance}} {{interface}} out"}}},
      {"Segments sent again",
       "TCP retransmissions of all connections",
       "cps",
       {{query("rate(isotach_tcp_retransmits_total{@}[$__rate_interval])"), "{{instance}}"}}},
      {"Throughput between machines",
       "What `isotach mesh` measured last, by TCP",
       "bps",
       {{query("isotach_mesh_throughput_bits_per_second{@}"), "{{from}} to {{to}}"}}},
      {"Capacity of paths between machines",
       "What `isotach mesh` measured last, by trains of packets",
       "bps",
       {{query("isotach_mesh_path_capacity_bits_per_second{@}"), "{{from}} to {{to}}"}}},
  };
}

void write_data_source(JsonWriter& json) {
  json.key("datasource").begin_object();
  json.key("type").string("prometheus").key("uid").string("${source}");
  json.end_object();
}

void write_panel(JsonWriter& json, const Panel& panel, int id, int x, int y, int width, int height) {
  json.begin_object().key("id").integer(id);
  json.key("type").string(panel.table ? "table" : "timeseries");
  json.key("title").string(panel.title).key("description").string(panel.help);
  write_data_source(json);
  json.key("gridPos").begin_object();
  json.key("x").integer(x).key("y").integer(y).key("w").integer(width).key("h").integer(height);
  json.end_object();
  json.key("fieldConfig").begin_object().key("defaults").begin_object();
  json.key("unit").string(panel.unit);
  json.end_object().key("overrides").begin_array().end_array().end_object();
  json.key("targets").begin_array();
  char reference = 'A';
  for (const Query& query : panel.queries) {
    json.begin_object().key("refId").string(std::string(1, reference++));
    json.key("expr").string(query.expression);
    if (panel.table)
      json.key("format").string("table").key("instant").boolean(true);
    else
      json.key("legendFormat").string(query.legend);
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

// Places panels of one width from left to right, row below row.
class Grid {
 public:
  explicit Grid(JsonWriter& json) : json_(json) {}

  void panels(const std::vector<Panel>& panels, int columns, int rows) {
    int x = 0;
    for (const Panel& panel : panels) {
      if (x + columns > kGridColumns) {
        x = 0;
        y_ += rows;
      }
      write_panel(json_, panel, ++id_, x, y_, columns, rows);
      x += columns;
    }
    y_ += rows;
  }

  void closed_row(std::string_view title, const std::vector<Panel>& inside) {
    json_.begin_object().key("id").integer(++id_).key("type").string("row").key("title").string(title);
    json_.key("collapsed").boolean(true);
    json_.key("gridPos").begin_object();
    json_.key("x").integer(0).key("y").integer(y_++).key("w").integer(kGridColumns).key("h").integer(1);
    json_.end_object();
    json_.key("panels").begin_array();
    panels(inside, kMetricColumns, kMetricRows);
    json_.end_array();
    json_.end_object();
  }

 private:
  JsonWriter& json_;
  int id_ = 0;
  int y_ = 0;
};

std::vector<Panel> panels_of(const std::vector<MetricDescriptor>& metrics, std::string_view labels) {
  std::vector<Panel> panels;
  panels.reserve(metrics.size());
  for (const MetricDescriptor& metric : metrics) panels.push_back(panel_of(metric, labels));
  return panels;
}

void write_variables(JsonWriter& json) {
  json.key("templating").begin_object().key("list").begin_array();
  json.begin_object().key("name").string("source").key("label").string("Prometheus");
  json.key("type").string("datasource").key("query").string("prometheus").end_object();
  const std::pair<std::string_view, std::string_view> variables[] = {
      {"job", "label_values(isotach_build_info, job)"},
      {"instance", "label_values(isotach_build_info{job=~\"$job\"}, instance)"},
  };
  for (const auto& [name, query] : variables) {
    json.begin_object().key("name").string(name).key("type").string("query");
    write_data_source(json);
    json.key("query").string(query).key("refresh").integer(2);
    json.key("includeAll").boolean(true).key("multi").boolean(true);
    json.key("current").begin_object();
    json.key("text").string("All").key("value").string("$__all").end_object();
    json.end_object();
  }
  json.end_array().end_object();
}

}  // namespace

std::string grafana_dashboard() {
  JsonWriter json;
  json.begin_object();
  json.key("uid").string("isotach").key("title").string("Isotach");
  json.key("description").string("Machines that run isotach agent; made by isotach generate --grafana");
  json.key("tags").begin_array().string("isotach").end_array();
  json.key("schemaVersion").integer(36).key("editable").boolean(true);
  json.key("refresh").string("30s");
  // One cursor over all plots.
  json.key("graphTooltip").integer(1);
  json.key("time").begin_object().key("from").string("now-1h").key("to").string("now").end_object();
  write_variables(json);
  json.key("panels").begin_array();
  Grid grid(json);
  grid.panels(first_panels(), kGridColumns / 2, 8);
  for (std::size_t i = 0; i < machine::kFamilyCount; ++i) {
    const auto family = static_cast<machine::Family>(i);
    grid.closed_row(machine::family_title(family),
                    panels_of(machine::family_metrics(family), machine::family_label(family)));
  }
  grid.closed_row("Tests between machines", panels_of(mesh_metrics(), "from to"));
  grid.closed_row("The agent itself", panels_of(MetricsPage::own_metrics(), {}));
  json.end_array();
  json.end_object();
  return json.take() + "\n";
}

}  // namespace isotach::command

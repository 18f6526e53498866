#include "base/units.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"
#include "view/overview/finding_json.h"
#include "view/overview/numbers.h"
#include "view/overview/report.h"

namespace isotach::view {
namespace {

void write_numbers(JsonWriter& json, const NumberItem& item) {
  for (const NamedNumber& number : item.numbers) {
    json.key(number.name);
    if (number.is_boolean && number.value) {
      json.boolean(*number.value != 0);
    } else {
      json.real(number.value);
    }
  }
}

void write_area(JsonWriter& json, const NumberArea& area) {
  json.key(area.key);
  if (!area.is_list) {
    json.begin_object();
    for (const NumberItem& item : area.items) write_numbers(json, item);
    json.end_object();
    return;
  }
  json.begin_array();
  for (const NumberItem& item : area.items) {
    json.begin_object();
    json.key("name").string(item.name);
    write_numbers(json, item);
    json.end_object();
  }
  json.end_array();
}

void write_finding(JsonWriter& json, const FindingText& finding) {
  json.begin_object();
  write_finding_keys(json, finding);
  json.end_object();
}

}  // namespace

std::string report_json(const OverviewModel& model) {
  JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.overview.v1");
  json.key("host").string(model.host);
  json.key("kernel_release").string(model.kernel_release);
  json.key("time").string(format_wall_time_utc(model.time.wall_ns));
  json.key("monotonic_ns").integer(model.time.monotonic_ns);
  json.key("uptime_seconds").real(model.uptime_s);
  json.key("interval_seconds").real(model.interval_s);
  for (const NumberArea& area : overview_numbers(model)) write_area(json, area);
  const auto worst = worst_severity(model);
  json.key("verdict").string(worst ? severity_word(*worst) : std::string_view("ok"));
  json.key("findings").begin_array();
  for (const FindingText& finding : model.findings) write_finding(json, finding);
  json.end_array();
  json.key("not_checked").begin_array();
  for (const std::string& missing : model.not_checked) json.string(missing);
  json.end_array();
  json.key("own_cpu_ratio").real(model.own_cpu_share);
  json.key("samples_missed").unsigned_integer(model.missed);
  json.end_object();
  return json.take();
}

std::string report_csv_head() {
  CsvWriter csv;
  csv.head({"time", "area", "name", "metric", "value"});
  return csv.take();
}

std::string report_csv_rows(const OverviewModel& model) {
  CsvWriter csv;
  const std::string time = format_wall_time_utc(model.time.wall_ns);
  for (const NumberArea& area : overview_numbers(model))
    for (const NumberItem& item : area.items)
      for (const NamedNumber& number : item.numbers)
        csv.text(time).text(area.key).text(item.name).text(number.name).real(number.value).end_row();
  for (const FindingText& finding : model.findings)
    csv.text(time)
        .text("findings")
        .text(finding.subject)
        .text(finding.id)
        .unsigned_integer(static_cast<std::uint64_t>(finding.severity) + 1)
        .end_row();
  return csv.take();
}

}  // namespace isotach::view

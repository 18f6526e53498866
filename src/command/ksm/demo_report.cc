#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/units.h"
#include "command/ksm/demo.h"
#include "command/version.h"
#include "view/plot/axis.h"

namespace isotach::command {
namespace {

using memory::MergeSample;
using view::DataPoint;
using view::Line;
using view::Panel;

std::string bytes(double value) {
  return value < 0 ? '-' + format_bytes(-value) : format_bytes(value);
}

std::string seconds(std::int64_t time_ns) {
  return fmt::format("{:.2f} s", static_cast<double>(time_ns) / 1e9);
}

Line line_of(const DemoResult& result, const char* name,
             const std::function<std::optional<double>(const MergeSample&)>& value, bool sparse = false) {
  Line line;
  line.name = name;
  bool had = false;
  for (const MergeSample& sample : result.samples) {
    const auto number = value(sample);
    if (number) {
      line.points.push_back({sample.time_ns, *number});
      line.latest = number;
    } else if (had && (!sparse || !sample.resident_bytes)) {
      line.points.push_back({sample.time_ns});  // a gap
    }
    had = number.has_value() || (sparse && had && sample.resident_bytes);
  }
  return line;
}

Panel panel_of(Unit unit, std::vector<Line> lines, bool with_zero) {
  std::optional<view::Range> extent;
  for (const Line& line : lines)
    for (const DataPoint& point : line.points)
      if (!point.is_gap()) view::include(extent, point.value);
  Panel panel;
  panel.unit = unit;
  panel.lines = std::move(lines);
  panel.range = view::rounded_range(extent.value_or(view::Range{}), unit, with_zero);
  return panel;
}

std::vector<std::vector<std::string>> moment_rows(const DemoResult& result) {
  std::vector<std::vector<std::string>> rows;
  for (const memory::MergeMoment& moment : result.moments) {
    const MergeSample& values = moment.values;
    rows.push_back({moment.name, seconds(moment.time_ns), bytes(values.free_bytes),
                    bytes(values.anonymous_bytes),
                    values.resident_bytes ? bytes(*values.resident_bytes) : "-",
                    fmt::format("{:.0f}", values.shared_pages), fmt::format("{:.0f}", values.sharing_pages),
                    fmt::format("{:.0f}", values.unsettled_pages), bytes(values.profit_bytes)});
  }
  return rows;
}

view::ReportTable settings_table(const DemoResult& result) {
  view::ReportTable table;
  table.caption = "Settings of KSM while the program ran";
  table.heads = {"setting", "value", "before"};
  for (const auto& [name, value] : result.settings) {
    std::string before = value;
    for (auto write = result.writes.rbegin(); write != result.writes.rend(); ++write)
      if (write->name == name) before = write->from;
    table.rows.push_back({name, value, before});
  }
  return table;
}

view::ReportTable identity_table(const DemoResult& result) {
  view::ReportTable table;
  table.caption = "What must be so when all was merged";
  table.heads = {"left = right", "left", "right", "holds"};
  for (const memory::MergeIdentity& identity : result.identities)
    table.rows.push_back({identity.text, fmt::format("{:.0f}", identity.left),
                          fmt::format("{:.0f}", identity.right), identity.holds() ? "yes" : "no"});
  return table;
}

view::ReportTable time_table(const DemoResult& result) {
  view::ReportTable table;
  table.caption = "Merging: predicted beforehand, seen in the samples, told by the kernel's tracepoints";
  table.heads = {"", "predicted", "samples", "tracepoints"};
  const std::int64_t from_ns =
      result.offered_ns.value_or(result.course.start ? result.samples[*result.course.start].time_ns : 0);
  const auto cell = [&](std::optional<std::int64_t> time_ns) {
    return time_ns ? fmt::format("{:.3f} s", static_cast<double>(*time_ns - from_ns) / 1e9)
                   : std::string("-");
  };
  const auto sample_time = [&](std::optional<std::size_t> index) -> std::optional<std::int64_t> {
    if (!index) return std::nullopt;
    return result.samples[*index].time_ns;
  };
  const bool finite = result.predicted.finite;
  const auto predicted = [&](double value_ns) {
    return finite ? fmt::format("{:.3f} s", value_ns / 1e9) : std::string("never");
  };
  table.rows.push_back({"first page merged, after the program offered them",
                        predicted(result.predicted.first_merge_ns),
                        cell(sample_time(result.course.merge_begin)), cell(result.trace.first_ns)});
  table.rows.push_back({"last page merged", predicted(result.predicted.settled_ns),
                        cell(sample_time(result.course.merge_end)), cell(result.trace.last_ns)});
  return table;
}

}  // namespace

view::Figure demo_figure(const DemoResult& result, const std::string& host) {
  view::Figure figure;
  const auto size = static_cast<double>(result.pages * result.page_size_bytes);
  figure.title = fmt::format("Page merging of {} equal pages ({})", result.pages, bytes(size));
  figure.subtitle = fmt::format("{}, {}, every {}", host, format_wall_time_local(result.begin.wall_ns),
                                format_duration_ns(static_cast<double>(result.interval_ns)));
  figure.time_title = "time since the first sample";
  figure.high_ns = result.samples.empty() ? 1 : std::max<std::int64_t>(result.samples.back().time_ns, 1);
  using Number = std::optional<double>;
  figure.panels.push_back(panel_of(
      Unit::bytes,
      {line_of(result, "free memory", [](const MergeSample& s) -> Number { return s.free_bytes; })}, false));
  figure.panels.push_back(
      panel_of(Unit::bytes,
               {line_of(result, "program's RSS", [](const MergeSample& s) { return s.resident_bytes; }),
                line_of(
                    result, "program's PSS", [](const MergeSample& s) { return s.proportional_bytes; }, true),
                line_of(result, "profit", [](const MergeSample& s) -> Number { return s.profit_bytes; })},
               true));
  figure.panels.push_back(panel_of(
      Unit::count,
      {line_of(result, "pages shared", [](const MergeSample& s) -> Number { return s.shared_pages; }),
       line_of(result, "pages sharing", [](const MergeSample& s) -> Number { return s.sharing_pages; }),
       line_of(result, "unshared + volatile",
               [](const MergeSample& s) -> Number { return s.unsettled_pages; })},
      true));
  const auto event = [&](std::optional<std::size_t> index, record::EventKind kind, const char* text) {
    if (index) figure.events.push_back({result.samples[*index].time_ns, kind, text});
  };
  event(result.course.start, record::EventKind::start, "program starts");
  event(result.course.maximum, record::EventKind::peak, "maximum");
  if (result.writing_ns)
    figure.events.push_back({*result.writing_ns, record::EventKind::mark, "writes to all"});
  event(result.course.end, record::EventKind::end, "program ends");
  if (result.course.merge_begin && result.course.merge_end)
    figure.bands.push_back({result.samples[*result.course.merge_begin].time_ns,
                            std::max(result.samples[*result.course.merge_end].time_ns,
                                     result.samples[*result.course.merge_begin].time_ns + 1),
                            "ksmd merges"});
  return figure;
}

view::Report demo_report(const DemoResult& result, const std::string& host) {
  view::Report report;
  report.title = "Kernel Samepage Merging, watched";
  report.subtitle =
      fmt::format("{}, {}, isotach ksm demo", host, format_wall_time_local(result.begin.wall_ns));
  report.facts = {
      {"pages", fmt::format("{} of {} bytes, all equal", result.pages, result.page_size_bytes)},
      {"sampled",
       fmt::format("{} times, every {}, with {:.1f} % of one processor", result.samples.size(),
                   format_duration_ns(static_cast<double>(result.interval_ns)), result.own_cpu_share * 100)}};
  report.summary = demo_story(result);
  if (result.interrupted) report.summary.insert(report.summary.begin(), "The run was cut short.");

  view::ReportSection course;
  course.title = "What happened";
  view::ReportFigure figure;
  figure.figure = demo_figure(result, host);
  figure.caption =
      "Free memory falls as the program fills its pages and rises as ksmd merges them (shaded). RSS does not "
      "show the merging; PSS and the profit do. In its first scan ksmd only notes checksums, which costs "
      "memory: the profit is below zero then.";
  figure.height = 720;
  course.figures.push_back(std::move(figure));
  course.tables.push_back(
      {"The machine at four moments; unsettled is unshared + volatile, RSS the program's",
       {"moment", "time", "free", "anonymous", "RSS", "shared", "sharing", "unsettled", "profit"},
       moment_rows(result)});
  report.sections.push_back(std::move(course));

  view::ReportSection evidence;
  evidence.title = "Is it right?";
  evidence.tables.push_back(time_table(result));
  if (!result.identities.empty()) evidence.tables.push_back(identity_table(result));
  evidence.tables.push_back(settings_table(result));
  evidence.paragraphs.push_back("The settings were put back as they were found.");
  report.sections.push_back(std::move(evidence));
  report.footer = std::string("isotach ") + kVersion;
  return report;
}

}  // namespace isotach::command

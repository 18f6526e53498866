#include "command/swap/demo_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/counter.h"
#include "base/units.h"
#include "kernel/pagemap.h"
#include "view/export/json_writer.h"
#include "view/plot/axis.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

constexpr std::size_t kRateSamples = 5;  // a quarter of a second

std::string bytes_text(std::uint64_t bytes) {
  return format_bytes(static_cast<double>(bytes));
}

bool is_limited(const DemoOutcome& outcome) {
  return !outcome.plan.group_folder.empty();
}

std::string latency_text(const std::optional<memory::LatencySummary>& latency) {
  if (!latency) return "not measured";
  return fmt::format("p50 {}, p99 {}, max {}", format_duration_ns(static_cast<double>(latency->p50_ns)),
                     format_duration_ns(static_cast<double>(latency->p99_ns)),
                     format_duration_ns(static_cast<double>(latency->max_ns)));
}

class FigureMaker {
 public:
  explicit FigureMaker(const DemoRecord& record) : record_(record) {
    if (!record.samples.empty()) origin_ns_ = record.samples.front().time_ns;
  }

  [[nodiscard]] std::int64_t at(std::int64_t time_ns) const { return time_ns - origin_ns_; }

  // A value that is missing is a gap.
  [[nodiscard]] view::Line line(const std::string& name,
                                const std::function<Value(const memory::DemoSample&)>& value) const {
    view::Line line{name, {}, std::nullopt};
    for (const memory::DemoSample& sample : record_.samples) {
      view::DataPoint point;
      point.time_ns = at(sample.time_ns);
      if (const Value here = value(sample); !here.is_missing()) point.value = here.as_real();
      line.points.push_back(point);
    }
    return line;
  }

  [[nodiscard]] view::Line rate(const std::string& name, std::uint64_t memory::DemoSample::*counter) const {
    view::Line line{name, {}, std::nullopt};
    const double page = static_cast<double>(kernel::page_size_bytes());
    for (std::size_t i = kRateSamples; i < record_.samples.size(); ++i) {
      const memory::DemoSample& before = record_.samples[i - kRateSamples];
      const memory::DemoSample& now = record_.samples[i];
      view::DataPoint point;
      point.time_ns = at(now.time_ns);
      if (const auto pages = counter_growth(before.*counter, now.*counter);
          pages && now.time_ns > before.time_ns)
        point.value =
            static_cast<double>(*pages) * page * 1e9 / static_cast<double>(now.time_ns - before.time_ns);
      line.points.push_back(point);
    }
    return line;
  }

  static view::Panel panel(Unit unit, std::vector<view::Line> lines, bool with_zero) {
    std::optional<view::Range> extent;
    for (view::Line& line : lines)
      for (const view::DataPoint& point : line.points) {
        if (point.is_gap()) continue;
        include(extent, point.value);
        line.latest = point.value;
      }
    view::Panel result;
    result.unit = unit;
    result.range = view::rounded_range(extent.value_or(view::Range{}), unit, with_zero);
    result.lines = std::move(lines);
    return result;
  }

 private:
  const DemoRecord& record_;
  std::int64_t origin_ns_ = 0;
};

void add_events(const FigureMaker& maker, const DemoOutcome& outcome, view::Figure& figure) {
  using record::EventKind;
  const memory::DemoMarks& marks = outcome.record.marks;
  const auto add = [&](std::optional<std::int64_t> time_ns, EventKind kind, const std::string& text) {
    if (time_ns) figure.events.push_back({maker.at(*time_ns), kind, text});
  };
  add(marks.started_ns, EventKind::start, "program starts");
  add(outcome.story.first_out_ns, EventKind::mark, "first page out");
  add(outcome.story.peak_ns, EventKind::peak, "peak " + bytes_text(outcome.story.peak_used_bytes));
  add(marks.ended_ns, EventKind::end, "program ends");
  std::stable_sort(
      figure.events.begin(), figure.events.end(),
      [](const view::FigureEvent& a, const view::FigureEvent& b) { return a.time_ns < b.time_ns; });
  const auto band = [&](std::optional<std::int64_t> from_ns, std::optional<std::int64_t> to_ns,
                        const char* text) {
    if (from_ns && to_ns && *from_ns < *to_ns)
      figure.bands.push_back({maker.at(*from_ns), maker.at(*to_ns), text});
  };
  band(marks.started_ns, marks.filled_ns, "fills memory");
  band(marks.reading_ns, marks.read_ns, "reads it again");
}

view::ReportTable facts_table(const DemoOutcome& outcome) {
  const memory::DemoStory& story = outcome.story;
  view::ReportTable table{"What was measured", {"quantity", "value"}, {}};
  const auto add = [&](const std::string& name, const std::string& value) {
    table.rows.push_back({name, value});
  };
  add("program takes", bytes_text(outcome.plan.bytes));
  add("may hold in memory", bytes_text(outcome.plan.limit_bytes));
  add("swapped to", outcome.swap_text);
  if (!story.resident_peak_bytes.is_missing())
    add("most of it in memory", format_bytes(story.resident_peak_bytes.as_real()));
  add("swap in use before, at the peak, after",
      fmt::format("{}, {}, {}", bytes_text(story.before_used_bytes), bytes_text(story.peak_used_bytes),
                  bytes_text(story.after_used_bytes)));
  add("written to swap, at most",
      fmt::format("{}, {}/s", bytes_text(story.out_bytes), format_bytes(story.peak_out_rate)));
  add("read back, at most",
      fmt::format("{}, {}/s", bytes_text(story.in_bytes), format_bytes(story.peak_in_rate)));
  add("a thread that wants to run is late by", latency_text(outcome.record.responsiveness.wake));
  add("64 KiB of memory take", latency_text(outcome.record.responsiveness.allocate));
  return table;
}

void write_latency(view::JsonWriter& json, const std::optional<memory::LatencySummary>& latency) {
  if (!latency) {
    json.null();
    return;
  }
  json.begin_object();
  json.key("count").unsigned_integer(latency->count);
  json.key("p50_seconds").real(static_cast<double>(latency->p50_ns) / 1e9);
  json.key("p99_seconds").real(static_cast<double>(latency->p99_ns) / 1e9);
  json.key("max_seconds").real(static_cast<double>(latency->max_ns) / 1e9);
  json.end_object();
}

void print_json(Context& context, const DemoOutcome& outcome) {
  const memory::DemoStory& story = outcome.story;
  const std::int64_t origin_ns = outcome.record.samples.empty() ? 0 : outcome.record.samples.front().time_ns;
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.swap.demo.v1");
  json.key("start").string(format_wall_time_utc(outcome.record.origin.wall_ns));
  json.key("program_bytes").unsigned_integer(outcome.plan.bytes);
  json.key("limit_bytes").unsigned_integer(outcome.plan.limit_bytes);
  json.key("method").string(outcome.plan.group_folder.empty() ? "advice" : "group");
  json.key("complete").boolean(!outcome.record.interrupted && outcome.record.marks.read_ns.has_value());
  const auto moment = [&](const char* key, std::optional<std::int64_t> time_ns) {
    json.key(key).real(time_ns ? std::optional(static_cast<double>(*time_ns - origin_ns) / 1e9)
                               : std::nullopt);
  };
  json.key("seconds").begin_object();
  moment("started", outcome.record.marks.started_ns);
  moment("first_page_out", story.first_out_ns);
  moment("filled", outcome.record.marks.filled_ns);
  moment("peak", story.peak_ns);
  moment("reading", outcome.record.marks.reading_ns);
  moment("read", outcome.record.marks.read_ns);
  moment("ended", outcome.record.marks.ended_ns);
  json.end_object();
  json.key("swap_used_before_bytes").unsigned_integer(story.before_used_bytes);
  json.key("swap_used_peak_bytes").unsigned_integer(story.peak_used_bytes);
  json.key("swap_used_after_bytes").unsigned_integer(story.after_used_bytes);
  json.key("swapped_out_bytes").unsigned_integer(story.out_bytes);
  json.key("swapped_in_bytes").unsigned_integer(story.in_bytes);
  json.key("peak_out_bytes_per_second").real(story.peak_out_rate);
  json.key("peak_in_bytes_per_second").real(story.peak_in_rate);
  json.key("resident_peak_bytes").value(story.resident_peak_bytes);
  json.key("idle_swap_bytes").value(story.idle_out_bytes);
  json.key("wake_latency");
  write_latency(json, outcome.record.responsiveness.wake);
  json.key("allocation_latency");
  write_latency(json, outcome.record.responsiveness.allocate);
  json.key("interpretation").begin_array();
  for (const std::string& sentence :
       memory::explain_demo(story, outcome.plan.limit_bytes, is_limited(outcome)))
    json.string(sentence);
  json.end_array();
  json.end_object();
  context.out.write(json.text() + '\n');
}

}  // namespace

view::Figure demo_figure(const DemoOutcome& outcome) {
  const FigureMaker maker(outcome.record);
  view::Figure figure;
  figure.title = fmt::format("Swapping: {} in room for {}", bytes_text(outcome.plan.bytes),
                             bytes_text(outcome.plan.limit_bytes));
  figure.subtitle = outcome.host + ", " + format_wall_time_local(outcome.record.origin.wall_ns);
  figure.panels.push_back(FigureMaker::panel(
      Unit::bytes,
      {maker.line("program in memory", [](const memory::DemoSample& s) { return s.resident_bytes; }),
       maker.line("program in swap", [](const memory::DemoSample& s) { return s.program_swap_bytes; }),
       maker.line("swap used (swpd)",
                  [](const memory::DemoSample& s) { return Value::of(s.swap_used_bytes); }),
       maker.line("idle program in swap", [](const memory::DemoSample& s) { return s.idle_swap_bytes; })},
      true));
  figure.panels.push_back(FigureMaker::panel(
      Unit::bytes, {maker.line("free", [](const memory::DemoSample& s) { return Value::of(s.free_bytes); })},
      false));
  figure.panels.push_back(FigureMaker::panel(Unit::bytes_per_second,
                                             {maker.rate("written (so)", &memory::DemoSample::out_pages),
                                              maker.rate("read back (si)", &memory::DemoSample::in_pages)},
                                             true));
  if (!outcome.record.samples.empty())
    figure.high_ns = std::max<std::int64_t>(maker.at(outcome.record.samples.back().time_ns), 1);
  figure.time_title = "time";
  add_events(maker, outcome, figure);
  return figure;
}

view::Report demo_report(const DemoOutcome& outcome) {
  view::Report report;
  report.title = "Swapping, watched";
  report.subtitle = fmt::format("{}, {}, isotach swap demo", outcome.host,
                                format_wall_time_local(outcome.record.origin.wall_ns));
  report.summary = memory::explain_demo(outcome.story, outcome.plan.limit_bytes, is_limited(outcome));
  view::ReportSection section;
  section.title = "What happened";
  section.paragraphs = {fmt::format(
      "A program takes {} and may hold {} of it in memory; beside it, one of {} does nothing. Above: where "
      "their pages are. In the middle: free memory of the machine. Below: what is written to swap and read "
      "back.",
      bytes_text(outcome.plan.bytes), bytes_text(outcome.plan.limit_bytes),
      bytes_text(outcome.plan.idle_bytes))};
  section.figures.push_back(
      {demo_figure(outcome),
       "From the first page that goes out, the program stays at what it may hold while swap "
       "fills. Free memory is that of the whole machine; other programs move it too.",
       960, 640});
  section.tables.push_back(facts_table(outcome));
  report.sections.push_back(std::move(section));
  return report;
}

void print_demo(Context& context, const DemoOutcome& outcome) {
  if (context.json_errors) {
    print_json(context, outcome);
    return;
  }
  const int columns = context.out_is_terminal ? terminal_size(context.out.fd()).columns : 100;
  view::Table table({{"", view::Align::left, 0, 20}, {"", view::Align::left, 0, 20}});
  for (const std::vector<std::string>& row : facts_table(outcome).rows) table.row({row[0], row[1]});
  context.out.write(table.text(columns));
  for (const std::string& sentence :
       memory::explain_demo(outcome.story, outcome.plan.limit_bytes, is_limited(outcome)))
    context.out.write('\n' + sentence + '\n');
}

}  // namespace isotach::command

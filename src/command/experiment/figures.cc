#include "command/experiment/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "view/plot/axis.h"

namespace isotach::command {
namespace {

using memory::MemorySample;
using view::DataPoint;
using view::Figure;
using view::Line;
using view::Panel;

constexpr double kMiB = 1024.0 * 1024;

std::int64_t origin_of(const memory::MemoryRun& run) {
  return run.samples.empty() ? 0 : run.samples.front().time_ns;
}

std::int64_t length_of(const memory::MemoryRun& run) {
  return run.samples.empty() ? 0 : run.samples.back().time_ns - run.samples.front().time_ns;
}

Line line_of(const std::string& name, const memory::MemoryRun& run,
             std::optional<double> MemorySample::*field) {
  Line line{name, {}, {}};
  for (const MemorySample& sample : run.samples) {
    const std::optional<double>& value = sample.*field;
    line.points.push_back(
        {sample.time_ns - origin_of(run), value.value_or(std::numeric_limits<double>::quiet_NaN())});
    line.latest = value;
  }
  return line;
}

double greatest(const Line& line) {
  double most = 0;
  for (const DataPoint& point : line.points)
    if (!point.is_gap()) most = std::max(most, point.value);
  return most;
}

// Faults a second over 50 ms, which is smooth enough to see a rate.
Line fault_line(const memory::MemoryRun& run) {
  constexpr std::int64_t kWindowNs = 50'000'000;
  Line line{"minor faults", {}, {}};
  const MemorySample* before = nullptr;
  for (const MemorySample& sample : run.samples) {
    if (!sample.minor_faults) continue;
    if (before == nullptr) before = &sample;
    const std::int64_t elapsed_ns = sample.time_ns - before->time_ns;
    if (elapsed_ns < kWindowNs) continue;
    const double faults = *sample.minor_faults - *before->minor_faults;
    line.points.push_back(
        {sample.time_ns - origin_of(run), faults >= 0 ? faults * 1e9 / static_cast<double>(elapsed_ns)
                                                      : std::numeric_limits<double>::quiet_NaN()});
    before = &sample;
  }
  if (!line.points.empty() && !line.points.back().is_gap()) line.latest = line.points.back().value;
  return line;
}

void frame(Figure& figure, const JudgedRun& run, std::int64_t length_ns, double peak_bytes) {
  figure.title = printable(run.title);
  figure.subtitle = run.judged.verdict == run.judged.shape || run.judged.shape == memory::Verdict::too_short
                        ? std::string(memory::verdict_text(run.judged.verdict))
                        : fmt::format("{}, {}", memory::verdict_text(run.judged.shape),
                                      memory::verdict_text(run.judged.verdict));
  figure.high_ns = std::max<std::int64_t>(length_ns, 1'000'000);
  figure.time_title = "time since its start";
  figure.panels.front().unit = Unit::bytes;
  figure.panels.front().range = view::rounded_range({0, std::max(peak_bytes, kMiB)}, Unit::bytes, true);
}

// Phases as bands; start, peak and end of the program proper as events.
void annotate(Figure& figure, const JudgedRun& run) {
  const std::int64_t origin_ns = origin_of(run.run);
  for (const memory::Phase& phase : run.phases)
    figure.bands.push_back({phase.from_ns - origin_ns, phase.to_ns - origin_ns, printable(phase.name)});
  if (run.judged.numbers.peak_bytes > 0)
    figure.events.push_back({run.judged.numbers.peak_ns - origin_ns, record::EventKind::peak,
                             "peak " + format_bytes(run.judged.numbers.peak_bytes)});
  for (const memory::ProgramMark& mark : run.run.marks) {
    if (mark.text.starts_with("begin ") || mark.text.starts_with("end ")) continue;
    const bool ends = mark.text == "exit" || mark.text == "end";
    if (mark.text == "start") continue;
    figure.events.push_back({mark.time_ns - origin_ns,
                             ends ? record::EventKind::end : record::EventKind::mark,
                             ends ? std::string("it ends") : printable(mark.text)});
  }
  std::stable_sort(figure.events.begin(), figure.events.end(),
                   [](const auto& a, const auto& b) { return a.time_ns < b.time_ns; });
}

}  // namespace

SharedAxes shared_axes_of(const std::vector<JudgedRun>& runs) {
  SharedAxes axes;
  for (const JudgedRun& run : runs) {
    axes.length_ns = std::max(axes.length_ns, length_of(run.run));
    for (const MemorySample& sample : run.run.samples)
      axes.peak_bytes = std::max(axes.peak_bytes, sample.resident_bytes.value_or(0));
  }
  return axes;
}

Figure simple_figure(const JudgedRun& run, const SharedAxes& axes) {
  Figure figure;
  Panel& panel = figure.panels.emplace_back();
  panel.lines.push_back(line_of("resident", run.run, &MemorySample::resident_bytes));
  // The legend's number is the peak: what is compared.
  panel.lines.front().latest = run.judged.numbers.peak_bytes;
  panel.lines.front().name = "resident, at most";
  frame(figure, run, axes.length_ns, axes.peak_bytes);
  annotate(figure, run);
  figure.events.clear();
  return figure;
}

Figure detailed_figure(const JudgedRun& run) {
  Figure figure;
  Panel& panel = figure.panels.emplace_back();
  panel.lines.push_back(line_of("resident", run.run, &MemorySample::resident_bytes));
  panel.lines.push_back(line_of("heap", run.run, &MemorySample::heap_bytes));
  double most = std::max(greatest(panel.lines[0]), greatest(panel.lines[1]));
  for (const auto& [name, field] : {std::pair("swap", &MemorySample::swap_bytes),
                                    std::pair("lazy free", &MemorySample::lazy_free_bytes)}) {
    Line line = line_of(name, run.run, field);
    if (greatest(line) < kMiB) continue;
    most = std::max(most, greatest(line));
    panel.lines.push_back(std::move(line));
  }
  Line faults = fault_line(run.run);
  frame(figure, run, length_of(run.run), most);
  if (!run.start_text.empty()) figure.subtitle += " · " + run.start_text;
  annotate(figure, run);
  if (!faults.points.empty()) {
    Panel& rates = figure.panels.emplace_back();
    rates.unit = Unit::per_second;
    rates.range = view::rounded_range({0, std::max(1.0, greatest(faults))}, rates.unit, true);
    rates.lines.push_back(std::move(faults));
  }
  return figure;
}

Figure overlaid_figure(const std::vector<JudgedRun>& runs) {
  Figure figure;
  Panel& panel = figure.panels.emplace_back();
  const SharedAxes axes = shared_axes_of(runs);
  for (const JudgedRun& run : runs) {
    panel.lines.push_back(line_of(printable(run.name), run.run, &MemorySample::resident_bytes));
    panel.lines.back().latest = run.judged.numbers.peak_bytes;
  }
  figure.title = "Resident memory, each from its start";
  figure.subtitle = "numbers: peaks";
  figure.high_ns = std::max<std::int64_t>(axes.length_ns, 1'000'000);
  figure.time_title = "time since the start of each";
  panel.unit = Unit::bytes;
  panel.range = view::rounded_range({0, std::max(axes.peak_bytes, kMiB)}, Unit::bytes, true);
  return figure;
}

}  // namespace isotach::command

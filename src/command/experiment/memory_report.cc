#include "command/experiment/memory_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "command/version.h"
#include "memory/experiment/scripts.h"

namespace isotach::command {
namespace {

using memory::LabAnswer;
using memory::LabRun;
using view::Report;
using view::ReportFigure;
using view::ReportSection;
using view::ReportTable;

std::string time_text(std::int64_t time_ns) {
  return format_duration_ns(static_cast<double>(time_ns));
}

ReportSection method_section() {
  ReportSection section;
  section.title = "How it is judged";
  section.paragraphs = {
      "Each program runs in a process of its own. Its resident memory, heap and page faults are read 100 "
      "times a second from outside, its proportional memory twice a second, because the kernel holds the "
      "program up for that.",
      "Judged is the part between the program's start and its end: what an interpreter loads, and what is "
      "given back while the program ends, tell nothing of it. A turn of the curve counts when it undoes a "
      "fifth of the whole range.",
      "From outside, memory that is in use, leaked, or free inside an allocator looks the same. A Python "
      "program that is asked says at its end what its allocators hold, runs its cycle collector, and says so "
      "again: the difference is what reference cycles held."};
  return section;
}

ReportTable phase_table(const JudgedRun& run) {
  ReportTable table;
  table.caption = "What each part did";
  table.heads = {"part", "took", "before", "at most", "after", "what became of it"};
  for (const memory::Phase& phase : run.phases)
    table.rows.push_back({phase.name, time_text(phase.to_ns - phase.from_ns),
                          format_bytes(phase.before_bytes), format_bytes(phase.peak_bytes),
                          format_bytes(phase.after_bytes), std::string(memory::fate_text(phase.fate))});
  return table;
}

ReportSection run_section(const JudgedRun& run) {
  ReportSection section;
  section.title = run.title;
  section.verdict = std::string(memory::verdict_text(run.judged.verdict));
  section.paragraphs.push_back(run.judged.summary);
  for (const std::string& reason : run.judged.reasons) section.paragraphs.push_back(reason);
  for (const std::string& advice : run.judged.advice) section.paragraphs.push_back(advice);
  ReportFigure figure;
  figure.figure = detailed_figure(run);
  figure.height = 460;
  figure.caption =
      "Resident memory and the size of the heap; below, page faults that were served from RAM: each is a "
      "page touched for the first time.";
  section.figures.push_back(std::move(figure));
  if (!run.phases.empty()) section.tables.push_back(phase_table(run));
  ReportTable numbers;
  numbers.caption = "What was measured";
  numbers.heads = {"", "value"};
  for (const auto& [name, value] : measured_rows(run)) numbers.rows.push_back({name, value});
  section.tables.push_back(std::move(numbers));
  return section;
}

ReportTable comparison_table(const std::vector<JudgedRun>& runs, const std::vector<LabRun>& lab) {
  ReportTable table;
  table.caption = "The experiments beside each other";
  table.heads = {"experiment",   "peak",  "above its start",   "at the end",
                 "minor faults", "curve", "the first list was"};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const memory::CurveNumbers& numbers = runs[i].judged.numbers;
    table.rows.push_back({runs[i].name, format_bytes(numbers.peak_bytes), format_bytes(lab[i].growth_bytes()),
                          format_bytes(numbers.end_bytes),
                          numbers.faults ? fmt::format("{:.0f}", *numbers.faults) : std::string("-"),
                          std::string(memory::verdict_text(runs[i].judged.shape)),
                          memory::outcome_of(lab[i])});
  }
  return table;
}

// A section for each question, with the answers of all languages.
void add_answers(const std::vector<LabAnswer>& answers, Report& report) {
  const std::size_t first = report.sections.size();
  for (const LabAnswer& answer : answers) {
    const auto known =
        std::find_if(report.sections.begin() + static_cast<std::ptrdiff_t>(first), report.sections.end(),
                     [&](const ReportSection& section) { return section.title == answer.question; });
    ReportSection& section = known != report.sections.end() ? *known : report.sections.emplace_back();
    section.title = answer.question;
    for (std::size_t i = 0; i < answer.answer.size(); ++i)
      section.paragraphs.push_back(
          i == 0 ? fmt::format("{}: {}", memory::language_text(answer.language), answer.answer[i])
                 : answer.answer[i]);
  }
}

Report begin(const ReportHead& head) {
  Report report;
  report.title = head.title;
  report.subtitle = head.subtitle;
  report.facts = head.facts;
  report.footer = fmt::format("isotach {}", kVersion);
  return report;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> measured_rows(const JudgedRun& run) {
  const memory::CurveNumbers& numbers = run.judged.numbers;
  std::vector<std::pair<std::string, std::string>> rows = {
      {"least resident memory", format_bytes(numbers.base_bytes)},
      {"peak", format_bytes(numbers.peak_bytes)},
      {"at the end", format_bytes(numbers.end_bytes)},
      {"rises", fmt::format("{}", numbers.teeth)},
      {"falls", fmt::format("{}", numbers.falls)}};
  const auto add = [&](const char* name, const std::optional<double>& value, auto&& text) {
    if (value) rows.emplace_back(name, text(*value));
  };
  const auto bytes = [](double value) { return format_bytes(value); };
  add("minor faults", numbers.faults, [](double value) { return fmt::format("{:.0f}", value); });
  add("memory taken, in parts of what was kept", numbers.churn,
      [](double value) { return fmt::format("{:.2f}", value); });
  const auto percent = [](double value) { return fmt::format("{:.0f} %", value * 100); };
  add("heap (brk) at the peak, of resident memory", numbers.heap_share, percent);
  add("its own (anonymous) at the peak", numbers.anonymous_share, percent);
  add("lazily freed, at the end", numbers.lazy_free_bytes, bytes);
  add("in use after the cycle collector", run.judged.live_bytes, bytes);
  add("freed by the cycle collector", run.judged.cycle_bytes, bytes);
  add("free inside the allocators", run.judged.free_bytes, bytes);
  rows.emplace_back("samples", fmt::format("{}", run.run.samples.size()));
  if (!run.end_text.empty()) rows.emplace_back("ended with", run.end_text);
  return rows;
}

Report lab_report(const ReportHead& head, const std::vector<JudgedRun>& runs,
                  const std::vector<LabRun>& lab) {
  Report report = begin(head);
  const std::vector<LabAnswer> answers = memory::answers_of(lab);
  // All of which use the same, and of the other answers what was measured.
  for (const LabAnswer& answer : answers) {
    const std::size_t lines = answer.question == answers.front().question ? answer.answer.size() : 1;
    for (std::size_t i = 0; i < std::min(lines, answer.answer.size()); ++i)
      report.summary.push_back(
          fmt::format("{}: {}", memory::language_text(answer.language), answer.answer[i]));
  }
  if (report.summary.empty())
    for (const JudgedRun& run : runs) report.summary.push_back(run.name + ": " + run.judged.summary);

  ReportSection beside;
  beside.title = "The curves, side by side";
  beside.paragraphs = {
      "Axes are equal, so that heights and lengths can be compared. Shaded is the time in which do_append "
      "and do_allocate ran."};
  beside.side_by_side = true;
  const SharedAxes axes = shared_axes_of(runs);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    ReportFigure figure;
    figure.figure = simple_figure(runs[i], axes);
    figure.figure.title = runs[i].name;
    figure.figure.subtitle = memory::outcome_of(lab[i]);
    figure.caption = runs[i].judged.summary;
    figure.width = 580;
    figure.height = 300;
    beside.figures.push_back(std::move(figure));
  }
  beside.tables.push_back(comparison_table(runs, lab));
  report.sections.push_back(std::move(beside));

  add_answers(answers, report);
  for (const JudgedRun& run : runs) report.sections.push_back(run_section(run));
  report.sections.push_back(method_section());
  ReportSection source;
  source.title = "The program";
  source.code = {{"The experiments in Python; those in C++ do the same with std::vector and std::string.",
                  std::string(memory::lab_script())}};
  report.sections.push_back(std::move(source));
  return report;
}

Report command_report(const ReportHead& head, const JudgedRun& run) {
  Report report = begin(head);
  report.summary = {fmt::format("{}: {}", memory::verdict_text(run.judged.verdict), run.judged.summary)};
  for (const std::string& reason : run.judged.reasons) report.summary.push_back(reason);
  report.sections.push_back(run_section(run));
  report.sections.push_back(method_section());
  return report;
}

}  // namespace isotach::command

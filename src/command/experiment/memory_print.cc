#include "command/experiment/memory_print.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "base/units.h"
#include "command/experiment/memory_report.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"
#include "view/plot/terminal_plot.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

using memory::LabRun;
using memory::MemorySample;
using view::Align;
using view::JsonWriter;

constexpr int kWidestText = 100;

// Lines of at most `columns`, the first after `head`, the others as far to the right.
std::string wrapped(const std::string& head, const std::string& text, int columns) {
  const std::size_t indent = display_width(head);
  const auto room = static_cast<std::size_t>(std::max(20, std::min(columns, kWidestText)));
  std::string result = head;
  std::size_t at = indent;
  for (const std::string_view word : split_blanks(text)) {
    const std::size_t width = display_width(word);
    if (at > indent && at + 1 + width > room) {
      result += '\n' + std::string(indent, ' ');
      at = indent;
    }
    if (at > indent) {
      result += ' ';
      ++at;
    }
    result += word;
    at += width;
  }
  return result + '\n';
}

view::DotStyle dots() {
  // As the other plots decide: a user whose locale is plain C cannot read braille.
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || value[0] == '\0') continue;
    const std::string_view locale = value;
    return locale == "C" || locale == "POSIX" ? view::DotStyle::ascii : view::DotStyle::braille;
  }
  return view::DotStyle::braille;
}

void json_number(JsonWriter& json, const char* name, const std::optional<double>& value) {
  json.key(name).real(value);
}

void json_run(JsonWriter& json, const JudgedRun& run, const LabRun* lab) {
  const memory::CurveNumbers& numbers = run.judged.numbers;
  const std::int64_t origin_ns = run.run.samples.empty() ? 0 : run.run.samples.front().time_ns;
  const auto seconds = [&](std::int64_t time_ns) { return static_cast<double>(time_ns - origin_ns) / 1e9; };
  json.begin_object().key("name").string(run.name);
  if (lab != nullptr) {
    json.key("experiment").integer(lab->number).key("language").string(memory::language_key(lab->language));
    json.key("outcome").string(memory::outcome_of(*lab));
  }
  json.key("verdict").string(memory::verdict_key(run.judged.verdict));
  json.key("shape").string(memory::verdict_key(run.judged.shape));
  json.key("summary").string(run.judged.summary);
  for (const auto& [name, texts] :
       {std::pair("reasons", &run.judged.reasons), std::pair("advice", &run.judged.advice)}) {
    json.key(name).begin_array();
    for (const std::string& text : *texts) json.string(text);
    json.end_array();
  }
  const bool any = numbers.samples > 0;
  const auto known = [&](double value) { return any ? std::optional(value) : std::nullopt; };
  json_number(json, "base_bytes", known(numbers.base_bytes));
  json_number(json, "peak_bytes", known(numbers.peak_bytes));
  json_number(json, "end_bytes", known(numbers.end_bytes));
  json_number(json, "kernel_peak_bytes", run.run.peak_bytes);
  json_number(json, "judged_from_seconds", known(seconds(numbers.from_ns)));
  json_number(json, "judged_to_seconds", known(seconds(numbers.to_ns)));
  json_number(json, "peak_seconds", known(seconds(numbers.peak_ns)));
  json.key("rises").unsigned_integer(numbers.teeth).key("falls").unsigned_integer(numbers.falls);
  json_number(json, "returned_ratio", known(numbers.returned_share));
  json_number(json, "minor_faults", numbers.faults);
  json_number(json, "taken_over_kept", numbers.churn);
  json_number(json, "heap_ratio_at_peak", numbers.heap_share);
  json_number(json, "anonymous_ratio_at_peak", numbers.anonymous_share);
  json_number(json, "lazy_free_bytes", numbers.lazy_free_bytes);
  json_number(json, "cycle_bytes", run.judged.cycle_bytes);
  json_number(json, "live_bytes", run.judged.live_bytes);
  json_number(json, "allocator_free_bytes", run.judged.free_bytes);
  json.key("samples").unsigned_integer(run.run.samples.size());
  json.key("phases").begin_array();
  for (const memory::Phase& phase : run.phases) {
    json.begin_object().key("name").string(phase.name);
    json.key("from_seconds").real(seconds(phase.from_ns)).key("to_seconds").real(seconds(phase.to_ns));
    json.key("before_bytes").real(phase.before_bytes).key("peak_bytes").real(phase.peak_bytes);
    json.key("after_bytes")
        .real(phase.after_bytes)
        .key("fate")
        .string(memory::fate_text(phase.fate))
        .end_object();
  }
  json.end_array();
  json.key("end").string(run.end_text).end_object();
}

}  // namespace

void print_lab(Context& context, const std::vector<JudgedRun>& runs, const std::vector<LabRun>& lab) {
  const int columns = terminal_size(context.out.fd()).columns;
  view::Table table({{"experiment", Align::left, 0, 16},
                     {"peak", Align::quantity},
                     {"above start", Align::quantity},
                     {"at the end", Align::quantity, 3},
                     {"minor faults", Align::right, 2},
                     {"curve", Align::left, 1},
                     {"the first list was", Align::left}});
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (i > 0 && lab[i].language != lab[i - 1].language) table.gap();
    const memory::CurveNumbers& numbers = runs[i].judged.numbers;
    table.row({runs[i].name, format_bytes(numbers.peak_bytes), format_bytes(lab[i].growth_bytes()),
               format_bytes(numbers.end_bytes), numbers.faults ? fmt::format("{:.0f}", *numbers.faults) : "-",
               std::string(memory::verdict_text(runs[i].judged.shape)), memory::outcome_of(lab[i])});
  }
  context.out.write(table.text(columns));
  for (const memory::LabAnswer& answer : memory::answers_of(lab)) {
    context.out.write(
        '\n' + wrapped("", fmt::format("{} ({})", answer.question, memory::language_text(answer.language)),
                       columns));
    for (const std::string& text : answer.answer) context.out.write(wrapped("  ", text, columns));
  }
}

void print_command(Context& context, const JudgedRun& run) {
  const TerminalSize size = terminal_size(context.out.fd());
  if (run.run.samples.size() >= 2) {
    constexpr int kPlotRows = 18;
    view::Grid grid(std::min(size.columns, 120), std::clamp(size.rows - 8, 8, kPlotRows));
    view::Figure figure = detailed_figure(run);
    figure.panels.resize(1);
    draw_figure(grid, figure, {dots(), {}});
    context.out.write(context.color ? grid.text_with_color() : grid.text());
    context.out.write("\n");
  }
  context.out.write(fmt::format("verdict: {}\n", memory::verdict_text(run.judged.verdict)));
  context.out.write(wrapped("  ", run.judged.summary, size.columns));
  for (const std::string& reason : run.judged.reasons) context.out.write(wrapped("  ", reason, size.columns));
  for (const std::string& advice : run.judged.advice) context.out.write(wrapped("  ", advice, size.columns));
  context.out.write("\n");
  view::Table table({{"", Align::left, 0, 16}, {"", Align::quantity}});
  for (const auto& [name, value] : measured_rows(run)) table.row({name, value});
  context.out.write(table.text(size.columns));
}

std::string memory_json(const std::vector<JudgedRun>& runs, const std::vector<LabRun>& lab,
                        bool interrupted) {
  JsonWriter json;
  json.begin_object().key("schema").string("isotach.experiment.memory.v1");
  json.key("interrupted").boolean(interrupted);
  json.key("runs").begin_array();
  for (std::size_t i = 0; i < runs.size(); ++i) json_run(json, runs[i], lab.empty() ? nullptr : &lab[i]);
  json.end_array();
  json.key("answers").begin_array();
  for (const memory::LabAnswer& answer : memory::answers_of(lab)) {
    json.begin_object().key("question").string(answer.question);
    json.key("language").string(memory::language_key(answer.language)).key("answer").begin_array();
    for (const std::string& text : answer.answer) json.string(text);
    json.end_array().end_object();
  }
  json.end_array().end_object();
  return json.take() + '\n';
}

std::string memory_csv(const std::vector<JudgedRun>& runs) {
  view::CsvWriter csv;
  csv.head({"run", "time_seconds", "rss_bytes", "anonymous_bytes", "swap_bytes", "heap_bytes", "pss_bytes",
            "lazy_free_bytes", "minor_faults", "cpu_wait_seconds"});
  for (const JudgedRun& run : runs) {
    for (const MemorySample& sample : run.run.samples) {
      csv.text(run.name);
      csv.real(static_cast<double>(sample.time_ns - run.run.samples.front().time_ns) / 1e9);
      csv.real(sample.resident_bytes)
          .real(sample.anonymous_bytes)
          .real(sample.swap_bytes)
          .real(sample.heap_bytes);
      csv.real(sample.proportional_bytes).real(sample.lazy_free_bytes).real(sample.minor_faults);
      csv.real(sample.cpu_wait_ns ? std::optional(*sample.cpu_wait_ns / 1e9) : std::nullopt).end_row();
    }
  }
  return csv.take();
}

}  // namespace isotach::command

#include "command/nettest/verdict_text.h"

#include <fmt/format.h>

#include "base/units.h"
#include "command/nettest/timing.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

using nettest::LoadLatency;
using nettest::MeanEstimate;
using nettest::TestFacts;
using nettest::TestReport;

std::string value_text(const TestFacts& facts, double value) {
  return facts.parameters.transaction == nettest::Transaction::none ? format_bits_per_second(value)
                                                                    : fmt::format("{:.1f} /s", value);
}

std::string load_text(const LoadLatency& latency) {
  view::Table table({{"latency", view::Align::left},
                     {"requests", view::Align::right},
                     {"least", view::Align::quantity},
                     {"p50", view::Align::quantity},
                     {"p90", view::Align::quantity},
                     {"p99", view::Align::quantity},
                     {"most", view::Align::quantity}});
  const auto row = [&table](const char* name, const Histogram& values) {
    const auto time = [](std::uint64_t ns) { return format_duration_ns(static_cast<double>(ns)); };
    if (values.count() == 0) {
      table.row({name, "0"});
    } else {
      table.row({name, fmt::format("{}", values.count()), time(values.minimum()), time(values.quantile(0.5)),
                 time(values.quantile(0.9)), time(values.quantile(0.99)), time(values.maximum())});
    }
  };
  row("alone", latency.idle_ns);
  row("under load", latency.loaded_ns);
  std::string text = "\n" + table.text(110);
  if (latency.stream_rtt_ns)
    text += fmt::format("the stream's own segments took {} there and back\n",
                        format_duration_ns(*latency.stream_rtt_ns));
  if (const auto verdict = judge(latency))
    text += fmt::format(
        "load adds {} ({} instead of {}): bufferbloat grade {}; {:.0f} round trips a minute (RPM)\n",
        format_duration_ns(verdict->increase_ns), format_duration_ns(verdict->loaded_ns),
        format_duration_ns(verdict->idle_ns), verdict->grade, verdict->round_trips_per_minute);
  if (!latency.problem.empty()) text += "latency was not measured to the end: " + latency.problem + "\n";
  return text;
}

void write_estimate(view::JsonWriter& json, const MeanEstimate& estimate) {
  json.key("mean").real(estimate.mean);
  json.key("half_width").real(estimate.half_width);
  json.key("half_width_percent").real(estimate.relative() * 100);
}

void write_load(view::JsonWriter& json, const LoadLatency& latency) {
  json.begin_object();
  for (const auto& [key, values] :
       {std::pair{"idle", &latency.idle_ns}, std::pair{"loaded", &latency.loaded_ns}}) {
    json.key(key).begin_object();
    write_distribution(json, *values);
    json.end_object();
  }
  if (latency.stream_rtt_ns) json.key("stream_rtt_ns").real(*latency.stream_rtt_ns);
  if (const auto verdict = judge(latency)) {
    json.key("idle_ns").real(verdict->idle_ns).key("loaded_ns").real(verdict->loaded_ns);
    json.key("increase_ns").real(verdict->increase_ns);
    json.key("bufferbloat_grade").string(verdict->grade);
    json.key("round_trips_per_minute").real(verdict->round_trips_per_minute);
  }
  if (!latency.problem.empty()) json.key("problem").string(latency.problem);
  json.end_object();
}

}  // namespace

std::string verdict_text(const TestFacts& facts, const TestReport& report) {
  std::string text;
  if (report.load_latency) text += load_text(*report.load_latency);
  if (report.confidence) {
    const nettest::ConfidenceReport& confidence = *report.confidence;
    text += fmt::format(
        "\nmean of {} runs: {}, {} to {:.2f} % each way with {:g} % confidence (wanted: {:g} %)\n",
        confidence.runs.size(), value_text(facts, confidence.result.mean),
        confidence.reached ? "known" : "known only", confidence.result.relative() * 100,
        confidence.goal.level * 100, confidence.goal.half_width * 100);
    text += "the tables above are of the last run\n";
  }
  if (report.within_run)
    text += fmt::format("\nmean of the intervals: {}, known to {:.2f} % each way with {:g} % confidence\n",
                        value_text(facts, report.within_run->estimate.mean),
                        report.within_run->estimate.relative() * 100, report.within_run->level * 100);
  return text;
}

void write_verdicts(view::JsonWriter& json, const TestReport& report) {
  if (report.load_latency) {
    json.key("latency_under_load");
    write_load(json, *report.load_latency);
  }
  if (report.confidence) {
    const nettest::ConfidenceReport& confidence = *report.confidence;
    json.key("confidence").begin_object();
    json.key("level_percent").real(confidence.goal.level * 100);
    json.key("wanted_half_width_percent").real(confidence.goal.half_width * 100);
    json.key("reached").boolean(confidence.reached);
    write_estimate(json, confidence.result);
    json.key("runs").begin_array();
    for (const double value : confidence.runs) json.real(value);
    json.end_array();
    json.end_object();
  }
  if (report.within_run) {
    json.key("until").begin_object();
    json.key("level_percent").real(report.within_run->level * 100);
    json.key("reached").boolean(report.within_run->reached);
    write_estimate(json, report.within_run->estimate);
    json.end_object();
  }
}

}  // namespace isotach::command

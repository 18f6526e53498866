#include "command/nettest/campaign_options.h"

#include <string>

#include "base/text.h"
#include "command/common_options.h"

namespace isotach::command {
namespace {

constexpr std::int64_t kUntilDurationNs = 60 * kNanosecondsPerSecond;
constexpr std::int64_t kUntilIntervalNs = 250'000'000;
constexpr std::int64_t kPlotIntervalNs = 250'000'000;

// "5", "5%", "0.5 %": of 1.
std::optional<double> share_of(std::string text) {
  while (!text.empty() && (text.back() == '%' || text.back() == ' ')) text.pop_back();
  const auto percent = parse_real(text);
  if (!percent || *percent <= 0 || *percent >= 100) return std::nullopt;
  return *percent / 100;
}

void read_confidence(Reading& reading, NettestOptions& options) {
  const auto text = reading.value("--confidence");
  const auto runs = reading.value("--runs");
  if (!text) {
    if (runs) reading.fail("--runs belongs to --confidence");
    return;
  }
  const auto pieces = split(*text, ',');
  const auto level = share_of(std::string(pieces[0]));
  const auto width = pieces.size() == 2 ? share_of(std::string(pieces[1])) : std::optional<double>(0.05);
  if (!level || !width || pieces.size() > 2 || *level < 0.5 || *level > 0.9999) {
    reading.fail(
        bad_value("--confidence", *text,
                  "write the level and the width of the interval in percent, as in: --confidence 99,5")
            .value());
    return;
  }
  nettest::ConfidenceGoal goal;
  goal.level = *level;
  goal.half_width = *width / 2;
  if (runs) {
    const auto counts = split(*runs, ',');
    const auto least = parse_unsigned(counts[0]);
    const auto most = counts.size() == 2 ? parse_unsigned(counts[1]) : std::nullopt;
    if (!least || !most || *least < 2 || *most < *least || *most > 1000) {
      reading.fail(
          bad_value("--runs", *runs, "write the least and the most, from 2 to 1000: --runs 3,30").value());
      return;
    }
    goal.least_runs = static_cast<std::size_t>(*least);
    goal.most_runs = static_cast<std::size_t>(*most);
  }
  options.confidence = goal;
}

void read_until(Reading& reading, NettestOptions& options) {
  const auto text = reading.value("--until");
  if (!text) return;
  options.until = share_of(*text);
  if (!options.until)
    reading.fail(bad_value("--until", *text, "write a share of the mean, as in: --until 1%").value());
  if (reading.has("--bytes") || reading.has("--blocks"))
    reading.fail("--until and -n or -k are two ends: give one of them");
  if (!reading.has("--time")) options.client.duration_ns = kUntilDurationNs;
  if (!reading.has("--interval")) options.client.interval_ns = kUntilIntervalNs;
  if (options.client.interval_ns == 0) reading.fail("--until looks at intervals: -i 0 leaves it none");
}

}  // namespace

std::vector<OptionSpec> campaign_option_specs() {
  return {
      {"--latency-under-load", 0, "",
       "latency alone, then beside the stream: bufferbloat grade, round trips a minute", "how sure"},
      {"--confidence", 0, "LEVEL,WIDTH",
       "repeat until the mean is known: 99,5 is to 2.5 % each way, with 99 % confidence", "how sure"},
      {"--runs", 0, "LEAST,MOST", "of --confidence: 3,30 unless given", "how sure"},
      {"--until", 0, "SHARE", "end as soon as the mean is known to so many percent, within -t (60 s)",
       "how sure"},
      {"--netperf-output", 0, "", "KEY=VALUE lines with netperf's omni names", "output"},
      {"--plot", 0, "", "draw rate and round-trip time live; pictures of a recording: isotach plot",
       "output"},
      record_option(),
  };
}

void read_campaign_options(Reading& reading, NettestOptions& options) {
  options.load_latency = reading.has("--latency-under-load");
  options.netperf_output = reading.has("--netperf-output");
  options.plot = reading.has("--plot");
  reading.text("--record", options.record_path);
  read_confidence(reading, options);
  read_until(reading, options);
  if (options.confidence && options.until)
    reading.fail("--confidence repeats whole tests, --until ends one early: give one of them");
  if (options.load_latency && options.client.parameters.transaction != nettest::Transaction::none)
    reading.fail(
        "--latency-under-load needs a stream beside which it measures: leave out --rr, --crr and --cc");
  if (options.load_latency && options.confidence)
    reading.fail("--latency-under-load and --confidence are two tests: give one of them");
  if ((options.netperf_output || options.plot) && options.format != Format::table)
    reading.fail("--netperf-output, --plot, --json, --json-stream and --csv are formats: give one of them");
  if (options.netperf_output && options.plot)
    reading.fail("--netperf-output and --plot are two outputs: give one of them");
  if (options.plot && options.confidence) reading.fail("--plot draws one test: leave out --confidence");
  if (!options.record_path.empty() && options.confidence)
    reading.fail("--record keeps one test: leave out --confidence");
  if (options.plot && !reading.has("--interval")) options.client.interval_ns = kPlotIntervalNs;
  if ((options.plot || !options.record_path.empty()) && options.client.interval_ns == 0)
    reading.fail("a plot and a recording are made of intervals: -i 0 leaves none");
}

}  // namespace isotach::command

#include "command/nettest/campaign.h"

#include <fmt/format.h>

#include <utility>

#include "command/nettest/output.h"
#include "network/nettest/load_probe.h"

namespace isotach::command {
namespace {

using nettest::ClientResult;
using nettest::IntervalReport;
using nettest::TestFacts;

// Hands on what it is told, and looks whether the mean is known well enough.
class Watcher final : public nettest::ClientObserver {
 public:
  Watcher(const NettestOptions& options, ClientOutput& output) : options_(options), output_(output) {}

  void started(const TestFacts& facts) override { output_.started(facts); }
  void interval(const TestFacts& facts, const IntervalReport& interval) override {
    output_.interval(facts, interval);
    if (!interval.omitted) add(facts, interval);
  }
  [[nodiscard]] bool wants_more() override { return output_.wants_more() && !(within_ && within_->reached); }
  [[nodiscard]] const std::optional<nettest::WithinRun>& within() const { return within_; }

 private:
  void add(const TestFacts& facts, const IntervalReport& interval) {
    if (!options_.until) return;
    double sum = 0;
    double seconds = 0;
    for (const nettest::StreamInterval& stream : interval.streams) {
      sum += facts.parameters.transaction == nettest::Transaction::none
                 ? static_cast<double>(stream.bytes) * 8
                 : static_cast<double>(stream.transactions);
      seconds = stream.seconds;
    }
    // The rest behind the last whole interval is no sample like the others.
    if (seconds * 1e9 < 0.9 * static_cast<double>(options_.client.interval_ns)) return;
    rates_.push_back(sum / seconds);
    const auto estimate = nettest::estimate_sequence(rates_, kLevel);
    if (estimate) within_ = {kLevel, *estimate, estimate->relative() <= *options_.until};
  }

  static constexpr double kLevel = 0.99;

  const NettestOptions& options_;
  ClientOutput& output_;
  std::vector<double> rates_;
  std::optional<nettest::WithinRun> within_;
};

// Round trips of what we send, as TCP saw them.
std::optional<double> stream_rtt_ns(const ClientResult& result) {
  if (!result.facts || result.facts->parameters.udp) return std::nullopt;
  double sum = 0;
  int count = 0;
  for (std::size_t i = 0; i < result.report.streams.size(); ++i) {
    const auto& tcp = result.report.streams[i].tcp;
    if (!result.facts->streams[i].sender || !tcp || tcp->mean_rtt_us <= 0) continue;
    sum += tcp->mean_rtt_us * 1000;
    ++count;
  }
  return count == 0 ? std::nullopt : std::optional(sum / count);
}

class Campaign {
 public:
  Campaign(Context& context, const NettestOptions& options, const record::RecordingInfo& info)
      : context_(context), options_(options), output_(context, options, info) {}

  int run() {
    if (auto ready = output_.prepare(); !ready) return context_.report(ready.error());
    ClientResult result = options_.confidence ? run_many() : run_once();
    return output_.finish(std::move(result));
  }

 private:
  ClientResult run_once() {
    nettest::LoadLatency latency;
    std::optional<nettest::LoadProbe> probe;
    if (options_.load_latency) {
      context_.note(fmt::format("latency alone, for {:g} s", static_cast<double>(options_.idle_ns) / 1e9));
      nettest::measure_idle(options_.client, options_.idle_ns, context_.waiter, context_.clock, latency);
      probe.emplace(options_.client, context_.waiter, context_.clock);
      probe->start();
    }
    Watcher watcher(options_, output_);
    ClientResult result = nettest::run_client(options_.client, context_.waiter, context_.clock, watcher);
    if (probe) {
      probe->stop(latency);
      latency.stream_rtt_ns = stream_rtt_ns(result);
      result.report.load_latency = std::move(latency);
    }
    result.report.within_run = watcher.within();
    if (options_.until && result.facts && !result.error && !result.interrupted &&
        !(watcher.within() && watcher.within()->reached))
      result.report.warnings.push_back(fmt::format(
          "the mean is not known to {:g} % within this time; -t gives it more", *options_.until * 100));
    return result;
  }

  // netperf's -I: whole tests, until all three means are known well enough.
  ClientResult run_many() {
    nettest::ConfidenceReport report;
    report.goal = *options_.confidence;
    std::vector<double> local;
    std::vector<double> remote;
    for (;;) {
      ClientResult result = run_once();
      if (result.error || result.interrupted || !result.facts || !output_.wants_more()) {
        if (report.runs.size() > 1) result.report.confidence = std::move(report);
        return result;
      }
      report.runs.push_back(nettest::headline(*result.facts, result.report));
      local.push_back(result.report.local.total);
      if (result.report.remote.known) remote.push_back(result.report.remote.total);
      const bool over = evaluate(report, local, remote);
      output_.run_done(report, result);
      if (!over) continue;
      if (!report.reached)
        result.report.warnings.push_back(fmt::format(
            "{} runs were not enough to know the mean to {:g} %: something changes from one to the next",
            report.runs.size(), report.goal.half_width * 100));
      result.report.confidence = std::move(report);
      return result;
    }
  }

  static bool evaluate(nettest::ConfidenceReport& report, const std::vector<double>& local,
                       const std::vector<double>& remote) {
    const double level = report.goal.level;
    if (const auto estimate = nettest::estimate_runs(report.runs, level)) report.result = *estimate;
    report.local_cpu = nettest::estimate_runs(local, level);
    report.remote_cpu = nettest::estimate_runs(remote, level);
    if (report.runs.size() < report.goal.least_runs) return false;
    report.reached = report.result.relative() <= report.goal.half_width;
    return report.reached || report.runs.size() >= report.goal.most_runs;
  }

  Context& context_;
  const NettestOptions& options_;
  ClientOutput output_;
};

}  // namespace

int run_campaign(Context& context, const NettestOptions& options, const record::RecordingInfo& info) {
  return Campaign(context, options, info).run();
}

}  // namespace isotach::command

#include "command/nettest/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "base/text.h"
#include "base/units.h"
#include "command/nettest/csv.h"
#include "command/nettest/json.h"
#include "command/nettest/netperf.h"
#include "command/nettest/text.h"

namespace isotach::command {
namespace {

using nettest::IntervalReport;
using nettest::TestFacts;

// A document holds every interval: of a day in steps of 10 ms it would not fit into memory.
constexpr std::size_t kMostIntervals = 200'000;

void keep(std::vector<IntervalReport>& intervals, const IntervalReport& interval) {
  if (intervals.size() < kMostIntervals) intervals.push_back(interval);
}

// Bits or transactions per second.
std::string rate_of(const TestFacts& facts, double value) {
  return facts.parameters.transaction == nettest::Transaction::none ? format_bits_per_second(value)
                                                                    : fmt::format("{:.1f} /s", value);
}

constexpr int kWide = 120;
// Of a test that lasts for hours the first rows go to the client.
constexpr std::size_t kMostRowsBytes = std::size_t{32} * 1024;

// What another machine says, line by line.
std::string said_by_server(const std::string& output) {
  std::string text = "\nthe server says:\n";
  for (const std::string_view line : split(output, '\n')) text += "  " + printable(line) + "\n";
  return text;
}

int columns_of(const Context& context) {
  return context.out_is_terminal ? terminal_size(context.out.fd()).columns : kWide;
}

}  // namespace

ClientOutput::ClientOutput(Context& context, const NettestOptions& options, const record::RecordingInfo& info)
    : context_(context), options_(options), format_(options.format), info_(info) {}

ClientOutput::~ClientOutput() = default;

Result<void> ClientOutput::prepare() {
  if (options_.plot) {
    plot_ = std::make_unique<LivePlot>(context_, options_.record_path, options_.client.interval_ns, info_);
  } else if (!options_.record_path.empty()) {
    auto made = record::Recorder::create(options_.record_path, info_, table_);
    if (!made) return tl::make_unexpected(std::move(made.error()));
    recorder_ = std::move(*made);
  }
  return {};
}

void ClientOutput::started(const TestFacts& facts) {
  // Said before the first datagram leaves.
  if (const auto text = nettest::fragments_text(facts)) context_.warn(*text);
  switch (format_) {
    case Format::table:
      if (options_.confidence && runs_begun_++ > 0) break;
      context_.note(fmt::format("{}: {}", facts.peer.text(), describe_test(facts)));
      if (shows_rows() && options_.client.interval_ns > 0)
        context_.out.write(NettestText(facts, columns_of(context_)).head());
      break;
    case Format::json_stream:
      context_.out.write(nettest_event("start", [&](view::JsonWriter& json) { write_start(json, facts); }));
      break;
    case Format::csv:
      if (runs_begun_++ == 0) context_.out.write(nettest_csv_head());
      break;
    case Format::json:
      intervals_.clear();
      break;
  }
  if (plot_) plot_->started(facts, describe_test(facts));
  if (recorder_) keep_sample(series_.first(facts));
  context_.out.flush();
}

void ClientOutput::interval(const TestFacts& facts, const IntervalReport& interval) {
  switch (format_) {
    case Format::table:
      if (shows_rows() && options_.client.interval_ns > 0)
        context_.out.write(NettestText(facts, columns_of(context_)).interval(interval));
      break;
    case Format::json_stream:
      context_.out.write(
          nettest_event("interval", [&](view::JsonWriter& json) { write_interval(json, facts, interval); }));
      break;
    case Format::csv:
      context_.out.write(nettest_csv_rows(facts, interval));
      break;
    case Format::json:
      keep(intervals_, interval);
      break;
  }
  if (plot_) plot_->interval(facts, interval);
  if (recorder_) keep_sample(series_.next(facts, interval));
  context_.out.flush();
}

void ClientOutput::keep_sample(const record::Sample& sample) {
  recorder_->append(sample);
}

bool ClientOutput::wants_more() {
  return context_.out.is_open() && (!plot_ || plot_->wants_more());
}

std::string ClientOutput::command_line() const {
  std::string text = "isotach nettest";
  for (const std::string& word : info_.arguments) text += " " + printable(word);
  return text;
}

void ClientOutput::run_done(const nettest::ConfidenceReport& report, const nettest::ClientResult& result) {
  const std::size_t run = report.runs.size();
  const std::string value = rate_of(*result.facts, report.runs.back());
  std::string text = fmt::format("run {}: {}", run, value);
  if (run > 1)
    text += fmt::format("; mean {} within {:.2f} %", rate_of(*result.facts, report.result.mean),
                        report.result.relative() * 100);
  if (format_ == Format::table && !options_.netperf_output) context_.out.write(text + "\n");
  if (format_ == Format::json_stream)
    context_.out.write(nettest_event("run", [&](view::JsonWriter& json) {
      json.begin_object().key("run").unsigned_integer(run).key("value").real(report.runs.back()).end_object();
    }));
  context_.out.flush();
}

int ClientOutput::finish(const nettest::ClientResult& result) {
  const TestFacts* facts = result.facts ? &*result.facts : nullptr;
  int code = result.error ? exit_code_of(result.error->kind) : kExitOk;
  if (result.interrupted) code = kExitCutShort;
  if (plot_) {
    plot_->finish(result.interrupted);
    if (plot_->problem()) return context_.report(*plot_->problem());
  }
  if (recorder_)
    if (auto kept = recorder_->finish(); !kept) code = context_.report(kept.error());
  switch (format_) {
    case Format::table:
      if (facts != nullptr && options_.netperf_output) {
        context_.out.write(netperf_lines(*facts, result.report, command_line()));
        for (const std::string& warning : result.report.warnings) context_.warn(warning);
      } else if (facts != nullptr)
        context_.out.write("\n" + NettestText(*facts, columns_of(context_)).summary(result.report, false));
      if (!result.report.server_output.empty() && !options_.netperf_output)
        context_.out.write(said_by_server(result.report.server_output));
      break;
    case Format::json:
      context_.out.write(
          nettest_document(facts, intervals_, &result.report, result.error, result.interrupted));
      break;
    case Format::json_stream:
      if (facts != nullptr)
        context_.out.write(
            nettest_event("end", [&](view::JsonWriter& json) { write_end(json, *facts, result.report); }));
      if (!result.report.server_output.empty())
        context_.out.write(nettest_event(
            "server_output_text", [&](view::JsonWriter& json) { json.string(result.report.server_output); }));
      if (result.error)
        context_.out.write(
            nettest_event("error", [&](view::JsonWriter& json) { json.string(result.error->message()); }));
      break;
    case Format::csv:
      for (const std::string& warning : result.report.warnings) context_.warn(warning);
      break;
  }
  context_.out.flush();
  // The document holds the error already, as iperf3's does.
  context_.json_errors = false;
  if (result.error) static_cast<void>(context_.report(*result.error));
  if (result.interrupted && facts != nullptr && !result.error)
    context_.note("ended early: these are the results until then");
  return code;
}

void ServerOutput::listening(const std::vector<kernel::SocketAddress>& addresses) {
  std::string text;
  bool local = true;
  for (const kernel::SocketAddress& address : addresses) {
    text += (text.empty() ? "" : ", ") + address.text();
    local = local && address.is_loopback();
  }
  context_.note("listening on " + text +
                (local ? "; other machines cannot reach it: -B '*' listens everywhere" : ""));
  if (format_ == Format::json_stream)
    context_.out.write(nettest_event("listening", [&](view::JsonWriter& json) {
      json.begin_array();
      for (const kernel::SocketAddress& address : addresses) json.string(address.text());
      json.end_array();
    }));
  context_.out.flush();
  when_listening_();
}

void ServerOutput::not_listening(const Error& why) {
  context_.note(fmt::format("clients of iperf 2 cannot find this server: {}", why.message()));
}

void ServerOutput::started(std::uint64_t test, const TestFacts& facts) {
  if (format_ == Format::table)
    context_.out.write(fmt::format("test {} from {}: {}\n", test, facts.peer.text(), describe_test(facts)));
  if (format_ == Format::json_stream)
    context_.out.write(nettest_event("start", [&](view::JsonWriter& json) { write_start(json, facts); }));
  context_.out.flush();
}

void ServerOutput::interval(std::uint64_t test, const TestFacts& facts, const IntervalReport& interval) {
  if (format_ == Format::json) keep(intervals_[test], interval);
  if (facts.parameters.server_output)
    if (std::string& rows = rows_[test]; rows.size() < kMostRowsBytes)
      rows += NettestText(facts, kWide).interval(interval);
  if (format_ == Format::json_stream)
    context_.out.write(
        nettest_event("interval", [&](view::JsonWriter& json) { write_interval(json, facts, interval); }));
  if (format_ == Format::csv) context_.out.write(nettest_csv_rows(facts, interval));
  if (format_ == Format::json_stream || format_ == Format::csv) context_.out.flush();
}

std::string ServerOutput::output(std::uint64_t test, const TestFacts& facts,
                                 const nettest::TestReport& report) {
  const NettestText text(facts, kWide);
  return fmt::format("{}\n{}{}\n{}", describe_test(facts), text.head(), rows_[test],
                     text.summary(report, true));
}

void ServerOutput::ended(std::uint64_t test, const TestFacts* facts, const nettest::TestReport* report,
                         const std::optional<Error>& error) {
  const auto intervals = intervals_.extract(test);
  rows_.erase(test);
  if (facts == nullptr || report == nullptr) {
    // Whoever knocked without a test to do is no news to a script.
    if (error) context_.note(fmt::format("connection {}: {}", test, error->message()));
    return;
  }
  failed_ = error.has_value();
  switch (format_) {
    case Format::table:
      context_.out.write(fmt::format("test {} from {}: {}\n{}\n", test, facts->peer.text(),
                                     error ? error->message() : "done",
                                     NettestText(*facts, columns_of(context_)).summary(*report, true)));
      break;
    case Format::json:
      context_.out.write(
          nettest_document(facts, intervals.empty() ? std::vector<IntervalReport>{} : intervals.mapped(),
                           report, error, false));
      break;
    case Format::json_stream:
      context_.out.write(
          nettest_event("end", [&](view::JsonWriter& json) { write_end(json, *facts, *report); }));
      break;
    case Format::csv:
      break;
  }
  context_.out.flush();
}

}  // namespace isotach::command

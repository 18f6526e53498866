// The observers that print a client's test and a server's tests, in the format that was asked for.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "command/common_options.h"
#include "command/context.h"
#include "command/nettest/live_plot.h"
#include "command/nettest/options.h"
#include "command/nettest/series.h"
#include "network/nettest/client.h"
#include "network/nettest/server.h"
#include "record/recorder.h"

namespace isotach::command {

class ClientOutput final : public nettest::ClientObserver {
 public:
  ClientOutput(Context& context, const NettestOptions& options, const record::RecordingInfo& info);
  ~ClientOutput() override;

  // Fails where a recording cannot be written.
  [[nodiscard]] Result<void> prepare();
  void started(const nettest::TestFacts& facts) override;
  void interval(const nettest::TestFacts& facts, const nettest::IntervalReport& interval) override;
  [[nodiscard]] bool wants_more() override;
  // One of several runs has ended.
  void run_done(const nettest::ConfidenceReport& report, const nettest::ClientResult& result);
  // Prints what is left and returns the exit code.
  [[nodiscard]] int finish(const nettest::ClientResult& result);

 private:
  void keep_sample(const record::Sample& sample);
  // Rows are printed as they come: one test, and no other format.
  [[nodiscard]] bool shows_rows() const { return !options_.confidence && !options_.netperf_output && !plot_; }
  [[nodiscard]] std::string command_line() const;

  Context& context_;
  const NettestOptions& options_;
  Format format_;
  record::RecordingInfo info_;
  std::vector<nettest::IntervalReport> intervals_;  // for --json
  std::unique_ptr<LivePlot> plot_;
  record::SeriesTable table_;
  NettestSeries series_{table_};
  std::unique_ptr<record::Recorder> recorder_;
  int runs_begun_ = 0;
};

class ServerOutput final : public nettest::ServerObserver {
 public:
  // `when_listening` is called once, when the addresses have been told.
  ServerOutput(Context& context, Format format, std::function<void()> when_listening)
      : context_(context), format_(format), when_listening_(std::move(when_listening)) {}

  void listening(const std::vector<kernel::SocketAddress>& addresses) override;
  void not_listening(const Error& why) override;
  void started(std::uint64_t test, const nettest::TestFacts& facts) override;
  void interval(std::uint64_t test, const nettest::TestFacts& facts,
                const nettest::IntervalReport& interval) override;
  [[nodiscard]] std::string output(std::uint64_t test, const nettest::TestFacts& facts,
                                   const nettest::TestReport& report) override;
  void ended(std::uint64_t test, const nettest::TestFacts* facts, const nettest::TestReport* report,
             const std::optional<Error>& error) override;
  [[nodiscard]] bool wants_more() override { return context_.out.is_open(); }
  // The last test that ran did not come to its end.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  Context& context_;
  Format format_;
  std::function<void()> when_listening_;
  // Of running tests: for --json, and the rows for clients that ask for them.
  std::map<std::uint64_t, std::vector<nettest::IntervalReport>> intervals_;
  std::map<std::uint64_t, std::string> rows_;
  bool failed_ = false;
};

}  // namespace isotach::command

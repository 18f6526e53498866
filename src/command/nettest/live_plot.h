// `isotach nettest --plot`: the running test as a picture in the terminal, and as text at its end.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "command/context.h"
#include "command/nettest/series.h"
#include "command/plot_session.h"
#include "command/plot_view.h"

namespace isotach::command {

class LivePlot {
 public:
  // `record_path` empty: nothing is kept.
  LivePlot(Context& context, const std::string& record_path, std::int64_t interval_ns,
           const record::RecordingInfo& info)
      : context_(context), info_(info) {
    options_.source = PlotSourceKind::recording;
    options_.record_path = record_path;
    options_.interval_ns = interval_ns;
  }

  void started(const nettest::TestFacts& facts, const std::string& title);
  void interval(const nettest::TestFacts& facts, const nettest::IntervalReport& report);
  // False where the user has pressed q.
  [[nodiscard]] bool wants_more() const { return !left_; }
  // Leaves the terminal as it was, and prints the picture once more for the scrollback.
  void finish(bool interrupted);
  // Why it could not begin, if so.
  [[nodiscard]] const std::optional<Error>& problem() const { return problem_; }

 private:
  void take(const record::Sample& sample);

  Context& context_;
  record::RecordingInfo info_;
  PlotOptions options_;
  record::SeriesTable table_;
  NettestSeries series_{table_};
  std::unique_ptr<PlotSession> session_;
  std::unique_ptr<PlotView> view_;
  int columns_ = 0, rows_ = 0;
  bool left_ = false;
  std::optional<Error> problem_;
};

}  // namespace isotach::command

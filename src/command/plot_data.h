// The points of a plot for programs: JSON, a JSON object a line, or CSV.
#pragma once

#include <optional>
#include <string>

#include "base/output.h"
#include "command/common_options.h"
#include "record/sample.h"
#include "view/export/csv_writer.h"
#include "view/plot/plot_model.h"

namespace isotach::command {

class PlotData {
 public:
  PlotData(Output& out, Format format) : out_(out), format_(format) {}

  // After the model has taken the sample. CSV has the columns of the first sample; lines that appear
  // later have none.
  void sample(const view::PlotModel& model, const Instant& time);
  void event(const view::PlotModel& model, const record::Event& event);
  // The whole document, for --json.
  void finish(const view::PlotModel& model, const std::string& title, bool interrupted);

 private:
  void csv_row(const view::PlotModel& model, const Instant& time);
  void stream_object(const view::PlotModel& model, const Instant& time);

  Output& out_;
  Format format_;
  std::optional<view::CsvWriter> csv_;
  std::size_t csv_lines_ = 0;
};

}  // namespace isotach::command

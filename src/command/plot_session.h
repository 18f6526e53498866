// One run of `isotach plot`: takes the samples of whatever source and puts them where the user wants
// them: into the model behind the picture, the recording, the data printed on standard output, and the
// picture files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "command/context.h"
#include "command/plot_data.h"
#include "command/plot_options.h"
#include "command/plot_selection.h"
#include "record/recorder.h"
#include "view/plot/plot_model.h"

namespace isotach::command {

class PlotSession {
 public:
  PlotSession(Context& context, const PlotOptions& options, PlotSelection selection,
              record::SeriesTable& table);

  // Fails where a picture or a recording could not be written at the end: that must not be found out
  // after an hour. `info` is for the recording.
  [[nodiscard]] Result<void> open(const record::RecordingInfo& info);

  // A sample of the session's table. The first one must hold what was asked for, unless
  // `allow_unmatched` (a recording whose devices come later).
  [[nodiscard]] Result<void> take(const record::Sample& sample, bool allow_unmatched = false);
  void take(const record::Event& event);
  void move_peak(const record::Event& event) { model_.set_peak(event); }
  // A mark of the user's; without text it is numbered.
  void mark(const Instant& time, const std::string& text = {});

  // Writes the pictures when the last writing is some seconds ago.
  void refresh_pictures(std::int64_t now_ns);

  // The end: last pictures, data, recording, a plot as text where nothing else was printed, and the
  // summary on standard error. Returns the exit code for a run that went well.
  [[nodiscard]] int finish(bool interrupted);

  [[nodiscard]] view::PlotModel& model() { return model_; }
  [[nodiscard]] const PlotOptions& options() const { return options_; }
  [[nodiscard]] const PlotSelection& selection() const { return selection_; }
  [[nodiscard]] std::uint64_t samples() const { return model_.sample_count(); }
  // Standard output takes data: nothing else may be printed there.
  [[nodiscard]] bool prints_data() const { return options_.format != Format::table; }
  void set_host(std::string host) { host_ = std::move(host); }
  // Where the picture is drawn live, it is printed once more at the end for the scrollback.
  void set_live(bool live) { live_ = live; }

  // Rows have been printed for each sample: no plot as text follows them.
  void set_rows_printed() { rows_printed_ = true; }

  // Adds what the model cannot know: title, names of the axes.
  void label(view::Figure& figure) const;
  [[nodiscard]] view::DotStyle plain_dots() const;

 private:
  void select_new_series();
  [[nodiscard]] Result<void> apply_fixed();
  [[nodiscard]] Result<void> write_pictures();
  [[nodiscard]] view::Figure final_figure() const;
  void print_final_plot();
  void print_summary();

  Context& context_;
  const PlotOptions& options_;
  PlotSelection selection_;
  record::SeriesTable& table_;
  view::PlotModel model_;
  PlotData data_;
  std::unique_ptr<record::Recorder> recorder_;
  bool recording_failed_ = false;
  std::string host_;
  std::string title_;
  std::size_t series_seen_ = 0;
  bool checked_ = false;
  bool live_ = false;
  bool rows_printed_ = false;
  bool warned_lines_ = false;
  std::uint64_t marks_ = 0;
  std::optional<std::int64_t> pictures_written_ns_;
  bool picture_failed_ = false;
};

// "isotach: cannot write /no/such/out.svg: ..." before anything is measured.
[[nodiscard]] Result<void> check_writable(const std::string& path);

}  // namespace isotach::command

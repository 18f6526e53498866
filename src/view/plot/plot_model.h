// The state behind a plot: takes samples and events as they come, gives figures.
//
// Pure: times come with the samples. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "record/sample.h"
#include "record/series.h"
#include "view/plot/axis.h"
#include "view/plot/figure.h"
#include "view/plot/track.h"

namespace isotach::view {

class PlotModel {
 public:
  // A picture with more lines than this tells nobody anything.
  static constexpr std::size_t kLineLimit = 24;
  static constexpr std::size_t kEventLimit = 256;

  // `table` must outlive the model.
  explicit PlotModel(const record::SeriesTable& table) : table_(table) {}

  // Shows this series from now on. False when kLineLimit is reached; a series added twice is one.
  bool add(record::SeriesId series);

  // Counters that are parts of one whole, such as the times of all CPUs: each is shown as its share of what
  // `parts` grew by together, where they grew at all. What is `contained` in one of them is not counted
  // twice.
  void share(std::vector<record::SeriesId> parts, std::vector<record::SeriesId> contained) {
    parts_ = std::move(parts);
    contained_ = std::move(contained);
  }

  void append(const record::Sample& sample);
  // Past kEventLimit events are counted, not kept.
  void append(const record::Event& event);
  // Like append(), but there is only one of it: it moves as greater peaks are found.
  void set_peak(const record::Event& event);

  struct LineState {
    record::SeriesId series = 0;
    std::string key, name;
    Unit unit = Unit::count;
    Track track;
    std::optional<double> latest;  // of the newest sample
  };
  [[nodiscard]] const std::vector<LineState>& lines() const { return lines_; }
  [[nodiscard]] std::vector<FigureEvent> events() const;
  [[nodiscard]] std::uint64_t refused_events() const { return refused_events_; }
  [[nodiscard]] std::uint64_t sample_count() const { return sample_count_; }
  // Units shown, each once, in the order of their panels.
  [[nodiscard]] std::vector<Unit> units() const;
  // The first sample's time: zero of the time axis.
  [[nodiscard]] std::optional<Instant> origin() const { return origin_; }
  [[nodiscard]] std::int64_t last_ns() const { return last_ns_; }  // since the origin

  // Fixes every value axis at `range`, or where it now stands, or lets all follow the data again.
  void fix_axes(std::optional<Range> range);
  void freeze_axes();
  void free_axes();
  [[nodiscard]] bool axes_fixed() const { return fixed_; }
  [[nodiscard]] bool axes_moving() const;

  // The last `window_ns`, with axes that follow the data; until the window is full, what there is.
  [[nodiscard]] Figure live_figure(std::int64_t window_ns, std::int64_t now_ns);
  // A part of the session as it stands; for paused views.
  [[nodiscard]] Figure still_figure(std::int64_t low_ns, std::int64_t high_ns) const;
  // Everything.
  [[nodiscard]] Figure whole_figure() const;

 private:
  struct PanelState {
    Unit unit;
    ValueAxis axis;
  };
  [[nodiscard]] Figure lines_between(std::int64_t low_ns, std::int64_t high_ns) const;
  [[nodiscard]] bool is_share(record::SeriesId series) const;
  [[nodiscard]] std::optional<double> shown(record::SeriesId series, const record::Sample& sample,
                                            std::int64_t elapsed_ns) const;
  [[nodiscard]] std::int64_t since_origin(const Instant& time) const;
  PanelState& panel(Unit unit);

  const record::SeriesTable& table_;
  std::vector<LineState> lines_;
  std::vector<PanelState> panels_;
  std::vector<record::SeriesId> parts_, contained_;
  std::vector<record::Event> events_;
  std::optional<record::Event> peak_;
  std::uint64_t refused_events_ = 0;
  std::uint64_t sample_count_ = 0;
  std::optional<Instant> origin_;
  std::int64_t last_ns_ = 0;
  record::Sample previous_;
  bool fixed_ = false;
  std::optional<Range> fixed_range_;  // for panels that come later
};

// The time axis of a live plot: round steps until the window is full, then the window.
[[nodiscard]] std::pair<std::int64_t, std::int64_t> live_time_axis(std::int64_t last_ns,
                                                                   std::int64_t window_ns);

}  // namespace isotach::view

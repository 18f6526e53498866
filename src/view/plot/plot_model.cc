#include "view/plot/plot_model.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "record/derive.h"
#include "view/plot/trace.h"

namespace isotach::view {
namespace {

// Times of hostile recordings can be anything; a plot of 36 years either way is enough, and sums of
// such times do not overflow.
constexpr std::int64_t kLongestNs = std::int64_t{1} << 60;

constexpr std::int64_t kSecondNs = kNanosecondsPerSecond;

}  // namespace

std::pair<std::int64_t, std::int64_t> live_time_axis(std::int64_t last_ns, std::int64_t window_ns) {
  static constexpr std::array<std::int64_t, 12> kStepsS = {5,   10,  20,   30,   60,   120,
                                                           300, 600, 1200, 1800, 3600, 7200};
  window_ns = std::clamp<std::int64_t>(window_ns, 1, kLongestNs);
  if (last_ns >= window_ns) return {last_ns - window_ns, last_ns};
  for (const std::int64_t step_s : kStepsS)
    if (last_ns <= step_s * kSecondNs) return {0, std::min(window_ns, step_s * kSecondNs)};
  return {0, window_ns};
}

std::int64_t PlotModel::since_origin(const Instant& time) const {
  if (!origin_) return 0;
  // Saturating: the difference of two 64-bit times need not fit.
  std::int64_t difference = 0;
  if (__builtin_sub_overflow(time.monotonic_ns, origin_->monotonic_ns, &difference))
    difference = time.monotonic_ns > origin_->monotonic_ns ? kLongestNs : -kLongestNs;
  return std::clamp(difference, -kLongestNs, kLongestNs);
}

PlotModel::PanelState& PlotModel::panel(Unit unit) {
  for (PanelState& state : panels_)
    if (state.unit == unit) return state;
  panels_.push_back({unit, ValueAxis(unit)});
  if (fixed_range_) panels_.back().axis.fix(fixed_range_);
  return panels_.back();
}

bool PlotModel::add(record::SeriesId series) {
  for (const LineState& line : lines_)
    if (line.series == series) return true;
  if (lines_.size() == kLineLimit) return false;
  const record::Series& described = table_.at(series);
  LineState line;
  line.series = series;
  line.key = described.key();
  line.name = printable(described.title());
  line.unit = described.metric.shown_unit();
  // Two lines of one name would be told apart by nothing: both go by their keys.
  for (LineState& other : lines_) {
    if (other.name != line.name) continue;
    other.name = printable(other.key);
    line.name = printable(line.key);
  }
  panel(line.unit);
  lines_.push_back(std::move(line));
  return true;
}

bool PlotModel::is_share(record::SeriesId series) const {
  return std::ranges::find(parts_, series) != parts_.end() ||
         std::ranges::find(contained_, series) != contained_.end();
}

std::optional<double> PlotModel::shown(record::SeriesId series, const record::Sample& sample,
                                       std::int64_t elapsed_ns) const {
  const Value* now = sample.find(series);
  if (now == nullptr) return std::nullopt;
  const Value* before = sample_count_ > 0 ? previous_.find(series) : nullptr;
  return record::derive(table_.at(series).metric, before, *now, elapsed_ns);
}

void PlotModel::append(const record::Sample& sample) {
  if (!origin_) origin_ = sample.time;
  const std::int64_t time_ns = since_origin(sample.time);
  // A clock that goes backwards (a damaged recording) cannot be drawn.
  if (time_ns < last_ns_) return;
  last_ns_ = time_ns;
  const std::int64_t elapsed_ns = sample_count_ > 0 ? time_ns - since_origin(previous_.time) : 0;
  double whole = 0;
  for (const record::SeriesId part : parts_) whole += shown(part, sample, elapsed_ns).value_or(0);
  for (LineState& line : lines_) {
    line.latest = shown(line.series, sample, elapsed_ns);
    if (line.latest && is_share(line.series))
      line.latest = whole > 0 ? std::optional(*line.latest / whole) : std::nullopt;
    line.track.append(time_ns, line.latest);
  }
  previous_ = sample;
  ++sample_count_;
}

void PlotModel::append(const record::Event& event) {
  if (events_.size() == kEventLimit) {
    ++refused_events_;
    return;
  }
  events_.push_back(event);
}

void PlotModel::set_peak(const record::Event& event) {
  peak_ = event;
}

std::vector<FigureEvent> PlotModel::events() const {
  std::vector<FigureEvent> shown;
  const auto show = [&](const record::Event& event) {
    shown.push_back({since_origin(event.time), event.kind, printable(event.text)});
  };
  for (const record::Event& event : events_) show(event);
  if (peak_) show(*peak_);
  std::stable_sort(shown.begin(), shown.end(),
                   [](const FigureEvent& a, const FigureEvent& b) { return a.time_ns < b.time_ns; });
  return shown;
}

std::vector<Unit> PlotModel::units() const {
  std::vector<Unit> units;
  for (const PanelState& state : panels_) units.push_back(state.unit);
  return units;
}

void PlotModel::fix_axes(std::optional<Range> range) {
  fixed_ = range.has_value();
  fixed_range_ = range;
  for (PanelState& state : panels_) state.axis.fix(range);
}

void PlotModel::freeze_axes() {
  fixed_ = true;
  for (PanelState& state : panels_) state.axis.fix(state.axis.range());
}

void PlotModel::free_axes() {
  fix_axes(std::nullopt);
}

bool PlotModel::axes_moving() const {
  return std::any_of(panels_.begin(), panels_.end(),
                     [](const PanelState& state) { return state.axis.is_moving(); });
}

Figure PlotModel::lines_between(std::int64_t low_ns, std::int64_t high_ns) const {
  Figure figure;
  figure.low_ns = low_ns;
  figure.high_ns = std::max(high_ns, low_ns + 1);
  figure.events = events();
  for (const PanelState& state : panels_) {
    Panel& panel = figure.panels.emplace_back();
    panel.unit = state.unit;
    panel.fixed = state.axis.is_fixed();
    panel.range = state.axis.range();
    for (const LineState& line : lines_) {
      if (line.unit != state.unit) continue;
      panel.lines.push_back({line.name, visible_points(line.track.points(), figure.low_ns, figure.high_ns),
                             line.track.latest()});
    }
  }
  return figure;
}

namespace {

std::optional<Range> extent_of_panel(const Panel& panel) {
  std::optional<Range> extent;
  for (const Line& line : panel.lines) {
    if (const auto range = extent_of(line.points)) {
      include(extent, range->low);
      include(extent, range->high);
    }
  }
  return extent;
}

}  // namespace

Figure PlotModel::live_figure(std::int64_t window_ns, std::int64_t now_ns) {
  const auto [low_ns, high_ns] = live_time_axis(last_ns_, window_ns);
  Figure figure = lines_between(low_ns, high_ns);
  for (std::size_t i = 0; i < panels_.size(); ++i)
    figure.panels[i].range = panels_[i].axis.update(extent_of_panel(figure.panels[i]), now_ns);
  return figure;
}

Figure PlotModel::still_figure(std::int64_t low_ns, std::int64_t high_ns) const {
  Figure figure = lines_between(low_ns, high_ns);
  for (Panel& panel : figure.panels) {
    if (panel.fixed) continue;
    panel.range = ValueAxis(panel.unit).update(extent_of_panel(panel), 0);
  }
  return figure;
}

Figure PlotModel::whole_figure() const {
  // One sample has no width; a second around it is as good as any.
  return still_figure(0, last_ns_ > 0 ? last_ns_ : kSecondNs);
}

}  // namespace isotach::view

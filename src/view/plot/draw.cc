#include "view/plot/draw.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "view/plot/draw_parts.h"
#include "view/plot/event_labels.h"
#include "view/plot/ticks.h"
#include "view/plot/trace.h"

namespace isotach::view {
namespace {

constexpr double kTitleSize = 17;
constexpr double kTextSize = 12;
constexpr double kMargin = 16;
constexpr double kTickGap = 8;
constexpr double kLegendRow = 20;
constexpr double kEventRow = 16;
constexpr int kEventRows = 3;
constexpr double kBandRow = 20;
constexpr int kBandRows = 3;
constexpr double kBandBar = 3;
// A panel that is lower than this needs its height more than bands need names.
constexpr double kLeastPanel = 60;
constexpr double kPanelGap = 26;

class Drawing {
 public:
  Drawing(Canvas& canvas, const Figure& figure, int width, int height)
      : canvas_(canvas), figure_(figure), width_(width), height_(height) {}

  void draw() {
    canvas_.fill({0, 0, width_, height_}, {Ink::background, 0});
    double top = draw_title();
    top = draw_legend(top);
    lay_out(top);
    draw_bands();
    draw_events();
    std::size_t first_line = 0;
    for (std::size_t i = 0; i < figure_.panels.size(); ++i) {
      draw_panel(figure_.panels[i], boxes_[i], first_line);
      first_line += figure_.panels[i].lines.size();
    }
    draw_time_axis();
  }

 private:
  double draw_title() {
    const double room = width_ - 2 * kMargin;
    double baseline = kMargin + kTitleSize * 0.8;
    const std::string title = fit_text(figure_.title, kTitleSize, room, true);
    canvas_.text({kMargin, baseline}, title, {kTitleSize, true, Anchor::start, {Ink::text, 0}});
    if (!figure_.subtitle.empty()) {
      // Beside the title where there is room, else below it.
      const double taken = text_width(title, kTitleSize, true) + 24;
      if (text_width(figure_.subtitle, kTextSize) <= room - taken) {
        canvas_.text({width_ - kMargin, baseline}, figure_.subtitle,
                     {kTextSize, false, Anchor::end, {Ink::muted, 0}});
      } else {
        baseline += kTextSize * 1.5;
        canvas_.text({kMargin, baseline}, fit_text(figure_.subtitle, kTextSize, room),
                     {kTextSize, false, Anchor::start, {Ink::muted, 0}});
      }
    }
    return baseline + 10;
  }

  double draw_legend(double top) {
    constexpr double kSwatch = 30;
    double left = kMargin;
    double baseline = top + kLegendRow * 0.7;
    std::size_t index = 0;
    for (const Panel& panel : figure_.panels) {
      if (!panel.rows.empty()) baseline = draw_map_legend(panel, baseline) + kLegendRow;
      for (const Line& line : panel.lines) {
        const std::string value = latest_text(line, panel.unit);
        const double value_width = text_width(value, kTextSize, true);
        const std::string name =
            fit_text(line.name, kTextSize, width_ - 2 * kMargin - kSwatch - 12 - value_width);
        const double name_width = text_width(name, kTextSize);
        const double needed = kSwatch + 6 + name_width + 6 + value_width;
        if (left > kMargin && left + needed > width_ - kMargin) {
          left = kMargin;
          baseline += kLegendRow;
        }
        // A legend of hundreds of lines must leave room for the plot.
        if (baseline > height_ * 0.4) return baseline;
        const double middle = baseline - kTextSize * 0.35;
        const Paint paint{Ink::line, index};
        canvas_.stroke(std::array{Spot{left, middle}, Spot{left + kSwatch, middle}}, {paint, 2});
        draw_marker(canvas_, {left + kSwatch / 2, middle}, index);
        canvas_.text({left + kSwatch + 6, baseline}, name, {kTextSize, false, Anchor::start, {Ink::text, 0}});
        canvas_.text({left + kSwatch + 12 + name_width, baseline}, value,
                     {kTextSize, true, Anchor::start, paint});
        left += needed + 22;
        ++index;
      }
    }
    return baseline + 8;
  }

  // The steps of each kind of field, and its name.
  double draw_map_legend(const Panel& panel, double baseline) {
    constexpr double kStep = 14;
    double left = kMargin;
    for (const bool warm : {false, true}) {
      const std::string& name = warm ? panel.warm_name : panel.cool_name;
      if (name.empty()) continue;
      for (int level = 0; level < kMapLevels; ++level) {
        canvas_.fill({left, baseline - kTextSize * 0.85, left + kStep, baseline + kTextSize * 0.1},
                     heat(level, warm));
        left += kStep;
      }
      const std::string text = fit_text(name, kTextSize, std::max(0.0, width_ - kMargin - left - 6));
      canvas_.text({left + 6, baseline}, text, {kTextSize, false, Anchor::start, {Ink::text, 0}});
      left += 6 + text_width(text, kTextSize) + 22;
    }
    return baseline;
  }

  [[nodiscard]] static Paint heat(int level, bool warm) {
    return {Ink::heat,
            static_cast<std::size_t>(std::clamp(level, 0, kMapLevels - 1) + (warm ? kMapLevels : 0))};
  }

  void draw_map(const Panel& panel, const Box& box) {
    double last_label = box.bottom + kTextSize * 2;
    for (const MapRow& row : panel.rows) {
      const double bottom = y_of(panel, box, row.low), top = y_of(panel, box, row.high);
      const double sharp = std::round(bottom) + 0.5;
      canvas_.stroke(std::array{Spot{box.left, sharp}, Spot{box.right, sharp}}, {{Ink::grid, 0}, 1});
      // Where parts are lower than letters, some names give way.
      const double middle = (bottom + top) / 2 + kTextSize * 0.36;
      if (last_label - middle < kTextSize * 1.15) continue;
      last_label = middle;
      canvas_.text({box.left - kTickGap, middle}, fit_text(row.name, kTextSize, box.left - kTickGap - 4),
                   {kTextSize, false, Anchor::end, {Ink::muted, 0}});
    }
    canvas_.begin_group(panel.map_title);
    for (const MapCell& cell : panel.cells) {
      const double left = x_of(std::max(cell.from_ns, figure_.low_ns));
      const double right = x_of(std::min(cell.to_ns, figure_.high_ns));
      const double top = y_of(panel, box, cell.high), bottom = y_of(panel, box, cell.low);
      // Nothing that is there may be too small to be seen.
      canvas_.fill({left, std::min(top, bottom - 1), std::max(right, left + 1), bottom},
                   heat(cell.level, cell.warm));
    }
    canvas_.end_group();
  }

  // Finds the place of the event labels and of each panel.
  void lay_out(double top) {
    const std::size_t count = std::max<std::size_t>(1, figure_.panels.size());
    // Room for the widest tick label on the left. Ticks depend on the height, which is not known yet,
    // but their width hardly does: a guess with many ticks is wide enough.
    double label_width = 0;
    for (const Panel& panel : figure_.panels) {
      for (const MapRow& row : panel.rows)
        label_width = std::max(label_width, std::min(text_width(row.name, kTextSize), width_ * 0.22));
      if (!panel.rows.empty()) continue;
      for (int limit = 3; limit <= 12; ++limit)
        for (const Tick& tick : value_ticks(panel.range, panel.unit, limit))
          label_width = std::max(label_width, text_width(tick.label, kTextSize));
    }
    const double left = std::min(kMargin + label_width + kTickGap, width_ * 0.4);
    const double right = width_ - kMargin - 6;
    top += kTextSize * 1.5;  // the axis' name stands above it
    const double bottom = height_ - kMargin - kTextSize * 2.8;
    top = place_events(top, left, right);
    const double gaps = (kLeastPanel + kPanelGap) * static_cast<double>(count);
    top = place_bands(top, left, right, static_cast<int>((bottom - top - gaps) / kBandRow));
    const double each =
        (bottom - top - kPanelGap * static_cast<double>(count - 1)) / static_cast<double>(count);
    for (std::size_t i = 0; i < count; ++i) {
      const double panel_top = top + static_cast<double>(i) * (each + kPanelGap);
      boxes_.push_back({left, panel_top, right, panel_top + std::max(each, 4.0)});
    }
  }

  double place_events(double top, double left, double right) {
    std::vector<EventLabel> labels;
    for (const FigureEvent& event : figure_.events) {
      if (event.time_ns < figure_.low_ns || event.time_ns > figure_.high_ns) continue;
      const double x = left + time_share(event.time_ns) * (right - left);
      shown_events_.push_back(&event);
      event_texts_.push_back(fit_text(event.text, kTextSize, (right - left) * 0.45));
      labels.push_back({x, text_width(event_texts_.back(), kTextSize)});
    }
    event_places_ = place_labels(labels, kMargin, width_ - kMargin, kEventRows, 8);
    event_rows_ = rows_of(event_places_);
    return top + event_rows_ * kEventRow;
  }

  // Names of bands stand in rows of their own between the labels of events and the plot.
  double place_bands(double top, double left, double right, int rows_that_fit) {
    std::vector<BandLabel> labels;
    for (const FigureBand& band : figure_.bands) {
      if (band.to_ns < band.from_ns || band.to_ns < figure_.low_ns || band.from_ns > figure_.high_ns)
        continue;
      shown_bands_.push_back(&band);
      const double from = left + time_share(std::max(band.from_ns, figure_.low_ns)) * (right - left);
      const double to = left + time_share(std::min(band.to_ns, figure_.high_ns)) * (right - left);
      band_texts_.push_back(fit_text(band.text, kTextSize, std::max(to - from, (right - left) * 0.45)));
      labels.push_back({from, to, text_width(band_texts_.back(), kTextSize)});
    }
    band_places_ =
        place_band_labels(labels, kMargin, width_ - kMargin, std::clamp(rows_that_fit, 0, kBandRows), 8);
    band_rows_ = rows_of(band_places_);
    return top + band_rows_ * kBandRow;
  }

  // The shades only: their names come after the lines of the events, which pass behind them.
  void draw_bands() {
    for (std::size_t i = 0; i < shown_bands_.size(); ++i) {
      const FigureBand& band = *shown_bands_[i];
      const auto [from, to] = band_span(band);
      canvas_.begin_group(fmt::format("{}, from {} to {}", band.text,
                                      format_duration_ns(static_cast<double>(band.from_ns)),
                                      format_duration_ns(static_cast<double>(band.to_ns))));
      for (const Box& box : boxes_) canvas_.fill({from, box.top, to, box.bottom}, {Ink::band, i});
      canvas_.end_group();
    }
  }

  void draw_band_names() {
    for (std::size_t i = 0; i < shown_bands_.size(); ++i) {
      if (!band_places_[i]) continue;
      const auto [from, to] = band_span(*shown_bands_[i]);
      const LabelPlace& place = *band_places_[i];
      const double bottom = boxes_.front().top - place.row * kBandRow;
      const double baseline = bottom - kBandBar - 5;
      const double width = text_width(band_texts_[i], kTextSize);
      canvas_.fill(
          {place.left - 2, baseline - kTextSize * 0.95, place.left + width, baseline + kTextSize * 0.28},
          {Ink::background, 0});
      canvas_.fill({from, bottom - kBandBar, to, bottom}, {Ink::band_name, i});
      canvas_.text({place.left + width / 2, baseline}, band_texts_[i],
                   {kTextSize, false, Anchor::middle, {Ink::band_name, i}});
    }
  }

  // A band of no length is a hair line; none leaves the time axis.
  [[nodiscard]] std::pair<double, double> band_span(const FigureBand& band) const {
    const double from = x_of(std::max(band.from_ns, figure_.low_ns));
    const double to = x_of(std::min(band.to_ns, figure_.high_ns));
    return {std::min(from, boxes_.front().right - 1), std::max(to, from + 1)};
  }

  // All lines first, then all labels on a ground of their own: the line of one event may pass behind
  // the label of another, but not through its letters.
  void draw_events() {
    const Box& first = boxes_.front();
    const double bottom = boxes_.back().bottom;
    const auto baseline = [&](const LabelPlace& place) {
      return first.top - band_rows_ * kBandRow - 4 - place.row * kEventRow;
    };
    for (std::size_t i = 0; i < shown_events_.size(); ++i) {
      const FigureEvent& event = *shown_events_[i];
      const double x = std::round(x_of(event.time_ns)) + 0.5;
      const double top = event_places_[i] ? baseline(*event_places_[i]) - kTextSize : first.top;
      canvas_.begin_group(
          fmt::format("{} at {}", event.text, format_duration_ns(static_cast<double>(event.time_ns))));
      canvas_.stroke(std::array{Spot{x, top}, Spot{x, bottom}}, {{Ink::event, 0}, 1, true});
      canvas_.end_group();
    }
    draw_band_names();
    for (std::size_t i = 0; i < shown_events_.size(); ++i) {
      if (!event_places_[i]) continue;
      const LabelPlace& place = *event_places_[i];
      const double y = baseline(place);
      const double width = text_width(event_texts_[i], kTextSize);
      canvas_.fill({place.left - 2, y - kTextSize * 0.95, place.left + width, y + kTextSize * 0.28},
                   {Ink::background, 0});
      canvas_.text({place.left, y}, event_texts_[i], {kTextSize, false, Anchor::start, {Ink::event, 0}});
    }
  }

  void draw_panel(const Panel& panel, const Box& box, std::size_t first_line) {
    const double above = &box == &boxes_.front() ? event_rows_ * kEventRow + band_rows_ * kBandRow : 0;
    canvas_.text({kMargin, box.top - above - 8},
                 panel.rows.empty() ? value_title(panel.unit) : panel.map_title,
                 {kTextSize, false, Anchor::start, {Ink::muted, 0}});
    if (!panel.rows.empty()) draw_map(panel, box);
    const int limit = std::max(2, static_cast<int>(box.height() / (kTextSize * 2.6)));
    const std::vector<Tick> ticks =
        panel.rows.empty() ? value_ticks(panel.range, panel.unit, limit) : std::vector<Tick>();
    for (const Tick& tick : ticks) {
      const double y = y_of(panel, box, tick.position);
      const double sharp = std::round(y) + 0.5;
      canvas_.stroke(std::array{Spot{box.left, sharp}, Spot{box.right, sharp}}, {{Ink::grid, 0}, 1});
      // In a picture that is too low for its panels, labels give way.
      const bool taken = std::any_of(tick_labels_.begin(), tick_labels_.end(),
                                     [&](double other) { return std::fabs(other - y) < kTextSize * 1.25; });
      if (taken) continue;
      tick_labels_.push_back(y);
      canvas_.text({box.left - kTickGap, y + kTextSize * 0.36}, tick.label,
                   {kTextSize, false, Anchor::end, {Ink::muted, 0}});
    }
    canvas_.stroke(std::array{Spot{box.left, box.bottom + 0.5}, Spot{box.right, box.bottom + 0.5}},
                   {{Ink::axis, 0}, 1});
    for (std::size_t i = 0; i < panel.lines.size(); ++i)
      draw_line(panel, box, panel.lines[i], first_line + i);
  }

  void draw_line(const Panel& panel, const Box& box, const Line& line, std::size_t index) {
    const auto columns = static_cast<int>(box.width());
    const Trace trace = trace_of(line.points, figure_.low_ns, figure_.high_ns, columns, panel.range);
    const Paint paint{Ink::line, index};
    canvas_.begin_group(line.name);
    for (const auto& run : trace.lines) {
      std::vector<Spot> spots;
      spots.reserve(run.size());
      for (const DataPoint& point : run)
        spots.push_back({x_of(point.time_ns), y_of(panel, box, point.value)});
      if (spots.size() == 1) {
        canvas_.circle(spots.front(), 2, paint);
      } else {
        canvas_.stroke(spots, {paint, 2});
      }
    }
    // A point outside a fixed axis is not hidden: an arrow on the edge says where it went.
    draw_arrows(trace.above, box.top, -1, index);
    draw_arrows(trace.below, box.bottom, +1, index);
    if (!trace.lines.empty()) {
      const DataPoint& end = trace.lines.back().back();
      draw_marker(canvas_, {x_of(end.time_ns), y_of(panel, box, end.value)}, index);
    }
    canvas_.end_group();
  }

  void draw_arrows(const std::vector<DataPoint>& points, double edge, double direction, std::size_t index) {
    double last_x = -100;
    for (const DataPoint& point : points) {
      const double x = x_of(point.time_ns);
      if (x - last_x < 10) continue;
      last_x = x;
      const double base = edge - direction * 7;
      canvas_.polygon(std::array{Spot{x - 5, base}, Spot{x + 5, base}, Spot{x, edge}}, {Ink::line, index});
    }
  }

  void draw_time_axis() {
    const Box& box = boxes_.back();
    const LabelLength length = [](std::string_view text) { return text_width(text, kTextSize); };
    const std::vector<Tick> ticks =
        figure_.time_labels == TimeLabels::clock
            ? clock_ticks(figure_.low_ns, figure_.high_ns, figure_.midnight_ns, box.width(), length, 28)
            : elapsed_ticks(figure_.low_ns, figure_.high_ns, box.width(), length, 28);
    for (const Tick& tick : ticks) {
      const double x = x_of(static_cast<std::int64_t>(tick.position));
      const double sharp = std::round(x) + 0.5;
      canvas_.stroke(std::array{Spot{sharp, box.bottom}, Spot{sharp, box.bottom + 5}}, {{Ink::axis, 0}, 1});
      // The outermost labels stay inside the picture.
      const double half = length(tick.label) / 2;
      const double centre = std::clamp(x, half + 2, std::max(half + 2, width_ - half - 2));
      canvas_.text({centre, box.bottom + 6 + kTextSize}, tick.label,
                   {kTextSize, false, Anchor::middle, {Ink::muted, 0}});
    }
    canvas_.text({(box.left + box.right) / 2, height_ - kMargin + 4},
                 fit_text(figure_.time_title, kTextSize, width_ - 2 * kMargin),
                 {kTextSize, false, Anchor::middle, {Ink::muted, 0}});
  }

  [[nodiscard]] double time_share(std::int64_t time_ns) const {
    return Range{static_cast<double>(figure_.low_ns), static_cast<double>(figure_.high_ns)}.fraction(
        static_cast<double>(time_ns));
  }
  [[nodiscard]] double x_of(std::int64_t time_ns) const {
    const Box& box = boxes_.front();
    return box.left + time_share(time_ns) * box.width();
  }
  [[nodiscard]] static double y_of(const Panel& panel, const Box& box, double value) {
    return box.bottom - panel.range.fraction(value) * box.height();
  }

  Canvas& canvas_;
  const Figure& figure_;
  const double width_, height_;
  std::vector<Box> boxes_;  // of the panels
  std::vector<const FigureEvent*> shown_events_;
  std::vector<std::string> event_texts_;
  std::vector<std::optional<LabelPlace>> event_places_;
  int event_rows_ = 0;
  std::vector<const FigureBand*> shown_bands_;
  std::vector<std::string> band_texts_;
  std::vector<std::optional<LabelPlace>> band_places_;
  int band_rows_ = 0;
  std::vector<double> tick_labels_;  // where labels of the value axes stand
};

}  // namespace

void draw_figure(Canvas& canvas, const Figure& figure, int width, int height) {
  Drawing(canvas, figure, std::clamp(width, kSmallestFigureWidth, kLargestFigureSide),
          std::clamp(height, kSmallestFigureHeight, kLargestFigureSide))
      .draw();
}

}  // namespace isotach::view

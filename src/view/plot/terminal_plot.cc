#include "view/plot/terminal_plot.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "view/plot/event_labels.h"
#include "view/plot/ticks.h"
#include "view/plot/trace.h"

namespace isotach::view {
namespace {

constexpr int kLeastColumns = 16;
constexpr int kLeastRows = 7;
constexpr int kEventRows = 2;
constexpr int kBandRows = 2;
// Rows that a panel keeps before bands get rows for their names.
constexpr int kLeastPanelRows = 6;

Style line_style(std::size_t line) {
  static constexpr Style kStyles[] = {Style::series_1, Style::series_2, Style::series_3,
                                      Style::series_4, Style::series_5, Style::series_6};
  return kStyles[line % std::size(kStyles)];
}

struct Frame {
  const char *vertical, *tick, *corner, *horizontal, *time_tick, *event, *above, *below;
  const char *band_from, *band_to, *shade;
};
constexpr Frame kUnicodeFrame = {"│", "┤", "└", "─", "┬", "┆", "▲", "▼", "├", "┤", "·"};
constexpr Frame kAsciiFrame = {"|", "+", "+", "-", "+", ":", "^", "v", "[", "]", "."};

// Rows and columns of one panel's plot, without its labels.
struct Area {
  int left = 0, top = 0, columns = 0, rows = 0;
  [[nodiscard]] int right() const { return left + columns; }
  [[nodiscard]] int bottom() const { return top + rows; }
};

class TerminalDrawing {
 public:
  TerminalDrawing(Grid& grid, const Figure& figure, const TerminalPlotOptions& options)
      : grid_(grid),
        figure_(figure),
        options_(options),
        frame_(options.dots == DotStyle::ascii ? kAsciiFrame : kUnicodeFrame) {}

  void draw() {
    draw_title();
    const bool room = grid_.columns() >= kLeastColumns && grid_.rows() >= kLeastRows;
    const int top =
        draw_legend(1, room ? std::max(grid_.rows() >= 10 ? 3 : 1, grid_.rows() / 4) : grid_.rows() - 1);
    if (!room || figure_.panels.empty()) return;
    if (!lay_out(top)) return;
    std::size_t first_line = 0;
    for (std::size_t i = 0; i < figure_.panels.size(); ++i) {
      draw_panel(figure_.panels[i], areas_[i], first_line);
      first_line += figure_.panels[i].lines.size();
    }
    draw_time_axis();
  }

 private:
  void draw_title() {
    const auto status_width = static_cast<int>(display_width(options_.status));
    const auto title_width = static_cast<int>(display_width(figure_.title));
    // A status that has no room beside the title is left out: the plot matters more.
    if (!options_.status.empty() && title_width + 2 + status_width <= grid_.columns())
      grid_.write_right(grid_.columns() - 1, 0, options_.status, Style::dim);
    grid_.write(0, 0, figure_.title, Style::title, true);
  }

  // Returns the row below the legend.
  int draw_legend(int row, int rows_limit) {
    int column = 0;
    int rows = 1;
    std::size_t index = 0;
    for (const Panel& panel : figure_.panels) {
      for (const Line& line : panel.lines) {
        const std::string value = latest_text(line, panel.unit);
        const int value_width = static_cast<int>(display_width(value));
        const int name_room = std::max(1, grid_.columns() - 3 - value_width);
        const std::string name = fit_columns(line.name, static_cast<std::size_t>(name_room));
        const int needed = 2 + static_cast<int>(display_width(name)) + 1 + value_width;
        if (column > 0 && column + needed > grid_.columns()) {
          if (rows == rows_limit) return row + rows;
          column = 0;
          ++rows;
        }
        const int at = row + rows - 1;
        grid_.put(column, at, std::string(1, line_letter(index)), line_style(index));
        const int next = grid_.write(column + 2, at, name, line_style(index));
        grid_.write(next + 1, at, value, Style::bold);
        column += needed + 3;
        ++index;
      }
    }
    return row + rows;
  }

  bool lay_out(int top) {
    int label_columns = 0;
    for (const Panel& panel : figure_.panels)
      for (int limit = 2; limit <= 12; ++limit)
        for (const Tick& tick : value_ticks(panel.range, panel.unit, limit))
          label_columns = std::max(label_columns, static_cast<int>(display_width(tick.label)));
    // Labels may take at most half of a narrow terminal; there the axis goes without.
    if (label_columns + 1 > grid_.columns() / 2) label_columns = 0;
    labelled_ = label_columns > 0;
    std::size_t line_count = 0;
    for (const Panel& panel : figure_.panels) line_count = std::max(line_count, panel.lines.size());
    const int letters = grid_.columns() < 40 ? 1 : std::min<int>(3, static_cast<int>(line_count));
    const int left = label_columns + 1;
    const int columns = grid_.columns() - left - letters;
    if (columns < 4) return false;

    top = place_events(top, left, columns);
    const auto count = static_cast<int>(figure_.panels.size());
    top = draw_bands(top, left, columns, (grid_.rows() - top - 2 - (count - 1)) / count - kLeastPanelRows);
    // Two rows for the time axis, one between panels.
    const int rows = grid_.rows() - top - 2 - (count - 1);
    if (rows < 2 * count) return false;
    int row = top;
    for (int i = 0; i < count; ++i) {
      const int height = rows * (i + 1) / count - rows * i / count;
      areas_.push_back({left, row, columns, height});
      row += height + 1;
    }
    return true;
  }

  int place_events(int top, int left, int columns) {
    std::vector<EventLabel> labels;
    for (const FigureEvent& event : figure_.events) {
      if (event.time_ns < figure_.low_ns || event.time_ns > figure_.high_ns) continue;
      const int column = left + static_cast<int>(std::lround(time_share(event.time_ns) * (columns - 1)));
      event_columns_.push_back(column);
      event_texts_.push_back(fit_columns(event.text, static_cast<std::size_t>(std::max(4, columns / 2))));
      labels.push_back({column + 0.5, static_cast<double>(display_width(event_texts_.back()))});
    }
    if (grid_.rows() < 12) return top;
    event_places_ = place_labels(labels, 0, grid_.columns(), kEventRows, 1);
    const int rows = rows_of(event_places_);
    for (std::size_t i = 0; i < event_places_.size(); ++i) {
      if (!event_places_[i]) continue;
      const int row = top + rows - 1 - event_places_[i]->row;
      for (int y = row + 1; y < top + rows; ++y) grid_.put(event_columns_[i], y, frame_.event, Style::dim);
    }
    for (std::size_t i = 0; i < event_places_.size(); ++i)
      if (event_places_[i])
        grid_.write(static_cast<int>(std::lround(event_places_[i]->left)),
                    top + rows - 1 - event_places_[i]->row, event_texts_[i], Style::warning);
    return top + rows;
  }

  // Finds the columns of the bands and draws their names, each on a bar as long as its band:
  // "├─ ksmd merges ─┤".
  int draw_bands(int top, int left, int columns, int rows_that_fit) {
    std::vector<BandLabel> labels;
    std::vector<std::string> texts;
    for (const FigureBand& band : figure_.bands) {
      if (band.to_ns < band.from_ns || band.to_ns < figure_.low_ns || band.from_ns > figure_.high_ns)
        continue;
      const auto column = [&](std::int64_t time_ns) {
        return left + static_cast<int>(std::lround(time_share(time_ns) * (columns - 1)));
      };
      band_columns_.emplace_back(column(band.from_ns), column(band.to_ns));
      const auto [from, to] = band_columns_.back();
      texts.push_back(
          fit_columns(band.text, static_cast<std::size_t>(std::max({4, to - from - 3, columns / 2}))));
      labels.push_back(
          {static_cast<double>(from), to + 1.0, static_cast<double>(display_width(texts.back())) + 2});
    }
    const auto places =
        place_band_labels(labels, 0, grid_.columns(), std::clamp(rows_that_fit, 0, kBandRows), 1);
    const int rows = rows_of(places);
    for (const int column : event_columns_)
      for (int row = top; row < top + rows; ++row) grid_.put(column, row, frame_.event, Style::dim);
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (!places[i]) continue;
      const int row = top + rows - 1 - places[i]->row;
      const auto [from, to] = band_columns_[i];
      grid_.fill(from, row, to - from + 1, 1, frame_.horizontal, Style::dim);
      grid_.put(from, row, frame_.band_from, Style::dim);
      grid_.put(to, row, frame_.band_to, Style::dim);
      grid_.write(static_cast<int>(places[i]->left), row, ' ' + texts[i] + ' ', Style::warning);
    }
    return top + rows;
  }

  void draw_panel(const Panel& panel, const Area& area, std::size_t first_line) {
    for (const auto& [from, to] : band_columns_)
      for (int row = area.top; row < area.bottom(); ++row)
        for (int column = from; column <= to; ++column)
          if ((row + column) % 2 == 0) grid_.put(column, row, frame_.shade, Style::dim);
    for (int row = area.top; row < area.bottom(); ++row) {
      grid_.put(area.left - 1, row, frame_.vertical, Style::dim);
      for (const int column : event_columns_) grid_.put(column, row, frame_.event, Style::dim);
    }
    DotRaster raster(area.columns, area.rows, options_.dots);
    const auto y_of = [&](double value) {
      return static_cast<int>(std::lround((1 - panel.range.fraction(value)) * (raster.height() - 1)));
    };
    int last_row = -1;
    for (const Tick& tick : value_ticks(panel.range, panel.unit, std::max(2, area.rows / 3 + 1))) {
      const int row = area.top + raster.row_of(std::clamp(y_of(tick.position), 0, raster.height() - 1));
      if (row == last_row) continue;
      last_row = row;
      grid_.put(area.left - 1, row, frame_.tick, Style::dim);
      if (labelled_) grid_.write_right(area.left - 2, row, tick.label, Style::dim);
    }

    std::vector<Trace> traces;
    for (std::size_t i = 0; i < panel.lines.size(); ++i) {
      traces.push_back(
          trace_of(panel.lines[i].points, figure_.low_ns, figure_.high_ns, raster.width(), panel.range));
      for (const auto& run : traces.back().lines) {
        for (std::size_t k = 0; k < run.size(); ++k) {
          const std::size_t from = k == 0 ? 0 : k - 1;
          raster.line(x_of(raster, run[from].time_ns), y_of(run[from].value), x_of(raster, run[k].time_ns),
                      y_of(run[k].value), first_line + i);
        }
      }
    }
    for (int row = 0; row < area.rows; ++row) {
      for (int column = 0; column < area.columns; ++column) {
        if (raster.is_empty(column, row)) continue;
        const std::size_t owner = raster.owner(column, row);
        const std::string character = options_.dots == DotStyle::ascii ? std::string(1, line_letter(owner))
                                                                       : raster.character(column, row);
        grid_.put(area.left + column, area.top + row, character, line_style(owner));
      }
    }
    for (std::size_t i = 0; i < traces.size(); ++i) {
      const std::size_t line = first_line + i;
      for (const auto& [points, row, mark] : {std::tuple(&traces[i].above, area.top, frame_.above),
                                              std::tuple(&traces[i].below, area.bottom() - 1, frame_.below)})
        for (const DataPoint& point : *points)
          grid_.put(area.left + raster.column_of(x_of(raster, point.time_ns)), row, mark, line_style(line));
      if (!traces[i].lines.empty()) draw_letters(traces[i], raster, y_of, area, line);
    }
  }

  // A line's letter beside its end, and here and there on the line itself: who sees no colours can
  // still follow it through crossings.
  template <class YOf>
  void draw_letters(const Trace& trace, const DotRaster& raster, const YOf& y_of, const Area& area,
                    std::size_t line) {
    constexpr int kDistance = 26;
    const std::string letter(1, line_letter(line));
    const DataPoint& end = trace.lines.back().back();
    const int end_row = area.top + raster.row_of(y_of(end.value));
    const int end_column = raster.column_of(x_of(raster, end.time_ns));
    for (int column = area.left + end_column + 1;
         column < grid_.columns() && column <= area.left + end_column + 3; ++column) {
      const std::string& there = grid_.at(column, end_row).text;
      if (there != " " && there != frame_.event) continue;
      grid_.put(column, end_row, letter, line_style(line));
      break;
    }
    if (area.columns < kDistance) return;
    int next = static_cast<int>(4 + line * 7 % kDistance);
    for (const auto& run : trace.lines) {
      for (const DataPoint& point : run) {
        const int column = raster.column_of(x_of(raster, point.time_ns));
        if (column < next || column + 3 > end_column) continue;
        grid_.put(area.left + column, area.top + raster.row_of(y_of(point.value)), letter, line_style(line));
        next = column + kDistance;
      }
    }
  }

  void draw_time_axis() {
    const Area& area = areas_.back();
    const int row = area.bottom();
    grid_.put(area.left - 1, row, frame_.corner, Style::dim);
    grid_.fill(area.left, row, area.columns, 1, frame_.horizontal, Style::dim);
    const LabelLength length = [](std::string_view text) { return static_cast<double>(display_width(text)); };
    const std::vector<Tick> ticks =
        figure_.time_labels == TimeLabels::clock
            ? clock_ticks(figure_.low_ns, figure_.high_ns, figure_.midnight_ns, area.columns, length, 5)
            : elapsed_ticks(figure_.low_ns, figure_.high_ns, area.columns, length, 5);
    int free_from = 0;
    for (const Tick& tick : ticks) {
      const int column =
          area.left + static_cast<int>(std::lround(time_share(static_cast<std::int64_t>(tick.position)) *
                                                   (area.columns - 1)));
      grid_.put(column, row, frame_.time_tick, Style::dim);
      const auto width = static_cast<int>(display_width(tick.label));
      const int start = std::clamp(column - width / 2, 0, std::max(0, grid_.columns() - width));
      if (start < free_from || width > grid_.columns()) continue;
      grid_.write(start, row + 1, tick.label, Style::dim);
      free_from = start + width + 1;
    }
    // What the axis measures, at its end where a label leaves room.
    const auto width = static_cast<int>(display_width(figure_.time_title));
    if (free_from + width + 2 <= grid_.columns())
      grid_.write_right(grid_.columns() - 1, row + 1, figure_.time_title, Style::dim);
  }

  [[nodiscard]] double time_share(std::int64_t time_ns) const {
    const double share =
        Range{static_cast<double>(figure_.low_ns), static_cast<double>(figure_.high_ns)}.fraction(
            static_cast<double>(time_ns));
    return std::clamp(share, 0.0, 1.0);
  }
  [[nodiscard]] int x_of(const DotRaster& raster, std::int64_t time_ns) const {
    return static_cast<int>(std::lround(time_share(time_ns) * (raster.width() - 1)));
  }

  Grid& grid_;
  const Figure& figure_;
  const TerminalPlotOptions& options_;
  const Frame& frame_;
  bool labelled_ = true;
  std::vector<Area> areas_;
  std::vector<int> event_columns_;
  std::vector<std::pair<int, int>> band_columns_;  // first and last
  std::vector<std::string> event_texts_;
  std::vector<std::optional<LabelPlace>> event_places_;
};

}  // namespace

void draw_figure(Grid& grid, const Figure& figure, const TerminalPlotOptions& options) {
  TerminalDrawing(grid, figure, options).draw();
}

}  // namespace isotach::view

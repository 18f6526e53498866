// A figure: what a plot shows, as plain data. Whoever measures makes one; the renderers (SVG, PNG,
// terminal) draw it. Nothing here knows where the numbers come from or how they are drawn.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/units.h"
#include "record/sample.h"
#include "view/plot/range.h"

namespace isotach::view {

// One point of a line. Times are relative to the figure's origin; a value that is no number is a gap.
struct DataPoint {
  std::int64_t time_ns = 0;
  double value = std::numeric_limits<double>::quiet_NaN();

  [[nodiscard]] bool is_gap() const { return !std::isfinite(value); }
};

struct Line {
  std::string name;               // "free", "eth0 received"
  std::vector<DataPoint> points;  // in order of time
  std::optional<double> latest;   // for the legend
};

// A part of a map's upright axis with a name: "[stack]".
struct MapRow {
  double low = 0, high = 0;
  std::string name;
};

inline constexpr int kMapLevels = 4;

// A field of a map that is filled.
struct MapCell {
  std::int64_t from_ns = 0, to_ns = 0;
  double low = 0, high = 0;
  int level = 0;      // 0 to kMapLevels - 1: the more there is, the stronger
  bool warm = false;  // one of two kinds
};

// Lines of one unit, over one value axis. A figure has one for each unit. Or a map: fields over time and
// named parts of an axis that has no unit.
struct Panel {
  Unit unit = Unit::count;
  std::vector<Line> lines;
  Range range;                    // of the value axis
  bool fixed = false;             // the range was given; what lies outside is marked at the edge
  std::vector<MapRow> rows = {};  // not empty: a map, with these parts from below
  std::vector<MapCell> cells = {};
  std::string map_title = {};                  // what the upright axis is: "address"
  std::string cool_name = {}, warm_name = {};  // what the two kinds of fields are
};

struct FigureEvent {
  std::int64_t time_ns = 0;
  record::EventKind kind = record::EventKind::mark;
  std::string text;
};

// A stretch of time with a name, shaded behind the lines: "ksmd merges".
struct FigureBand {
  std::int64_t from_ns = 0;
  std::int64_t to_ns = 0;
  std::string text;
};

enum class TimeLabels { elapsed, clock };

struct Figure {
  std::string title;     // "Memory"
  std::string subtitle;  // "db1, 2026-11-23 14:03:05, every 500 ms"; may be empty
  std::vector<Panel> panels;
  std::vector<FigureEvent> events;  // in order of time
  std::vector<FigureBand> bands;    // in order of their starts
  std::int64_t low_ns = 0;          // the time axis
  std::int64_t high_ns = 1;
  std::string time_title;  // "time since 14:03:05"
  TimeLabels time_labels = TimeLabels::elapsed;
  std::int64_t midnight_ns = 0;  // a local midnight on the time axis, for clock labels
};

// The least, mean, greatest and last of a line's values; nothing when it has none.
struct LineSummary {
  double minimum = 0, mean = 0, maximum = 0, last = 0;
  std::size_t count = 0;

  // Counts one more value; the first must have been put into minimum and maximum.
  void add(double value);
};
[[nodiscard]] std::optional<LineSummary> summarize(std::span<const DataPoint> points);

// What the value axis measures, in a word: "amount", "share", "rate".
[[nodiscard]] std::string value_title(Unit unit);

// The latest value for a legend: "1.5 GiB"; "-" where there is none now, "no data" where there never was.
[[nodiscard]] std::string latest_text(const Line& line, Unit unit);

// The letter that stands for a line in the terminal: A to Z, then a to z, then "+".
[[nodiscard]] char line_letter(std::size_t index);

}  // namespace isotach::view

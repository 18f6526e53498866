#include "view/plot/trace.h"

#include <algorithm>
#include <utility>

namespace isotach::view {
namespace {

// Where the line from `a` to `b` is at `time_ns`. Halved and weighted, so that nothing overflows.
DataPoint crossing_time(const DataPoint& a, const DataPoint& b, std::int64_t time_ns) {
  const double span = static_cast<double>(b.time_ns) - static_cast<double>(a.time_ns);
  const double share = span > 0 ? (static_cast<double>(time_ns) - static_cast<double>(a.time_ns)) / span : 1;
  const double value = a.value * (1 - share) + b.value * share;
  return {time_ns, std::clamp(value, std::min(a.value, b.value), std::max(a.value, b.value))};
}

DataPoint crossing_value(const DataPoint& a, const DataPoint& b, double value) {
  const Range between{std::min(a.value, b.value), std::max(a.value, b.value)};
  const double share = a.value < b.value ? between.fraction(value) : 1 - between.fraction(value);
  const double time = static_cast<double>(a.time_ns) +
                      share * (static_cast<double>(b.time_ns) - static_cast<double>(a.time_ns));
  return {std::clamp(static_cast<std::int64_t>(time), a.time_ns, std::max(a.time_ns, b.time_ns)), value};
}

// First, least, greatest and last of the points that fall into one column.
class Column {
 public:
  void add(const DataPoint& point) {
    if (empty_) starts_with_gap_ = point.is_gap();
    empty_ = false;
    ends_with_gap_ = point.is_gap();
    gap_ = point.is_gap() ? point : gap_;
    if (point.is_gap()) return;
    if (!has_value_) first_ = least_ = greatest_ = point;
    has_value_ = true;
    if (point.value < least_.value) least_ = point;
    if (point.value > greatest_.value) greatest_ = point;
    last_ = point;
  }

  void flush(std::vector<DataPoint>& into) {
    if (empty_) return;
    if (!has_value_) {
      into.push_back(gap_);
    } else {
      if (starts_with_gap_) into.push_back({first_.time_ns, gap_.value});
      const bool least_first = least_.time_ns <= greatest_.time_ns;
      const DataPoint& inner_1 = least_first ? least_ : greatest_;
      const DataPoint& inner_2 = least_first ? greatest_ : least_;
      into.push_back(first_);
      for (const DataPoint* point : {&inner_1, &inner_2, &std::as_const(last_)})
        if (point->time_ns != into.back().time_ns || point->value != into.back().value)
          into.push_back(*point);
      if (ends_with_gap_) into.push_back({last_.time_ns, gap_.value});
    }
    *this = Column{};
  }

 private:
  bool empty_ = true, has_value_ = false, starts_with_gap_ = false, ends_with_gap_ = false;
  DataPoint first_, least_, greatest_, last_, gap_;
};

// Cuts one run of points without gaps at the bounds of `range`.
void cut(std::span<const DataPoint> run, const Range& range, Trace& trace) {
  std::vector<DataPoint> line;
  const auto end_line = [&] {
    if (!line.empty()) trace.lines.push_back(std::move(line));
    line.clear();
  };
  for (std::size_t i = 0; i < run.size(); ++i) {
    const DataPoint& point = run[i];
    if (i > 0) {
      // The crossings of this step in the order in which the line meets them.
      const DataPoint& before = run[i - 1];
      const bool rises = point.value > before.value;
      const double bounds[] = {rises ? range.low : range.high, rises ? range.high : range.low};
      for (const double bound : bounds) {
        const bool crosses =
            (before.value < bound && point.value > bound) || (before.value > bound && point.value < bound);
        if (crosses) line.push_back(crossing_value(before, point, bound));
      }
    }
    if (range.contains(point.value)) {
      line.push_back(point);
    } else {
      end_line();
      (point.value > range.high ? trace.above : trace.below).push_back(point);
    }
  }
  end_line();
}

}  // namespace

std::vector<DataPoint> visible_points(std::span<const DataPoint> points, std::int64_t low_ns,
                                      std::int64_t high_ns) {
  const auto earlier = [](const DataPoint& point, std::int64_t time_ns) { return point.time_ns < time_ns; };
  const auto later = [](std::int64_t time_ns, const DataPoint& point) { return time_ns < point.time_ns; };
  const auto first = std::lower_bound(points.begin(), points.end(), low_ns, earlier);
  const auto last = std::upper_bound(first, points.end(), high_ns, later);
  std::vector<DataPoint> visible;
  visible.reserve(static_cast<std::size_t>(last - first) + 2);
  const bool enters = first != points.begin() && first != points.end() && !(first - 1)->is_gap() &&
                      !first->is_gap() && first->time_ns > low_ns;
  if (enters) visible.push_back(crossing_time(*(first - 1), *first, low_ns));
  visible.insert(visible.end(), first, last);
  const bool leaves = last != points.end() && last != points.begin() && !(last - 1)->is_gap() &&
                      !last->is_gap() && (first != last || enters) && (last - 1)->time_ns < high_ns;
  if (leaves) visible.push_back(crossing_time(*(last - 1), *last, high_ns));
  return visible;
}

std::optional<Range> extent_of(std::span<const DataPoint> points) {
  std::optional<Range> extent;
  for (const DataPoint& point : points)
    if (!point.is_gap()) include(extent, point.value);
  return extent;
}

std::vector<DataPoint> decimate(std::span<const DataPoint> points, std::int64_t low_ns, std::int64_t high_ns,
                                int columns) {
  columns = std::max(columns, 1);
  if (points.size() <= static_cast<std::size_t>(columns)) return {points.begin(), points.end()};
  const double span = std::max(1.0, static_cast<double>(high_ns) - static_cast<double>(low_ns));
  std::vector<DataPoint> kept;
  Column column;
  int at = 0;
  for (const DataPoint& point : points) {
    const double share = (static_cast<double>(point.time_ns) - static_cast<double>(low_ns)) / span;
    const int target = std::clamp(static_cast<int>(share * columns), 0, columns - 1);
    if (target != at) {
      column.flush(kept);
      at = target;
    }
    column.add(point);
  }
  column.flush(kept);
  return kept;
}

Trace trace_of(std::span<const DataPoint> points, std::int64_t low_ns, std::int64_t high_ns, int columns,
               const Range& range) {
  const std::vector<DataPoint> kept =
      decimate(visible_points(points, low_ns, high_ns), low_ns, high_ns, columns);
  Trace trace;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= kept.size(); ++i) {
    if (i < kept.size() && !kept[i].is_gap()) continue;
    cut(std::span(kept).subspan(start, i - start), range, trace);
    start = i + 1;
  }
  return trace;
}

}  // namespace isotach::view

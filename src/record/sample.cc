#include "record/sample.h"

#include <algorithm>

namespace isotach::record {

void Sample::sort() {
  const auto not_after = [](const Point& a, const Point& b) { return a.series >= b.series; };
  if (std::adjacent_find(points.begin(), points.end(), not_after) == points.end()) return;
  std::stable_sort(points.begin(), points.end(),
                   [](const Point& a, const Point& b) { return a.series < b.series; });
  points.erase(std::unique(points.begin(), points.end(),
                           [](const Point& a, const Point& b) { return a.series == b.series; }),
               points.end());
}

const Value* Sample::find(SeriesId series) const {
  // Where no series ever vanished a point stands at the index of its own id.
  if (series < points.size() && points[series].series == series) return &points[series].value;
  const auto found = std::lower_bound(points.begin(), points.end(), series,
                                      [](const Point& point, SeriesId id) { return point.series < id; });
  if (found == points.end() || found->series != series) return nullptr;
  return &found->value;
}

namespace {
struct NamedEventKind {
  EventKind kind;
  std::string_view name;
};
constexpr NamedEventKind kEventKinds[] = {{EventKind::start, "start"},
                                          {EventKind::peak, "peak"},
                                          {EventKind::end, "end"},
                                          {EventKind::mark, "mark"},
                                          {EventKind::warning, "warning"}};
}  // namespace

std::string_view event_kind_name(EventKind kind) {
  for (const NamedEventKind& named : kEventKinds)
    if (named.kind == kind) return named.name;
  return "mark";
}

EventKind event_kind_from_name(std::string_view name) {
  for (const NamedEventKind& named : kEventKinds)
    if (named.name == name) return named.kind;
  return EventKind::mark;
}

}  // namespace isotach::record

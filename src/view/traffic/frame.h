// Where the parts of the live view of isotach traffic stand at a size. Only for view/traffic.
#pragma once

#include <string>
#include <vector>

#include "view/overview/paint.h"
#include "view/traffic/traffic.h"

namespace isotach::view {

// Rows of the parts; -1 where there is no room for one.
struct TrafficFrame {
  int tabs = -1;
  int totals = -1;
  int rule = -1;      // "FLOWS ──── 3 of 120, by rate"
  int list = 0;       // the head of the table
  int list_rows = 0;  // with its head
  int footer = -1;
};
[[nodiscard]] TrafficFrame traffic_frame(const TrafficView& view, int columns, int rows);

// A tab and the columns it stands in.
struct TrafficTab {
  TrafficPage page;
  std::string text;
  int column = 0;
};
// Those that fit: all, or the one shown with the way to its neighbours.
[[nodiscard]] std::vector<TrafficTab> traffic_tabs(TrafficPage page, int columns);

[[nodiscard]] std::string traffic_rate_text(Number bits_s, bool bytes);
// A cell as tables cut it, for terminals that have no "…".
[[nodiscard]] std::string cut_text(std::string text, bool unicode);
void draw_traffic_overview(Canvas canvas, const TrafficModel& model, const TrafficView& view);
void draw_traffic_details(Canvas canvas, const TrafficModel& model, const TrafficView& view);
void draw_traffic_help(Canvas canvas);

}  // namespace isotach::view

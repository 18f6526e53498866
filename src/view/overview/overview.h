// The overview as a picture: a pure function of what was measured, what the user chose and how large
// the terminal is. Every size from 1x1 up gets a picture; what matters most comes first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "view/overview/layout.h"
#include "view/overview/model.h"
#include "view/terminal/grid.h"

namespace isotach::view {

enum class OverviewPage : std::uint8_t { machine, memory, network, connections, findings, help };

// What the user chose with keys.
struct OverviewView {
  bool unicode = true;
  OverviewPage page = OverviewPage::machine;
  int scroll = 0;             // rows of a long page that are above the first one shown
  bool each_cpu = false;      // a bar for every CPU instead of the history
  std::size_t interface = 0;  // the one at the top of the list and in the graph
  bool paused = false;
  double interval_s = 1;  // as set; the model has what it really was
  std::string notice;     // shown in the footer instead of the keys: "mark 2 set"
};

[[nodiscard]] Grid render_overview(const OverviewModel& model, const OverviewView& view, int columns,
                                   int rows);

// A part of the picture that does what a key does when it is clicked.
struct ClickTarget {
  Rect area;
  char32_t key = 0;
};
[[nodiscard]] std::vector<ClickTarget> overview_targets(const OverviewModel& model, const OverviewView& view,
                                                        int columns, int rows);
// How far a page can be scrolled until its last row is shown.
[[nodiscard]] int overview_scroll_limit(const OverviewModel& model, const OverviewView& view, int columns,
                                        int rows);

}  // namespace isotach::view

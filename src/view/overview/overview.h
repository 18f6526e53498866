// The overview as a picture: a pure function of what was measured, what the user chose and how large
// the terminal is. Every size from 1x1 up gets a picture; what matters most comes first.
#pragma once

#include <cstdint>
#include <string>

#include "view/overview/model.h"
#include "view/terminal/grid.h"

namespace isotach::view {

enum class OverviewPage : std::uint8_t { machine, findings, help };

// What the user chose with keys.
struct OverviewView {
  bool unicode = true;
  OverviewPage page = OverviewPage::machine;
  bool each_cpu = false;      // a bar for every CPU instead of the history
  std::size_t interface = 0;  // the one at the top of the list and in the graph
  bool paused = false;
  double interval_s = 1;  // as set; the model has what it really was
  std::string notice;     // shown in the footer instead of the keys: "mark 2 set"
};

[[nodiscard]] Grid render_overview(const OverviewModel& model, const OverviewView& view, int columns,
                                   int rows);

}  // namespace isotach::view

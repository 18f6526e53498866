// What keys do to the overview, apart from terminals and clocks so that it can be tested.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "view/overview/overview.h"
#include "view/terminal/screen.h"

namespace isotach::command {

enum class OverviewAction {
  none,  // nothing but a new picture
  quit,
  mark,
  faster,  // a shorter interval, a quicker replay
  slower,
  back,
  forward,
  page_back,
  page_forward,
  first,
  last,  // replay: where to go
};

// What keys act on, besides the view itself.
struct OverviewKeys {
  std::size_t interface_count = 0;
  bool replay = false;
  int scroll_limit = 0;                         // of the page that is shown
  std::vector<view::ClickTarget> targets = {};  // what can be clicked
};
[[nodiscard]] OverviewKeys overview_keys(const view::OverviewModel& model, const view::OverviewView& view,
                                         const view::Screen& screen);

// Changes `view` where the key is about the picture alone; says what else is to be done.
[[nodiscard]] OverviewAction apply_key(const view::Key& key, const OverviewKeys& keys,
                                       view::OverviewView& view);

// The next longer or shorter interval of 10, 20, 50 ms, 0.1 s ... 1 min.
[[nodiscard]] std::int64_t longer_interval_ns(std::int64_t interval_ns);
[[nodiscard]] std::int64_t shorter_interval_ns(std::int64_t interval_ns);

}  // namespace isotach::command

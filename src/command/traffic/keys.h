// What keys and the mouse do to the live view of isotach traffic, apart from terminals so that it can be
// tested.
#pragma once

#include <cstddef>

#include "view/terminal/screen.h"
#include "view/traffic/traffic.h"

namespace isotach::command {

enum class TrafficAction {
  none,  // nothing but a new picture
  quit,
  open,  // the row at the cursor
  back,
  next_sort,
  faster,  // a shorter interval
  slower,
};

struct TrafficScreenSize {
  int columns = 80, rows = 24;
};

// Changes `view` where the key is about the picture alone; says what else is to be done. `matching` is the
// number of rows that the list of this page has.
[[nodiscard]] TrafficAction apply_traffic_key(const view::Key& key, std::size_t matching,
                                              TrafficScreenSize size, view::TrafficView& view);

}  // namespace isotach::command

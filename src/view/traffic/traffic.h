// The live view of isotach traffic, drawn into a grid of any size. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "view/terminal/grid.h"
#include "view/traffic/model.h"

namespace isotach::view {

enum class TrafficPage : std::uint8_t {
  overview,
  flows,
  hosts,
  stations,
  ports,
  processes,
  sizes,
  classes,
  protocols,
  interfaces
};
inline constexpr int kTrafficPageCount = 10;
[[nodiscard]] std::string_view traffic_page_name(TrafficPage page);

// What the user has chosen to see.
struct TrafficView {
  TrafficPage page = TrafficPage::overview;
  std::string sort;     // name of the key: "rate", "bytes"
  std::string within;   // "host 10.0.0.2": what the rows were narrowed down to; empty for all
  std::string search;   // shown rows hold this text
  bool typing = false;  // `search` is being typed
  bool help = false;
  bool paused = false;
  bool bytes = false;  // rates in bytes instead of bits
  bool unicode = true;
  std::size_t cursor = 0;  // row that keys act on, among all that match
  double interval_s = 1;
  std::string notice;  // of the last key; one line
};

// Rows of the list that fit on a page of this size: what the model should hold.
[[nodiscard]] std::size_t traffic_page_rows(const TrafficView& view, int columns, int rows);
// The page whose tab is drawn there; the row of the list that is (an offset into the rows of the model).
[[nodiscard]] std::optional<TrafficPage> traffic_tab_at(const TrafficView& view, int columns, int rows,
                                                        int column, int row);
[[nodiscard]] std::optional<std::size_t> traffic_row_at(const TrafficView& view, int columns, int rows,
                                                        int row);

[[nodiscard]] Grid render_traffic(const TrafficModel& model, const TrafficView& view, int columns, int rows);

// A list as a table that is to be `width` wide.
[[nodiscard]] Table traffic_table(const TrafficList& list, bool bytes, int width);

}  // namespace isotach::view

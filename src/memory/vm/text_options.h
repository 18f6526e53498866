// How the tables of vm are laid out.
#pragma once

#include <cstdint>
#include <string>

#include "memory/vm/cell_text.h"
#include "memory/vm/columns.h"
#include "memory/vm/layout.h"

namespace isotach::memory {

struct TextOptions {
  VmMode mode = VmMode::row;
  bool wide = false;
  bool active = false;  // inact and active instead of buff and cache
  bool one_header = false;
  bool no_first = false;  // the first row, averages since boot, is left out
  bool timestamp = false;
  bool milliseconds = false;  // in the timestamp: rows come more often than once a second
  bool pressure = false;
  bool human = false;  // free: 23Gi
  bool si = false;     // free: steps of 1000
  TableUnit unit;
  std::string partition;
  // Of the terminal. Without one lines may be as long as they like and headers repeat as for 24 rows.
  std::size_t terminal_columns = Layout::kUnlimited;
  std::size_t terminal_rows = 24;

  // Lines after which a header is repeated: as vmstat counts.
  [[nodiscard]] std::size_t header_period() const { return terminal_rows > 3 ? terminal_rows - 3 : 22; }
};

// "2026-11-23 03:29:23", with ".250" where asked for; and the zone for the head.
[[nodiscard]] std::string timestamp_text(std::int64_t wall_ns, bool milliseconds);
[[nodiscard]] std::string zone_text(std::int64_t wall_ns);
[[nodiscard]] std::size_t timestamp_width(bool milliseconds);

}  // namespace isotach::memory

// From two readings of the machine to a row of vmstat. Pure: no input, no clock.
#pragma once

#include <array>
#include <cstdint>

#include "machine/reading.h"
#include "memory/vm/cell.h"
#include "memory/vm/columns.h"

namespace isotach::memory {

struct VmRow {
  bool since_boot = false;  // rates are averages since boot: tables round them down, as vmstat does
  std::array<Cell, kRowColumnCount> cells;

  [[nodiscard]] const Cell& operator[](RowColumn column) const {
    return cells[static_cast<std::size_t>(column)];
  }
  [[nodiscard]] Cell& operator[](RowColumn column) { return cells[static_cast<std::size_t>(column)]; }
};

// The kernel's idle and iowait times can run backwards for a moment. Such a step counts as no time,
// and is taken from the growth of the next interval.
struct TickDebt {
  std::uint64_t idle = 0;
  std::uint64_t iowait = 0;
};

// Averages since boot. Needs machine.uptime; the rates are missing without it.
[[nodiscard]] VmRow row_since_boot(const machine::MachineReading& now);

// What happened between two readings `elapsed_ns` apart.
[[nodiscard]] VmRow row_between(const machine::MachineReading& before, const machine::MachineReading& now,
                                std::int64_t elapsed_ns, TickDebt& debt);

}  // namespace isotach::memory

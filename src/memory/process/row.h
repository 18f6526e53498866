// One row of `isotach vm --pid`: from two readings of a process to what people see. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"
#include "base/value.h"
#include "kernel/process.h"
#include "memory/vm/cell.h"

namespace isotach::memory {

enum class ProcessColumn : std::size_t {
  cpu,
  threads,
  resident,
  proportional,
  private_memory,
  swap,
  heap,
  minor_fault_rate,
  major_fault_rate,
  // From here on only where machines read: JSON and CSV.
  resident_peak,
  anonymous,
  data,
  proportional_swap,
  minor_faults,
  major_faults,
  cpu_time,
};
inline constexpr std::size_t kProcessColumnCount = static_cast<std::size_t>(ProcessColumn::cpu_time) + 1;

struct ProcessColumnInfo {
  std::string_view head;  // "rss"; also what --explain takes
  std::string_view key;   // "rss_bytes": in JSON and CSV
  Unit unit = Unit::count;
  bool in_table = true;
  std::string_view help;  // whole sentences
};
[[nodiscard]] const ProcessColumnInfo& process_column(ProcessColumn column);

// A number in base units (bytes, seconds, ratio, per second), or why there is none.
struct ProcessCell {
  Absent absent = Absent::not_supported;
  Value value;

  ProcessCell() = default;
  ProcessCell(const Value& measured);
  ProcessCell(Absent reason) : absent(reason) {}
  [[nodiscard]] bool is_missing() const { return absent != Absent::no; }
};

struct ProcessRow {
  unsigned pid = 0;
  std::string command;
  std::array<ProcessCell, kProcessColumnCount> cells;

  [[nodiscard]] const ProcessCell& operator[](ProcessColumn column) const {
    return cells[static_cast<std::size_t>(column)];
  }
  [[nodiscard]] ProcessCell& operator[](ProcessColumn column) {
    return cells[static_cast<std::size_t>(column)];
  }
};

// Rates are those between the two readings. Without `before` they are the averages since the process
// started, as in the first row of vmstat and the %CPU of ps; missing in the first 10 ms of a life.
[[nodiscard]] ProcessRow make_process_row(const kernel::ProcessReading* before,
                                          const kernel::ProcessReading& now, std::int64_t elapsed_ns,
                                          std::uint64_t page_size_bytes);

}  // namespace isotach::memory

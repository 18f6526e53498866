// Every column of every vm mode, described once: table heads, JSON keys, CSV heads and
// `isotach vm --explain` come from here.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "memory/vm/cell.h"

namespace isotach::memory {

enum class VmMode : std::uint8_t { row, stats, disks, disk_sum, partition, slabs, forks, free };
inline constexpr std::size_t kVmModeCount = static_cast<std::size_t>(VmMode::free) + 1;

[[nodiscard]] std::string_view vm_mode_name(VmMode mode);    // "row": as in JSON
[[nodiscard]] std::string_view vm_mode_option(VmMode mode);  // "--stats"; empty for row

struct VmColumn {
  std::string_view title;  // table head or line label: "swpd"
  std::string_view name;   // JSON key and CSV head, with its unit: "swap_used_bytes"
  Form form;
  std::string_view source;  // where the kernel says it
  std::string_view help;    // one or more sentences
};

// In the order of the mode's cells.
[[nodiscard]] std::span<const VmColumn> vm_columns(VmMode mode);

// What one record of a mode is about ("disk", "slab"), or empty where there is one record a sample.
[[nodiscard]] std::string_view vm_record_label(VmMode mode);

// Cells of VmMode::row.
enum class RowColumn : std::size_t {
  running,
  blocked,
  swap_used,
  free,
  buffers,
  cache,
  inactive,
  active,
  swap_in,
  swap_out,
  block_in,
  block_out,
  interrupts,
  context_switches,
  user,
  system,
  idle,
  iowait,
  steal,
  guest,
  pressure_cpu,
  pressure_memory,
  pressure_memory_full,
  pressure_io,
  pressure_io_full,
};
inline constexpr std::size_t kRowColumnCount = static_cast<std::size_t>(RowColumn::pressure_io_full) + 1;

// Columns whose title, JSON name or mode is `word`; "all" gives every one.
struct ExplainedColumn {
  VmMode mode;
  const VmColumn* column;
};
[[nodiscard]] std::vector<ExplainedColumn> explained_columns(std::string_view word);

}  // namespace isotach::memory

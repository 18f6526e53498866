#include "memory/vm/vm_row.h"

#include <cmath>
#include <optional>

#include "base/clock.h"
#include "base/counter.h"
#include "memory/vm/gauges.h"

namespace isotach::memory {
namespace {

using kernel::CpuField;
using kernel::MemoryField;
using kernel::PressureLine;
using kernel::PressureReading;
using kernel::VmCounter;
using machine::MachineReading;

constexpr std::uint64_t kBytesPerKib = 1024;
constexpr std::uint64_t kNanosecondsPerMicrosecond = 1000;
constexpr double kLongestUptimeS = 1e9;  // 31 years: what lies above is no uptime

// Time in programs, guests included, and so on: the sums that the columns are made of.
struct Ticks {
  std::uint64_t programs = 0, system = 0, idle = 0, iowait = 0, steal = 0, guest = 0;

  [[nodiscard]] std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t part : {programs, system, idle, iowait, steal}) sum = saturating_sum(sum, part);
    return sum;
  }
};

using FieldTicks = std::array<std::uint64_t, kernel::kCpuFieldCount>;

Ticks summed(const FieldTicks& ticks) {
  const auto at = [&](CpuField field) { return ticks[static_cast<std::size_t>(field)]; };
  Ticks sums;
  sums.programs = saturating_sum(at(CpuField::user), at(CpuField::nice));
  sums.system =
      saturating_sum(saturating_sum(at(CpuField::system), at(CpuField::irq)), at(CpuField::softirq));
  sums.idle = at(CpuField::idle);
  sums.iowait = at(CpuField::iowait);
  sums.steal = at(CpuField::steal);
  sums.guest = saturating_sum(at(CpuField::guest), at(CpuField::guest_nice));
  return sums;
}

void put_shares(const Ticks& ticks, const MachineReading& now, VmRow& row) {
  const std::uint64_t total = ticks.total();
  const auto put = [&](RowColumn column, std::uint64_t amount, CpuField field) {
    const Value& source = now.cpu.all[field];
    if (source.is_missing()) {
      row[column] = Cell::from(source);
    } else {
      row[column] = total == 0 ? Cell::missing(Absent::no_time) : Cell::of(amount, total);
    }
  };
  // Guests are part of user and nice. The kernel adds to both at different moments, so that more guest
  // than user time can be seen.
  put(RowColumn::user, ticks.programs > ticks.guest ? ticks.programs - ticks.guest : 0, CpuField::user);
  put(RowColumn::system, ticks.system, CpuField::system);
  put(RowColumn::idle, ticks.idle, CpuField::idle);
  put(RowColumn::iowait, ticks.iowait, CpuField::iowait);
  put(RowColumn::steal, ticks.steal, CpuField::steal);
  put(RowColumn::guest, ticks.guest, CpuField::guest);
}

// Growth of a counter that may run backwards a little: a step back becomes the new debt, and the debt
// of the interval before is paid. What a growth cannot pay is forgotten, so that a single bad reading
// does not hide the idle time of many intervals.
std::uint64_t growth_with_debt(std::uint64_t before, std::uint64_t now, std::uint64_t& debt) {
  const std::uint64_t owed = debt;
  debt = 0;
  if (now < before) {
    debt = before - now;
    return 0;
  }
  const std::uint64_t growth = now - before;
  return growth > owed ? growth - owed : 0;
}

void put_shares_between(const MachineReading& before, const MachineReading& now, TickDebt& debt, VmRow& row) {
  FieldTicks growth{};
  bool backwards = false;
  for (std::size_t i = 0; i < growth.size(); ++i) {
    const auto field = static_cast<CpuField>(i);
    const Value& earlier = before.cpu.all[field];
    const Value& later = now.cpu.all[field];
    if (earlier.is_missing() || later.is_missing()) continue;
    if (field == CpuField::idle || field == CpuField::iowait) {
      growth[i] = growth_with_debt(earlier.as_unsigned(), later.as_unsigned(),
                                   field == CpuField::idle ? debt.idle : debt.iowait);
      continue;
    }
    const auto grown = counter_growth(earlier.as_unsigned(), later.as_unsigned());
    backwards = backwards || !grown;
    growth[i] = grown.value_or(0);
  }
  if (backwards) {
    debt = {};
    for (const RowColumn column : {RowColumn::user, RowColumn::system, RowColumn::idle, RowColumn::iowait,
                                   RowColumn::steal, RowColumn::guest})
      row[column] = Cell::missing(Absent::went_backwards);
    return;
  }
  put_shares(summed(growth), now, row);
}

// The columns that are levels, not growth.
void put_levels(const MachineReading& now, VmRow& row) {
  row[RowColumn::running] = Cell::from(now.cpu.processes_running);
  // The kernel counts the reader itself.
  if (row[RowColumn::running].amount > 0) --row[RowColumn::running].amount;
  row[RowColumn::blocked] = Cell::from(now.cpu.processes_blocked);
  row[RowColumn::swap_used] = swap_used_kib(now.memory);
  row[RowColumn::free] = Cell::from(now.memory[MemoryField::free]);
  row[RowColumn::buffers] = Cell::from(now.memory[MemoryField::buffers]);
  row[RowColumn::cache] = cache_kib(now.memory);
  row[RowColumn::inactive] = Cell::from(now.memory[MemoryField::inactive]);
  row[RowColumn::active] = Cell::from(now.memory[MemoryField::active]);
}

const PressureLine& pressure_line(const MachineReading& reading, RowColumn column) {
  switch (column) {
    case RowColumn::pressure_cpu:
      return reading.cpu_pressure.some;
    case RowColumn::pressure_memory:
      return reading.memory_pressure.some;
    case RowColumn::pressure_memory_full:
      return reading.memory_pressure.full;
    case RowColumn::pressure_io:
      return reading.io_pressure.some;
    default:
      return reading.io_pressure.full;
  }
}

struct Counted {
  RowColumn column;
  std::uint64_t scale;  // of one count, in the column's unit
};

const Value& counter_of(const MachineReading& reading, RowColumn column) {
  switch (column) {
    case RowColumn::swap_in:
      return reading.vm[VmCounter::swapped_in_pages];
    case RowColumn::swap_out:
      return reading.vm[VmCounter::swapped_out_pages];
    case RowColumn::block_in:
      return reading.vm[VmCounter::paged_in_kib];
    case RowColumn::block_out:
      return reading.vm[VmCounter::paged_out_kib];
    case RowColumn::interrupts:
      return reading.cpu.interrupts;
    case RowColumn::context_switches:
      return reading.cpu.context_switches;
    default:
      return pressure_line(reading, column).total_us;
  }
}

std::array<Counted, 11> counted_columns(const MachineReading& reading) {
  const std::uint64_t page_kib = reading.page_size_bytes / kBytesPerKib;
  return {{{RowColumn::swap_in, page_kib},
           {RowColumn::swap_out, page_kib},
           {RowColumn::block_in, 1},
           {RowColumn::block_out, 1},
           {RowColumn::interrupts, 1},
           {RowColumn::context_switches, 1},
           {RowColumn::pressure_cpu, kNanosecondsPerMicrosecond},
           {RowColumn::pressure_memory, kNanosecondsPerMicrosecond},
           {RowColumn::pressure_memory_full, kNanosecondsPerMicrosecond},
           {RowColumn::pressure_io, kNanosecondsPerMicrosecond},
           {RowColumn::pressure_io_full, kNanosecondsPerMicrosecond}}};
}

// `growth` per `elapsed_ns`; a time of 0 or less is no interval.
Cell rate(std::uint64_t growth, std::uint64_t scale, std::int64_t elapsed_ns) {
  if (elapsed_ns <= 0) return Cell::missing(Absent::no_time);
  return Cell::of(saturating_product(growth, scale), static_cast<std::uint64_t>(elapsed_ns));
}

}  // namespace

VmRow row_since_boot(const MachineReading& now) {
  VmRow row;
  row.since_boot = true;
  put_levels(now, row);
  const double uptime_s = now.uptime.uptime_s.as_real();
  const bool known = uptime_s > 0 && uptime_s < kLongestUptimeS;
  const std::int64_t uptime_ns =
      known ? std::llround(uptime_s * static_cast<double>(kNanosecondsPerSecond)) : 0;
  for (const Counted& counted : counted_columns(now)) {
    const Value& value = counter_of(now, counted.column);
    row[counted.column] =
        value.is_missing() ? Cell::from(value) : rate(value.as_unsigned(), counted.scale, uptime_ns);
  }
  FieldTicks ticks{};
  for (std::size_t i = 0; i < ticks.size(); ++i) ticks[i] = now.cpu.all.ticks[i].as_unsigned();
  put_shares(summed(ticks), now, row);
  return row;
}

VmRow row_between(const MachineReading& before, const MachineReading& now, std::int64_t elapsed_ns,
                  TickDebt& debt) {
  VmRow row;
  put_levels(now, row);
  for (const Counted& counted : counted_columns(now)) {
    const Value& earlier = counter_of(before, counted.column);
    const Value& later = counter_of(now, counted.column);
    if (earlier.is_missing() || later.is_missing()) {
      row[counted.column] = Cell::from(later.is_missing() ? later : earlier);
      continue;
    }
    const auto growth = counter_growth(earlier.as_unsigned(), later.as_unsigned());
    row[counted.column] =
        growth ? rate(*growth, counted.scale, elapsed_ns) : Cell::missing(Absent::went_backwards);
  }
  put_shares_between(before, now, debt, row);
  return row;
}

}  // namespace isotach::memory

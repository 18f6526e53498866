#include "memory/process/row.h"

#include "base/clock.h"
#include "base/counter.h"

namespace isotach::memory {
namespace {

using kernel::ProcessField;
using kernel::ProcessReading;

// stat counts the start in ticks of 10 ms: a shorter age says nothing.
constexpr std::int64_t kShortestAgeNs = 10'000'000;
constexpr double kNanosecond = 1e-9;

constexpr std::array<ProcessColumnInfo, kProcessColumnCount> kColumns = {{
    {"cpu", "cpu_ratio", Unit::ratio, true,
     "CPU time of all threads, as a share of the time that passed: 100 % is one CPU in full use. From the "
     "CPU "
     "clock of the process, so that it is exact at short intervals too; in a saved tree from /proc/PID/stat, "
     "in "
     "steps of 10 ms."},
    {"thr", "threads", Unit::count, true, "Threads of the process. From /proc/PID/stat."},
    {"rss", "rss_bytes", Unit::bytes, true,
     "Memory in RAM; pages shared with other processes count in full in each. From /proc/PID/statm: exact "
     "since "
     "Linux 6.16; before, it may lag behind by some dozen pages a CPU."},
    {"pss", "pss_bytes", Unit::bytes, true,
     "Memory in RAM, each page divided by the number of processes that share it, so that the values of all "
     "processes add up. From /proc/PID/smaps_rollup, for which the kernel walks the page tables: read only "
     "every --pss-interval, in between the last value stands."},
    {"uss", "uss_bytes", Unit::bytes, true,
     "Memory in RAM that no other process shares: what ending the process would free. Read together with "
     "pss."},
    {"swap", "swap_bytes", Unit::bytes, true, "Memory that is in swap. VmSwap of /proc/PID/status."},
    {"heap", "heap_bytes", Unit::bytes, true,
     "Size of the heap that brk() has taken, touched or not: the [heap] mappings in /proc/PID/maps. Large "
     "blocks "
     "of malloc() are mapped elsewhere; they count in data and, once touched, in anonymous."},
    {"minflt/s", "minor_faults_per_second", Unit::per_second, true,
     "Page faults served from RAM, per second of elapsed time. From /proc/PID/stat."},
    {"majflt/s", "major_faults_per_second", Unit::per_second, true,
     "Page faults that had to wait for a disk, swap included, per second of elapsed time. From "
     "/proc/PID/stat."},
    {"peak", "rss_peak_bytes", Unit::bytes, false,
     "The most memory the process ever had in RAM, also between two samples. VmHWM of /proc/PID/status."},
    {"anonymous", "anonymous_bytes", Unit::bytes, false,
     "Memory in RAM that belongs to no file: heap, stacks, anonymous mappings. RssAnon of /proc/PID/status."},
    {"data", "data_bytes", Unit::bytes, false,
     "Private writable memory, touched or not. VmData of /proc/PID/status."},
    {"swap_pss", "swap_pss_bytes", Unit::bytes, false,
     "Memory in swap, each page divided by the number of its users. Read together with pss."},
    {"minflt", "minor_faults", Unit::count, false, "Page faults served from RAM since the process started."},
    {"majflt", "major_faults", Unit::count, false,
     "Page faults that had to wait for a disk since the process started."},
    {"time", "cpu_seconds", Unit::seconds, false, "CPU time of all threads since the process started."},
}};

Value scaled(const Value& value, std::uint64_t factor) {
  if (value.is_missing()) return value;
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(value.as_unsigned(), factor, &product)) return Missing::malformed;
  return Value::of(product);
}

// The growth of a counter per second, times `scale`.
ProcessCell rate(const Value* before, const Value& now, std::int64_t elapsed_ns, double scale) {
  if (now.is_missing()) return now;
  if (before != nullptr && before->is_missing()) return *before;
  if (elapsed_ns <= 0) return Absent::no_time;
  const std::uint64_t start = before == nullptr ? 0 : before->as_unsigned();
  const auto growth = counter_growth(start, now.as_unsigned());
  if (!growth) return Absent::went_backwards;
  return Value::of_real(static_cast<double>(*growth) * scale /
                        (static_cast<double>(elapsed_ns) * kNanosecond));
}

}  // namespace

ProcessCell::ProcessCell(const Value& measured)
    : absent(measured.is_missing() ? Cell::from(measured).absent : Absent::no), value(measured) {}

const ProcessColumnInfo& process_column(ProcessColumn column) {
  return kColumns[static_cast<std::size_t>(column)];
}

ProcessRow make_process_row(const ProcessReading* before, const ProcessReading& now, std::int64_t elapsed_ns,
                            std::uint64_t page_size_bytes) {
  constexpr std::uint64_t kKiB = 1024;
  ProcessRow row;
  row.pid = now.pid;
  row.command = now.command;
  row[ProcessColumn::threads] = now[ProcessField::threads];
  row[ProcessColumn::resident] = scaled(now[ProcessField::resident_pages], page_size_bytes);
  row[ProcessColumn::proportional] = scaled(now[ProcessField::proportional_kib], kKiB);
  row[ProcessColumn::private_memory] = scaled(now[ProcessField::private_kib], kKiB);
  row[ProcessColumn::swap] = scaled(now[ProcessField::swap_kib], kKiB);
  row[ProcessColumn::heap] = now[ProcessField::heap_bytes];
  row[ProcessColumn::resident_peak] = scaled(now[ProcessField::peak_resident_kib], kKiB);
  row[ProcessColumn::anonymous] = scaled(now[ProcessField::anonymous_kib], kKiB);
  row[ProcessColumn::data] = scaled(now[ProcessField::data_kib], kKiB);
  row[ProcessColumn::proportional_swap] = scaled(now[ProcessField::proportional_swap_kib], kKiB);

  if (before == nullptr) {
    const Value& age = now[ProcessField::age_ns];
    elapsed_ns = age.as_unsigned() > static_cast<std::uint64_t>(INT64_MAX)
                     ? 0
                     : static_cast<std::int64_t>(age.as_unsigned());
    if (elapsed_ns < kShortestAgeNs) elapsed_ns = 0;
  }
  const auto counter = [&](ProcessField field, double scale, ProcessColumn rate_column) {
    row[rate_column] = rate(before == nullptr ? nullptr : &(*before)[field], now[field], elapsed_ns, scale);
    return now[field];
  };
  row[ProcessColumn::minor_faults] = counter(ProcessField::minor_faults, 1, ProcessColumn::minor_fault_rate);
  row[ProcessColumn::major_faults] = counter(ProcessField::major_faults, 1, ProcessColumn::major_fault_rate);
  const Value cpu_ns = counter(ProcessField::cpu_ns, kNanosecond, ProcessColumn::cpu);
  row[ProcessColumn::cpu_time] =
      ProcessCell(cpu_ns.is_missing() ? cpu_ns : Value::of_real(cpu_ns.as_real() / kNanosecondsPerSecond));
  return row;
}

}  // namespace isotach::memory

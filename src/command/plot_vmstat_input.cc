#include "command/plot_vmstat_input.h"

#include <algorithm>

#include "base/text.h"

namespace isotach::command {
namespace {

using record::MetricDescriptor;
using record::MetricKind;

struct ColumnInfo {
  std::string_view head;
  std::string_view metric;
  Unit unit;
  MetricKind kind;
  std::string_view title;
  std::string_view help;
  bool in_memory_unit = false;  // scaled by vmstat's -S
};

constexpr Unit kBytes = Unit::bytes, kByteRate = Unit::bytes_per_second, kRate = Unit::per_second;
constexpr MetricKind kGauge = MetricKind::gauge, kPerSecond = MetricKind::rate;

// In the order of VmstatColumn. What a live plot knows as well has the same name here.
constexpr std::array<ColumnInfo, kVmstatColumnCount> kColumns = {{
    {"r", "processes_running", Unit::count, kGauge, "running", "Tasks running or waiting for a CPU"},
    {"b", "processes_blocked", Unit::count, kGauge, "blocked", "Tasks waiting for a disk"},
    {"swpd", "swap_used_bytes", kBytes, kGauge, "swap used", "Swap space in use", true},
    {"free", "memory_free_bytes", kBytes, kGauge, "free", "Memory that nothing uses", true},
    {"buff", "memory_buffers_bytes", kBytes, kGauge, "buffers", "Cached blocks of raw disks", true},
    {"cache", "memory_cache_bytes", kBytes, kGauge, "cache", "Cached file content and slab", true},
    {"inact", "memory_inactive_bytes", kBytes, kGauge, "inactive", "Memory not used recently", true},
    {"active", "memory_active_bytes", kBytes, kGauge, "active", "Memory used recently", true},
    {"si", "swap_in_bytes", kByteRate, kPerSecond, "swapped in", "Memory read back from swap", true},
    {"so", "swap_out_bytes", kByteRate, kPerSecond, "swapped out", "Memory written to swap", true},
    {"bi", "paging_in_bytes", kByteRate, kPerSecond, "paged in", "Read from disks"},
    {"bo", "paging_out_bytes", kByteRate, kPerSecond, "paged out", "Written to disks"},
    {"in", "interrupts", kRate, kPerSecond, "interrupts", "Interrupts served"},
    {"cs", "context_switches", kRate, kPerSecond, "context switches", "Switches from task to task"},
    {"us", "cpu_user_ratio", Unit::ratio, kPerSecond, "user", "Time in programs"},
    {"sy", "cpu_system_ratio", Unit::ratio, kPerSecond, "system", "Time in the kernel"},
    {"id", "cpu_idle_ratio", Unit::ratio, kPerSecond, "idle", "Time with nothing to do"},
    {"wa", "cpu_iowait_ratio", Unit::ratio, kPerSecond, "iowait", "Time idle while a disk was busy"},
    {"st", "cpu_steal_ratio", Unit::ratio, kPerSecond, "steal", "Time taken by the hypervisor"},
    {"gu", "cpu_guest_ratio", Unit::ratio, kPerSecond, "guest", "Time in virtual machines"},
    {"used", "memory_used_bytes", kBytes, kGauge, "used",
     "Memory in use: total less free, buffers and cache, as vmstat shows them", true},
}};

constexpr VmstatColumn kDefaultColumns[] = {
    VmstatColumn::r,     VmstatColumn::b,  VmstatColumn::swpd, VmstatColumn::free, VmstatColumn::buff,
    VmstatColumn::cache, VmstatColumn::si, VmstatColumn::so,   VmstatColumn::bi,   VmstatColumn::bo,
    VmstatColumn::in,    VmstatColumn::cs, VmstatColumn::us,   VmstatColumn::sy,   VmstatColumn::id,
    VmstatColumn::wa,    VmstatColumn::st, VmstatColumn::gu};
// Without gu, which 4.0.2 prints with -w only.
constexpr std::size_t kNarrowColumns = 17;

std::optional<std::int64_t> number_in(std::string_view text, std::size_t at, std::size_t length,
                                      std::int64_t limit) {
  const auto value = parse_unsigned(text.substr(at, length));
  if (!value || *value > static_cast<std::uint64_t>(limit)) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

// Days from 1970-01-01 to this date of the Gregorian calendar: whole 400-year cycles of 146097 days,
// in years that begin in March so that the leap day comes last.
std::int64_t days_since_epoch(std::int64_t year, std::int64_t month, std::int64_t day) {
  if (month <= 2) --year;
  const std::int64_t cycle = year / 400;
  const std::int64_t year_of_cycle = year % 400;
  const std::int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return cycle * 146097 + year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year -
         719468;
}

// "2026-11-23" and "02:08:22".
std::optional<std::int64_t> timestamp_ns(std::string_view date, std::string_view time) {
  if (date.size() != 10 || time.size() != 8 || date[4] != '-' || date[7] != '-' || time[2] != ':' ||
      time[5] != ':')
    return std::nullopt;
  const auto year = number_in(date, 0, 4, 9999), month = number_in(date, 5, 2, 12),
             day = number_in(date, 8, 2, 31);
  const auto hour = number_in(time, 0, 2, 23), minute = number_in(time, 3, 2, 59),
             second = number_in(time, 6, 2, 60);
  if (!year || !month || !day || !hour || !minute || !second || *year < 1970 || *year > 2200 || *month == 0 ||
      *day == 0)
    return std::nullopt;
  const std::int64_t seconds =
      days_since_epoch(*year, *month, *day) * 86400 + *hour * 3600 + *minute * 60 + *second;
  return seconds * kNanosecondsPerSecond;
}

const ColumnInfo& info(VmstatColumn column) {
  return kColumns[static_cast<std::size_t>(column)];
}

}  // namespace

std::string_view vmstat_column_name(VmstatColumn column) {
  return info(column).head;
}

std::optional<VmstatColumn> vmstat_column(std::string_view name) {
  for (std::size_t i = 0; i < kVmstatColumnCount; ++i)
    if (kColumns[i].head == name) return static_cast<VmstatColumn>(i);
  return std::nullopt;
}

VmstatParser::Kind VmstatParser::line(std::string_view text) {
  text = trim(text);
  if (text.empty()) return Kind::blank;
  const std::vector<std::string_view> words = split_blanks(text.substr(0, LineSplitter::kLineLimit));
  // The upper line of the head: "procs -----------memory----------", "--procs-- ...".
  if (words[0].find("procs") != std::string_view::npos && text.find("memory") != std::string_view::npos)
    return Kind::header;
  if (header(words)) return Kind::header;
  if (values(words)) {
    ++rows_;
    return Kind::row;
  }
  if (unknown_lines_ == 0) first_unknown_ = fit_columns(printable(text.substr(0, 256)), 60);
  ++unknown_lines_;
  return Kind::unknown;
}

bool VmstatParser::header(const std::vector<std::string_view>& words) {
  std::vector<VmstatColumn> columns;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto column = vmstat_column(words[i]);
    if (!column || *column == VmstatColumn::used) {
      // The last word is the time zone, where -t was given.
      if (i + 1 == words.size() && i > 2) break;
      return false;
    }
    if (std::find(columns.begin(), columns.end(), *column) != columns.end()) return false;
    columns.push_back(*column);
  }
  if (std::find(columns.begin(), columns.end(), VmstatColumn::free) == columns.end()) return false;
  columns_ = std::move(columns);
  return true;
}

void VmstatParser::assume_columns(std::size_t count) {
  if (count == kNarrowColumns || count == std::size(kDefaultColumns))
    columns_.assign(kDefaultColumns, kDefaultColumns + count);
}

bool VmstatParser::values(const std::vector<std::string_view>& words) {
  VmstatRow row;
  std::size_t count = words.size();
  if (count > 2) row.wall_ns = timestamp_ns(words[count - 2], words[count - 1]);
  if (row.wall_ns) count -= 2;
  if (columns_.empty()) assume_columns(count);
  if (columns_.empty() || count != columns_.size()) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = parse_unsigned(words[i]);
    if (!value) return false;
    row.values[static_cast<std::size_t>(columns_[i])] = *value;
  }
  row_ = row;
  return true;
}

MetricDescriptor VmstatSeries::metric(VmstatColumn column, double unit_bytes) {
  const ColumnInfo& described = info(column);
  MetricDescriptor metric{std::string(described.metric), described.unit, described.kind,
                          std::string(described.help), std::string(described.title)};
  if (described.in_memory_unit) metric.scale = unit_bytes;
  // bi and bo are always in KiB, the CPU columns in percent.
  if (column == VmstatColumn::bi || column == VmstatColumn::bo) metric.scale = 1024;
  if (described.unit == Unit::ratio) metric.scale = 0.01;
  return metric;
}

VmstatSeries::VmstatSeries(record::SeriesTable& table, double unit_bytes,
                           std::optional<std::uint64_t> total_bytes)
    : table_(table), unit_bytes_(unit_bytes), total_bytes_(total_bytes) {}

void VmstatSeries::put(const VmstatRow& row, bool first, record::Sample& sample) {
  VmstatRow complete = row;
  const auto& free = row[VmstatColumn::free];
  const auto& buffers = row[VmstatColumn::buff];
  const auto& cache = row[VmstatColumn::cache];
  // With -a there are no buffers and cache to leave out, and without a total there is nothing to
  // subtract from.
  if (total_bytes_ && free && buffers && cache) {
    const double rest = static_cast<double>(*total_bytes_) / unit_bytes_ - static_cast<double>(*free) -
                        static_cast<double>(*buffers) - static_cast<double>(*cache);
    if (rest >= 0) {
      complete.values[static_cast<std::size_t>(VmstatColumn::used)] = static_cast<std::uint64_t>(rest);
    } else {
      ++rows_beyond_total_;
    }
  }
  for (std::size_t i = 0; i < kVmstatColumnCount; ++i) {
    const auto column = static_cast<VmstatColumn>(i);
    const auto& value = complete.values[i];
    if (!value && column != VmstatColumn::used) continue;
    if (!value && !ids_[i]) continue;
    if (!ids_[i]) ids_[i] = table_.intern(metric(column, unit_bytes_));
    if (!ids_[i]) continue;
    const bool since_boot = first && info(column).kind == kPerSecond;
    sample.points.push_back(
        {*ids_[i], since_boot || !value ? Value(Missing::not_supported) : Value::of(*value)});
  }
  sample.sort();

  bool equal = before_.has_value();
  for (const VmstatColumn column : {VmstatColumn::swpd, VmstatColumn::free, VmstatColumn::buff,
                                    VmstatColumn::cache, VmstatColumn::inact, VmstatColumn::active})
    equal = equal && row[column] == (*before_)[column];
  equal_rows_ = equal ? equal_rows_ + 1 : 0;
  before_ = row;
}

}  // namespace isotach::command

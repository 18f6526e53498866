#include "memory/process/metrics.h"

#include <unistd.h>

#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/text.h"

namespace isotach::memory {
namespace {

using kernel::ProcessField;
using record::MetricDescriptor;
using record::MetricKind;
using record::RateDisplay;

constexpr std::string_view kPidLabel = "pid";
constexpr std::string_view kCommandLabel = "command";

std::vector<MetricDescriptor> describe() {
  constexpr double kKiB = 1024;
  constexpr double kNanosecond = 1e-9;
  const auto page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
  const auto bytes = [](const char* name, const char* title, const char* help, double scale) {
    return MetricDescriptor{name, Unit::bytes, MetricKind::gauge, help, title, scale};
  };
  const auto faults = [](const char* name, const char* title, const char* help) {
    return MetricDescriptor{name, Unit::count, MetricKind::counter, help, title};
  };
  const auto cpu = [](const char* name, const char* title, const char* help) {
    return MetricDescriptor{name,  Unit::seconds, MetricKind::counter,       help,
                            title, kNanosecond,   RateDisplay::share_of_time};
  };
  return {
      bytes("process_resident_bytes", "rss", "Memory of the process that is in RAM, shared memory in full",
            page_bytes),
      bytes("process_resident_peak_bytes", "peak rss", "The most memory the process ever had in RAM", kKiB),
      bytes("process_anonymous_bytes", "anonymous", "Memory in RAM that belongs to no file: heap and stack",
            kKiB),
      bytes("process_swap_bytes", "swap", "Memory of the process that is in swap", kKiB),
      bytes("process_data_bytes", "data", "Private writable memory, touched or not", kKiB),
      bytes("process_heap_bytes", "heap", "Size of the heap that brk() manages", 1),
      bytes("process_proportional_bytes", "pss",
            "Memory in RAM, shared pages divided by the number of their users", kKiB),
      bytes("process_private_bytes", "uss", "Memory in RAM that no other process shares", kKiB),
      bytes("process_swap_proportional_bytes", "swap pss",
            "Memory in swap, shared pages divided by the number of their users", kKiB),
      bytes("process_lazy_free_bytes", "lazy free",
            "Memory given back by MADV_FREE that the kernel has not taken yet", kKiB),
      faults("process_minor_faults", "minor faults", "Page faults that were served from RAM"),
      faults("process_children_minor_faults", "minor faults of children",
             "Page faults served from RAM, of children that have ended"),
      faults("process_major_faults", "major faults", "Page faults that had to read from a disk"),
      faults("process_children_major_faults", "major faults of children",
             "Page faults that had to read from a disk, of children that have ended"),
      cpu("process_cpu_seconds", "cpu", "CPU time of all threads of the process"),
      cpu("process_children_cpu_seconds", "cpu of children", "CPU time of children that have ended"),
      cpu("process_cpu_wait_seconds", "waiting for a cpu",
          "Time in which the first thread of the process could have run and had no CPU"),
      {"process_threads", Unit::count, MetricKind::gauge, "Threads of the process", "threads"},
      {"process_age_seconds", Unit::seconds, MetricKind::gauge, "Time since the process started", "age",
       kNanosecond},
  };
}

}  // namespace

const std::vector<MetricDescriptor>& process_metrics() {
  static const std::vector<MetricDescriptor> metrics = describe();
  CHECK(metrics.size() == kernel::kProcessFieldCount);
  return metrics;
}

std::size_t ProcessSeries::process_index(unsigned pid, const std::string& command) {
  const auto [found, is_new] = index_.try_emplace({pid, command}, processes_.size());
  if (is_new) {
    Process& process = processes_.emplace_back(Process{pid, command, {}});
    const record::Labels labels = {{std::string(kPidLabel), std::to_string(pid)},
                                   {std::string(kCommandLabel), command}};
    for (const MetricDescriptor& metric : process_metrics())
      process.series.push_back(table_.intern(metric, labels));
  }
  return found->second;
}

void ProcessSeries::put(const std::vector<kernel::ProcessReading>& readings, record::Sample& sample) {
  for (const kernel::ProcessReading& reading : readings) {
    const Process& process = processes_[process_index(reading.pid, reading.command)];
    for (std::size_t i = 0; i < reading.values.size(); ++i)
      if (process.series[i]) sample.points.push_back({*process.series[i], reading.values[i]});
  }
  sample.sort();
}

void ProcessSeries::find_processes() {
  for (; scanned_series_ < table_.size(); ++scanned_series_) {
    const record::Series& series = table_.at(static_cast<record::SeriesId>(scanned_series_));
    // The first metric stands for all of a process.
    if (series.metric.name != process_metrics().front().name || series.labels.size() != 2) continue;
    const auto& [pid_label, pid_text] = series.labels[0];
    const auto& [command_label, command] = series.labels[1];
    const auto pid = parse_unsigned(pid_text);
    if (pid_label != kPidLabel || command_label != kCommandLabel || !pid ||
        *pid > std::numeric_limits<unsigned>::max())
      continue;
    process_index(static_cast<unsigned>(*pid), command);
  }
}

void ProcessSeries::take(const record::Sample& sample, std::vector<kernel::ProcessReading>& readings) {
  find_processes();
  readings.clear();
  for (const Process& process : processes_) {
    kernel::ProcessReading reading;
    bool any = false;
    for (std::size_t i = 0; i < reading.values.size(); ++i) {
      const Value* value = process.series[i] ? sample.find(*process.series[i]) : nullptr;
      if (value == nullptr) continue;
      reading.values[i] = *value;
      any = true;
    }
    if (!any) continue;
    reading.pid = process.pid;
    reading.command = process.command;
    readings.push_back(std::move(reading));
  }
}

std::uint64_t ProcessSeries::page_size_bytes() const {
  const auto resident = static_cast<std::size_t>(ProcessField::resident_pages);
  double scale = process_metrics()[resident].scale;
  for (const Process& process : processes_) {
    if (!process.series[resident]) continue;
    scale = table_.at(*process.series[resident]).metric.scale;
    break;
  }
  // A recording may hold any number.
  return scale >= 1 && scale <= 1e9 ? static_cast<std::uint64_t>(std::llround(scale)) : 4096;
}

}  // namespace isotach::memory

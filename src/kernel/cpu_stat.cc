#include "kernel/cpu_stat.h"

#include "base/text.h"
#include "kernel/key_value.h"

namespace isotach::kernel {
namespace {

void parse_times(std::string_view columns, CpuTimes& times) {
  for (Value& value : times.ticks) {
    const std::string_view word = take_word(columns);
    const auto number = parse_unsigned(word);
    value = number ? Value::of(*number) : Value(word.empty() ? Missing::not_supported : Missing::malformed);
  }
}

Value first_number(std::string_view columns) {
  const auto number = take_unsigned(columns);
  return number ? Value::of(*number) : Value(Missing::malformed);
}

}  // namespace

void parse_cpu_stat(std::string_view text, bool each, CpuReading& reading) {
  reading.all = {};
  reading.each.clear();
  reading.interrupts = reading.context_switches = reading.boot_time_s = Missing::not_supported;
  reading.forks = reading.processes_running = reading.processes_blocked = Missing::not_supported;

  while (auto line = take_line(text)) {
    std::string_view columns = *line;
    const std::string_view key = take_word(columns);
    if (key == "cpu") {
      parse_times(columns, reading.all);
    } else if (key.starts_with("cpu")) {
      if (!each) continue;
      const auto number = parse_unsigned(key.substr(3));
      if (!number || *number > 0xffff) continue;
      CpuReading::One& one = reading.each.emplace_back();
      one.number = static_cast<unsigned>(*number);
      parse_times(columns, one.times);
    } else if (key == "intr") {
      reading.interrupts = first_number(columns);
    } else if (key == "ctxt") {
      reading.context_switches = first_number(columns);
    } else if (key == "btime") {
      reading.boot_time_s = first_number(columns);
    } else if (key == "processes") {
      reading.forks = first_number(columns);
    } else if (key == "procs_running") {
      reading.processes_running = first_number(columns);
    } else if (key == "procs_blocked") {
      reading.processes_blocked = first_number(columns);
    }
  }
}

CpuReader::CpuReader(const SystemRoot& root, bool each) : file_(root, "proc/stat"), each_(each) {}

Result<void> CpuReader::read(CpuReading& reading) {
  const auto text = file_.read();
  if (!text) return tl::make_unexpected(text.error());
  parse_cpu_stat(*text, each_, reading);
  return {};
}

}  // namespace isotach::kernel

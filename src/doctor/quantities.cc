#include "doctor/quantities.h"

#include <fmt/format.h>

#include "base/counter.h"
#include "base/units.h"

namespace isotach::doctor {
namespace {

constexpr double kKiB = 1024;
constexpr double kMicrosecondsPerSecond = 1e6;

}  // namespace

Number level(const Value& value) {
  if (value.is_missing()) return std::nullopt;
  return value.as_real();
}

Number growth(const Evidence& evidence, const Value& before, const Value& now) {
  if (evidence.elapsed_s <= 0 || before.is_missing() || now.is_missing()) return std::nullopt;
  const auto grown = counter_growth(before.as_unsigned(), now.as_unsigned());
  if (!grown) return std::nullopt;
  return static_cast<double>(*grown);
}

Number per_second(const Evidence& evidence, const Value& before, const Value& now) {
  const Number grown = growth(evidence, before, now);
  if (!grown) return std::nullopt;
  return *grown / evidence.elapsed_s;
}

Number share(Number part, Number whole) {
  if (!part || !whole || *whole <= 0) return std::nullopt;
  return *part / *whole;
}

Number stalled(const Evidence& evidence, const kernel::PressureLine& before,
               const kernel::PressureLine& now) {
  if (const Number rate = per_second(evidence, before.total_us, now.total_us))
    return *rate / kMicrosecondsPerSecond;
  const Number average = level(now.avg10_percent);
  if (!average) return std::nullopt;
  return *average / 100;
}

Number memory_some(const Evidence& evidence) {
  return stalled(evidence, evidence.before.memory_pressure.some, evidence.now.memory_pressure.some);
}
Number memory_full(const Evidence& evidence) {
  return stalled(evidence, evidence.before.memory_pressure.full, evidence.now.memory_pressure.full);
}
Number io_some(const Evidence& evidence) {
  return stalled(evidence, evidence.before.io_pressure.some, evidence.now.io_pressure.some);
}
Number io_full(const Evidence& evidence) {
  return stalled(evidence, evidence.before.io_pressure.full, evidence.now.io_pressure.full);
}
Number cpu_some(const Evidence& evidence) {
  return stalled(evidence, evidence.before.cpu_pressure.some, evidence.now.cpu_pressure.some);
}

Number memory_bytes(const machine::MachineReading& reading, kernel::MemoryField field) {
  const Number kib = level(reading.memory[field]);
  if (!kib) return std::nullopt;
  return *kib * kKiB;
}

Number available_bytes(const machine::MachineReading& reading) {
  const Number available = memory_bytes(reading, kernel::MemoryField::available);
  return available ? available : memory_bytes(reading, kernel::MemoryField::free);
}

std::string percent(double ratio) {
  return format_quantity(ratio, Unit::ratio);
}
std::string bytes(double amount) {
  return format_bytes(amount);
}
std::string count(double things) {
  return things < 100000 ? fmt::format("{:.0f}", things) : format_quantity(things, Unit::count);
}

}  // namespace isotach::doctor

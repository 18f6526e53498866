// What several rules need from the evidence: shares and rates that are there or not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "doctor/diagnose.h"

namespace isotach::doctor {

using Number = std::optional<double>;

// A gauge; nothing where it is missing.
[[nodiscard]] Number level(const Value& value);
// Growth of a counter between the readings; nothing where it is missing, was reset, or where there
// is only one reading.
[[nodiscard]] Number growth(const Evidence& evidence, const Value& before, const Value& now);
[[nodiscard]] Number per_second(const Evidence& evidence, const Value& before, const Value& now);
// part / whole; nothing where either is missing or the whole is 0.
[[nodiscard]] Number share(Number part, Number whole);

// Share of the time between the readings that tasks stalled; the kernel's 10 s average where there is
// only one reading.
[[nodiscard]] Number stalled(const Evidence& evidence, const kernel::PressureLine& before,
                             const kernel::PressureLine& now);
[[nodiscard]] Number memory_some(const Evidence& evidence);
[[nodiscard]] Number memory_full(const Evidence& evidence);
[[nodiscard]] Number io_some(const Evidence& evidence);
[[nodiscard]] Number io_full(const Evidence& evidence);
[[nodiscard]] Number cpu_some(const Evidence& evidence);

// MemAvailable, or free memory where an old kernel lacks it, in bytes.
[[nodiscard]] Number available_bytes(const machine::MachineReading& reading);
[[nodiscard]] Number memory_bytes(const machine::MachineReading& reading, kernel::MemoryField field);

// "12.5 %".
[[nodiscard]] std::string percent(double share);
[[nodiscard]] std::string bytes(double amount);
[[nodiscard]] std::string count(double things);
// Whether a number is known and at least `threshold`.
[[nodiscard]] inline bool at_least(Number number, double threshold) {
  return number && *number >= threshold;
}

}  // namespace isotach::doctor

// The doctor: rules that turn two readings of a machine into findings. Pure: what is replayed is
// judged as it was live.
#pragma once

#include "doctor/finding.h"
#include "machine/reading.h"

namespace isotach::doctor {

// Two readings of the same machine and the time between them. With elapsed_s <= 0 (only one reading
// there is) levels are judged and growth is not.
struct Evidence {
  const machine::MachineReading& before;
  const machine::MachineReading& now;
  double elapsed_s = 0;
};

// More findings than this are not listed one by one: nobody reads them, and a machine with a
// thousand broken interfaces has one problem.
inline constexpr std::size_t kFindingLimit = 64;

[[nodiscard]] Diagnosis diagnose(const Evidence& evidence);

}  // namespace isotach::doctor

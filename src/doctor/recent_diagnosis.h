// What is wrong with a machine that is read again and again: rates are judged over the last five to ten
// seconds, whatever the time between two readings, because a verdict that changes with every sample helps
// nobody. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "doctor/diagnose.h"

namespace isotach::doctor {

class RecentDiagnosis {
 public:
  // The next reading, and when it was taken; monotonic.
  [[nodiscard]] Diagnosis judge(const machine::MachineReading& reading, std::int64_t time_ns);
  // Forgets what was read: the next one is of another time.
  void restart();

 private:
  struct Moment {
    machine::MachineReading reading;
    std::int64_t time_ns = 0;
  };
  std::optional<Moment> from_, next_;
};

}  // namespace isotach::doctor

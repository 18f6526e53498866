// From readings of the machine to what the overview shows: rates, histories, findings. The same way
// for live readings and for those taken from a recording.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "doctor/diagnose.h"
#include "kernel/cgroup_limits.h"
#include "kernel/host.h"
#include "machine/reading.h"
#include "view/overview/model.h"

namespace isotach::command {

class OverviewBuilder {
 public:
  // `source` names a saved tree or a recording; empty for this machine now.
  OverviewBuilder(kernel::Host host, std::string source);
  // Limits are shown beside what the machine has; a recording does not know them.
  void set_limits(const kernel::CgroupLimits& limits);

  // The next reading, later than the one before.
  void add(const machine::MachineReading& reading, Instant time);
  // Forgets all readings: a replay goes on elsewhere.
  void restart();

  // Up to date with the last add(). The caller fills in what only it knows: samples missed, own cost,
  // where a replay stands.
  [[nodiscard]] view::OverviewModel& model() { return model_; }

 private:
  struct Moment {
    machine::MachineReading reading;
    Instant time;
  };

  void diagnose(const machine::MachineReading& reading, Instant time);

  view::OverviewModel model_;
  std::optional<Moment> previous_;
  // The doctor looks back between one and two of these spans: a verdict that changes with every
  // sample of 10 ms helps nobody.
  static constexpr std::int64_t kJudgedNs = 5 * kNanosecondsPerSecond;
  // In less than this a rate says nothing: one timer tick is 10 ms.
  static constexpr std::int64_t kLeastJudgedNs = kNanosecondsPerSecond / 2;
  std::optional<Moment> judged_from_, judged_next_;
};

}  // namespace isotach::command

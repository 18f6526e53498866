// From readings of the machine to what the overview shows: rates, histories, findings. The same way
// for live readings and for those taken from a recording.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "command/doctor/standing.h"
#include "doctor/recent_diagnosis.h"
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
  // "ID" or "ID:SUBJECT": findings that are not shown.
  void set_silenced(std::vector<std::string> ids) { silenced_ = std::move(ids); }
  // What the standing doctor says of links and connections, live only.
  void add_standing(const StandingNews& news);
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
  void show_findings();

  view::OverviewModel model_;
  std::optional<Moment> previous_;
  doctor::RecentDiagnosis recent_;
  doctor::Diagnosis diagnosis_;
  std::vector<doctor::Finding> standing_findings_;
  std::vector<std::string> silenced_;
};

}  // namespace isotach::command

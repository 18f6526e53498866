#include <fmt/format.h>

#include <algorithm>

#include "doctor/quantities.h"
#include "doctor/rules.h"
#include "doctor/thresholds.h"

namespace isotach::doctor {
namespace {

using kernel::CpuField;
using kernel::CpuTimes;

// Guest time is inside user and nice, so these eight add up to all time.
constexpr CpuField kAllTime[] = {CpuField::user,   CpuField::nice, CpuField::system,  CpuField::idle,
                                 CpuField::iowait, CpuField::irq,  CpuField::softirq, CpuField::steal};

// A column that an old kernel lacks takes no time; one that went backwards (iowait does, see the
// kernel's documentation of /proc/stat) counts as standing still.
double ticks(const Evidence& evidence, CpuField field) {
  const CpuTimes& before = evidence.before.cpu.all;
  const CpuTimes& now = evidence.now.cpu.all;
  return growth(evidence, before[field], now[field]).value_or(0);
}

}  // namespace

void check_cpu(const Evidence& evidence, Diagnosis& diagnosis) {
  double all = 0;
  for (const CpuField field : kAllTime) all += ticks(evidence, field);
  const auto part = [&](CpuField field) { return share(ticks(evidence, field), all).value_or(0); };
  const double busy = all > 0 ? 1 - part(CpuField::idle) - part(CpuField::iowait) : 0;

  const auto cpus = static_cast<double>(evidence.now.cpu.each.size());
  const Number running_before = level(evidence.before.cpu.processes_running);
  const Number running = level(evidence.now.cpu.processes_running);
  // Both readings: a queue at one moment alone is chance.
  const Number queue = running && running_before ? Number(std::min(*running, *running_before)) : std::nullopt;
  if (cpus > 0 && busy >= kCpuBusySaturated && at_least(queue, kRunQueuePerCpu * cpus)) {
    diagnosis.findings.push_back({"cpu-saturated", Severity::warning, "",
                                  "there is more work than the CPUs can do",
                                  fmt::format("{:.0f} tasks running or ready on {:.0f} CPU{}, {} busy",
                                              *queue, cpus, cpus == 1 ? "" : "s", percent(busy)),
                                  "see who runs: top; lower a batch job: renice 19 PID; or spread the work"});
  } else if (const Number some = cpu_some(evidence); at_least(some, kCpuPressureSome)) {
    diagnosis.findings.push_back(
        {"cpu-pressure", Severity::warning, "", "tasks often wait for a CPU",
         fmt::format("some task waited {} of the time{}", percent(*some),
                     all > 0 ? ", CPUs " + percent(busy) + " busy" : std::string()),
         "see who runs: top; a CPU limit of the container (cpu.max) shows up here too"});
  }
  if (const double steal = part(CpuField::steal); steal >= kStealWarning) {
    diagnosis.findings.push_back(
        {"cpu-steal", steal >= kStealCritical ? Severity::critical : Severity::warning, "",
         "the hypervisor gives this machine's CPU time to others",
         fmt::format("steal {} of CPU time", percent(steal)),
         "ask the host's operator, or move to a host or instance type with dedicated CPUs"});
  }
  if (const double iowait = part(CpuField::iowait); iowait >= kIowait) {
    const Number blocked = level(evidence.now.cpu.processes_blocked);
    diagnosis.findings.push_back(
        {"cpu-iowait", Severity::warning, "", "CPUs are idle because tasks wait for disks",
         fmt::format("iowait {} of CPU time, {} task(s) blocked now", percent(iowait),
                     blocked ? count(*blocked) : std::string("unknown number of")),
         "see which disk: isotach vm -d 1; faster storage or fewer synchronous writes help"});
  }
}

}  // namespace isotach::doctor

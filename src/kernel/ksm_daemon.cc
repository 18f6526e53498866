#include "kernel/ksm_daemon.h"

#include <vector>

#include "kernel/process.h"

namespace isotach::kernel {
namespace {

constexpr unsigned kKthreadd = 2;  // the parent of all kernel threads

std::optional<ProcessReading> read_daemon(const SystemRoot& root, unsigned pid) {
  ProcessReading reading;
  ProcessReader reader(root, pid);
  const auto presence = reader.read(reading);
  if (!presence || *presence != Presence::present || reading.command != "ksmd") return std::nullopt;
  return reading;
}

}  // namespace

std::optional<KsmDaemon> find_ksm_daemon(const SystemRoot& root) {
  std::vector<ProcessLister::Found> processes;
  ProcessLister lister(root);
  if (!lister.list_new(processes)) return std::nullopt;
  for (const ProcessLister::Found& process : processes) {
    if (process.parent_pid != kKthreadd) continue;
    if (const auto reading = read_daemon(root, process.pid))
      return KsmDaemon{process.pid, reading->state, (*reading)[ProcessField::cpu_ns]};
  }
  return std::nullopt;
}

Value ksm_daemon_cpu_ns(const SystemRoot& root, unsigned pid) {
  const auto reading = read_daemon(root, pid);
  return reading ? (*reading)[ProcessField::cpu_ns] : Value(Missing::vanished);
}

}  // namespace isotach::kernel

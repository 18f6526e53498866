#include "kernel/ksm_daemon.h"

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "kernel/kept_file.h"
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

Value parse_schedstat_wait(std::string_view text) {
  const auto words = split_blanks(trim(text));
  const auto wait_ns = words.size() >= 2 ? parse_unsigned(words[1]) : std::nullopt;
  return wait_ns ? Value::of(*wait_ns) : Value(Missing::malformed);
}

Value ksm_daemon_wait_ns(const SystemRoot& root, unsigned pid) {
  const auto text = read_file(root.path("proc/" + std::to_string(pid) + "/schedstat"), 4096);
  return text ? parse_schedstat_wait(*text) : Value(missing_reason(text.error()));
}

}  // namespace isotach::kernel

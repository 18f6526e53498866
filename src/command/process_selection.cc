#include "command/process_selection.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "base/fd.h"
#include "base/text.h"
#include "kernel/cgroup_path.h"
#include "kernel/memory_hierarchy.h"
#include "kernel/process.h"

namespace isotach::command {
Result<std::vector<unsigned>> pids_of(const Arguments& arguments) {
  std::vector<unsigned> pids;
  for (const std::string& value : arguments.values("--pid")) {
    for (const std::string_view word : split(value, ',')) {
      const auto pid = parse_unsigned(word);
      if (!pid || *pid == 0 || *pid > std::numeric_limits<std::int32_t>::max())
        return failure(ErrorKind::usage, "'" + printable(word) + "' is no process number",
                       "ps -e lists the processes; pgrep NAME finds one by its name");
      pids.push_back(static_cast<unsigned>(*pid));
    }
  }
  return pids;
}

std::vector<OptionSpec> process_selection_options() {
  return {
      {.name = "--pid",
       .letter = 'p',
       .value_name = "P",
       .help = "only process P; several as P,Q or by repeating it",
       .group = "which memory",
       .repeatable = true},
      {.name = "--cgroup",
       .value_name = "GROUP",
       .help = "only processes of this control group and those below it, such as /system.slice",
       .group = "which memory"},
  };
}

Result<ProcessSelection> select_processes(const kernel::SystemRoot& root, const Arguments& arguments) {
  ProcessSelection selection;
  const auto typed = arguments.value("--cgroup");
  if (arguments.has("--pid")) {
    if (typed) return failure(ErrorKind::usage, "--pid and --cgroup do not go together");
    auto pids = pids_of(arguments);
    if (!pids) return tl::make_unexpected(pids.error());
    for (const unsigned pid : *pids)
      if (::access(root.path(fmt::format("proc/{}", pid)).c_str(), F_OK) != 0)
        return failure(ErrorKind::failed, fmt::format("there is no process {}", pid),
                       "ps -e lists the processes; pgrep NAME finds one by its name");
    selection.pids = std::move(*pids);
  } else {
    std::vector<kernel::ProcessLister::Found> found;
    if (auto listed = kernel::ProcessLister(root).list_new(found); !listed)
      return tl::make_unexpected(listed.error());
    const auto hierarchy = kernel::find_memory_hierarchy(root);
    if (typed && !hierarchy)
      return failure(ErrorKind::not_supported, "no memory controller of control groups is mounted here");
    const std::string group = typed ? kernel::normal_cgroup_path(*typed) : std::string();
    for (const auto& process : found) {
      if (typed) {
        const auto path = kernel::memory_group_of(root, *hierarchy, process.pid);
        if (!path || !kernel::is_in_cgroup(*path, group)) continue;
      }
      selection.pids.push_back(process.pid);
    }
    if (typed && selection.pids.empty())
      return failure(ErrorKind::failed, "no process is in the control group " + printable(group),
                     "cat /proc/PID/cgroup shows in which group a process is");
    selection.all = !typed;
  }
  std::sort(selection.pids.begin(), selection.pids.end());
  selection.pids.erase(std::unique(selection.pids.begin(), selection.pids.end()), selection.pids.end());
  return selection;
}

Result<double> parse_part(const std::string& text) {
  std::optional<double> part;
  if (const std::size_t slash = text.find('/'); slash != std::string::npos) {
    const auto above = parse_real(std::string_view(text).substr(0, slash));
    const auto below = parse_real(std::string_view(text).substr(slash + 1));
    if (above && below && *below != 0) part = *above / *below;
  } else if (text.ends_with('%')) {
    if (const auto percent = parse_real(std::string_view(text).substr(0, text.size() - 1)))
      part = *percent / 100;
  } else {
    part = parse_real(text);
  }
  if (!part || !(*part > 0) || *part > 1)
    return failure(ErrorKind::usage, "'" + printable(text) + "' is no part of the pages",
                   "write a fraction above 0 and at most 1, such as 1/16, 0.05 or 5%");
  return *part;
}

Error unreadable_error(const ProcessSelection& selection) {
  const auto text = read_file("/proc/sys/kernel/yama/ptrace_scope", 64);
  const bool restricted = text && trim(*text) != "0" && ::geteuid() != 0;
  Error error;
  error.kind = ErrorKind::not_permitted;
  error.doing = selection.all                ? "no process here can be read by this user"
                : selection.pids.size() == 1 ? "the process cannot be read by this user"
                                             : "none of the chosen processes can be read by this user";
  error.remedy = restricted ? "kernel.yama.ptrace_scope lets users read only what they start; run it as root"
                            : "run it as root or with CAP_SYS_PTRACE; your own processes work without";
  return error;
}

std::string left_out_note(std::uint64_t processes) {
  const bool one = processes == 1;
  return fmt::format("{} {} may not be read{} and {} left out{}", processes, one ? "process" : "processes",
                     ::geteuid() == 0 ? ", even by root," : "", one ? "is" : "are",
                     ::geteuid() == 0 ? "" : "; root, or CAP_SYS_PTRACE, may");
}

}  // namespace isotach::command

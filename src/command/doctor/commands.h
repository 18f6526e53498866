// isotach doctor: what each of its ways of looking needs, and the command itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command/doctor/report.h"
#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] std::vector<CommandSpec> doctor_commands();

struct DoctorOptions {
  std::int64_t duration_ns = 0;
  std::optional<std::int64_t> interval_ns;  // of --watch
  bool both_ends = true;
  std::vector<std::string> silenced;
  std::string proc_root;
};

// The name, the path and a short transfer to an Isotach or iperf3 server at HOST or HOST:PORT.
[[nodiscard]] Result<DoctorReport> examine_path(Context& context, const std::string& target,
                                                const DoctorOptions& options);
// What captures show of the connections in them.
[[nodiscard]] Result<DoctorReport> examine_captures(Context& context, const std::vector<std::string>& paths);
// Which features work on this kernel, with these capabilities and packages. Prints; gives the exit code.
int examine_self(Context& context, bool json);

// Stays, and prints what begins and what is over; gives the exit code.
int watch_host(Context& context, const DoctorOptions& options, bool json_stream);
[[nodiscard]] Result<DoctorReport> examine_host(Context& context, const DoctorOptions& options);
// The connections of processes and of the children they have.
[[nodiscard]] Result<DoctorReport> examine_processes(Context& context, const std::vector<unsigned>& pids,
                                                     const DoctorOptions& options);
// Starts a program and watches it to its end, or for the time that was asked for.
[[nodiscard]] Result<DoctorReport> examine_command(Context& context, const std::vector<std::string>& words,
                                                   const DoctorOptions& options);

}  // namespace isotach::command

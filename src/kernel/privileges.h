// Giving up what a server does not need, once it has opened what it needed it for: whoever takes it over gets
// little (capabilities(7), credentials(7)).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace isotach::kernel {

enum class UserAfter {
  nobody,  // where we are root; without groups
  same,    // its files are still to be made and removed
};

// Keeps at most the capabilities `kept` (CAP_NET_ADMIN, ...: of those that we have); neither we nor programs
// that we start can ever gain others. Call it before any thread starts: capabilities belong to threads.
[[nodiscard]] Result<void> drop_privileges(const std::vector<int>& kept, UserAfter user = UserAfter::nobody);

// What lets the program look at the network and at other users' processes without root. setcap replaces what
// a file had before, so that nobody may advise a part of it.
inline constexpr const char* kGrantCommand =
    "sudo setcap cap_bpf,cap_net_admin,cap_net_raw,cap_perfmon,cap_sys_ptrace+ep \"$(command -v isotach)\"";
// "run as root, or: sudo setcap ...": what to type where one of these is missing.
[[nodiscard]] std::string root_or_grant();

// What showing a machine needs where root asked for it: reading what processes and files of others hold.
[[nodiscard]] std::vector<int> capabilities_to_look();
// The same with counting what goes over the interfaces.
[[nodiscard]] std::vector<int> capabilities_to_count_traffic();
// What tests between hosts use where they have it: large buffers, pacing, real-time priority, locked memory.
[[nodiscard]] std::vector<int> capabilities_to_test();

}  // namespace isotach::kernel

// Network namespaces by a name that tells them apart: device and inode of their file in nsfs, as
// "4:4026531840". A number may be given again to a new namespace once the old one is gone, so whoever
// keeps one checks what is found in there.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::kernel {

[[nodiscard]] Result<std::string> current_network_namespace();

// That of a process; needs the rights to look at it.
[[nodiscard]] Result<std::string> network_namespace_of(int process);
// All that have a name of ip netns or a process, the present one first; at most kNamespaceLimit.
inline constexpr std::size_t kNamespaceLimit = 256;
[[nodiscard]] std::vector<std::string> list_network_namespaces();

// Does `action` in that namespace and comes back. Looks for it among the names of ip netns and the
// processes of the machine; nothing is done when there is none, and the result is false. Needs
// CAP_SYS_ADMIN for another namespace than the present one. For the thread that calls.
[[nodiscard]] Result<bool> in_network_namespace(const std::string& identity,
                                                const std::function<Result<void>()>& action);

// A new one, which lives as long as the descriptor, a process in it, or somebody else's descriptor of it.
// Needs CAP_SYS_ADMIN.
[[nodiscard]] Result<Fd> new_network_namespace();
// Does `action` in the namespace of that descriptor and comes back. For the thread that calls.
[[nodiscard]] Result<void> in_network_namespace(int fd, const std::function<Result<void>()>& action);
// Stays there, with a /sys that shows its interfaces, as `ip netns exec` does: for a process that then
// becomes a program.
[[nodiscard]] Result<void> move_to_network_namespace(int fd);

}  // namespace isotach::kernel

#include "kernel/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

namespace isotach::kernel {
namespace {

// Of Debian and most others; the kernel's overflow user, who owns nothing.
constexpr uid_t kNobody = 65534;

struct Capabilities {
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
};

// glibc has no functions for these two.
Result<Capabilities> read_capabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return system_failure(errno, "read our capabilities");
  const auto whole = [](std::uint32_t low, std::uint32_t high) { return std::uint64_t{high} << 32 | low; };
  return Capabilities{whole(data[0].effective, data[1].effective),
                      whole(data[0].permitted, data[1].permitted)};
}

Result<void> set_capabilities(std::uint64_t mask) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  data[0].effective = data[0].permitted = static_cast<std::uint32_t>(mask);
  data[1].effective = data[1].permitted = static_cast<std::uint32_t>(mask >> 32);
  if (::syscall(SYS_capset, &header, data.data()) != 0) return system_failure(errno, "give up capabilities");
  return {};
}

Result<void> become_nobody() {
  // Otherwise the change of the user would take the capabilities that are to stay.
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return system_failure(errno, "keep capabilities");
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
      ::setresuid(kNobody, kNobody, kNobody) != 0)
    return system_failure(errno, "become the user nobody");
  // It may be looked at like any other program of its user.
  static_cast<void>(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
  return {};
}

}  // namespace

Result<void> drop_privileges(const std::vector<int>& kept, UserAfter user) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_failure(errno, "renounce new privileges");
  auto own = read_capabilities();
  if (!own) return tl::make_unexpected(std::move(own.error()));
  std::uint64_t mask = 0;
  for (const int capability : kept) mask |= std::uint64_t{1} << capability;
  mask &= own->permitted;
  // A service that was given nothing may also be forbidden to give anything up.
  if (own->permitted == mask && ::geteuid() != 0) return {};
  const bool may_bound = (own->permitted & std::uint64_t{1} << CAP_SETPCAP) != 0;
  for (int capability = 0; may_bound && ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    if ((mask & std::uint64_t{1} << capability) == 0) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  const bool may_change_user = (own->permitted & std::uint64_t{1} << CAP_SETUID) != 0 &&
                               (own->permitted & std::uint64_t{1} << CAP_SETGID) != 0;
  // The kernel forgets it when a process changes what it may.
  int parent_death_signal = 0;
  ::prctl(PR_GET_PDEATHSIG, &parent_death_signal, 0, 0, 0);
  if (user == UserAfter::nobody && ::geteuid() == 0 && may_change_user)
    if (auto became = become_nobody(); !became) return became;
  if (auto set = set_capabilities(mask); !set) return set;
  ::prctl(PR_SET_PDEATHSIG, parent_death_signal, 0, 0, 0);
  return {};
}

std::string root_or_grant() {
  return std::string("run as root, or: ") + kGrantCommand;
}

std::vector<int> capabilities_to_look() {
  return {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_NET_BIND_SERVICE};
}

std::vector<int> capabilities_to_count_traffic() {
  std::vector<int> all = capabilities_to_look();
  all.insert(all.end(), {CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON});
  return all;
}

std::vector<int> capabilities_to_test() {
  return {CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_SYS_NICE, CAP_IPC_LOCK};
}

}  // namespace isotach::kernel

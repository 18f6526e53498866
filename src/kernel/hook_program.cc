#include "kernel/hook_program.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "kernel/privileges.h"

namespace isotach::kernel {
namespace {

// Attach types of Linux 6.6, which the headers of Debian 12 do not have yet.
constexpr std::uint32_t kTcxIngress = 46;
constexpr std::uint32_t kTcxEgress = 47;
constexpr std::uint32_t kBefore = 1U << 3;  // BPF_F_BEFORE: the first of the hook's programs

}  // namespace

Result<Fd> link_to_hook(int program, unsigned interface, TcxHook hook) {
  union bpf_attr request;
  std::memset(&request, 0, sizeof request);
  request.link_create.prog_fd = static_cast<std::uint32_t>(program);
  request.link_create.target_ifindex = interface;
  request.link_create.attach_type = hook == TcxHook::ingress ? kTcxIngress : kTcxEgress;
  // What other programs of the hook drop came in all the same, and was not sent.
  request.link_create.flags = hook == TcxHook::ingress ? kBefore : 0;
  const long fd = syscall(SYS_bpf, BPF_LINK_CREATE, &request, sizeof request);
  if (fd >= 0) return Fd(static_cast<int>(fd));
  const int error = errno;
  if (error == EINVAL)
    return failure(ErrorKind::not_supported, "this kernel has no tcx hooks, which came with Linux 6.6");
  return system_failure(error, "put the BPF program on interface " + std::to_string(interface),
                        root_or_grant());
}

}  // namespace isotach::kernel

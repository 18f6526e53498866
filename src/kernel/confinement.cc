#include "kernel/confinement.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <vector>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ISOTACH_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define ISOTACH_SANITIZED 1
#endif
#endif

namespace isotach::kernel {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "name the architecture as <linux/audit.h> does"
#endif

// Memory, what is open already, clocks, signals to oneself, the end. newfstatat is what fstat(3) calls: it
// may also tell that a file is there, and not what is in it.
constexpr int kAllowed[] = {
    SYS_read,         SYS_readv,          SYS_pread64,       SYS_write,
    SYS_writev,       SYS_lseek,          SYS_fstat,         SYS_newfstatat,
    SYS_close,        SYS_ppoll,          SYS_mmap,          SYS_munmap,
    SYS_mremap,       SYS_mprotect,       SYS_madvise,       SYS_brk,
    SYS_futex,        SYS_getrandom,      SYS_clock_gettime, SYS_gettimeofday,
    SYS_sched_yield,  SYS_getpid,         SYS_gettid,        SYS_rt_sigaction,
    SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_sigaltstack,   SYS_restart_syscall,
    SYS_exit,         SYS_exit_group,
#if defined(__x86_64__)
    SYS_poll,
#endif
};

sock_filter statement(std::uint16_t code, std::uint32_t value) {
  return {code, 0, 0, value};
}

sock_filter unless_equal(std::uint32_t value, std::size_t skipped) {
  return {BPF_JMP | BPF_JEQ | BPF_K, 0, static_cast<std::uint8_t>(skipped), value};
}

// Each call that is allowed is one comparison and one answer.
std::vector<sock_filter> program() {
  std::vector<sock_filter> all = {
      statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, kArchitecture},
      statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
  for (const int number : kAllowed) {
    all.push_back(unless_equal(static_cast<std::uint32_t>(number), 1));
    all.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  all.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  return all;
}

Result<void> limit(__rlimit_resource resource, std::uint64_t most) {
  // Where less is allowed already, that stays.
  rlimit now{};
  if (::getrlimit(resource, &now) != 0) return system_failure(errno, "read a limit of this process");
  const rlim_t value = most < now.rlim_max ? static_cast<rlim_t>(most) : now.rlim_max;
  const rlimit wanted = {value, value};
  if (::setrlimit(resource, &wanted) != 0) return system_failure(errno, "limit this process");
  return {};
}

}  // namespace

bool is_confinement_whole() {
#ifdef ISOTACH_SANITIZED
  return false;
#else
  return true;
#endif
}

Result<void> confine(const ConfinementLimits& limits) {
  if (auto set = limit(RLIMIT_CPU, limits.cpu_seconds); !set) return set;
  if (auto set = limit(RLIMIT_CORE, 0); !set) return set;
  if (!is_confinement_whole()) return {};
  if (auto set = limit(RLIMIT_AS, limits.memory_bytes); !set) return set;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_failure(errno, "renounce new privileges");
  std::vector<sock_filter> filter = program();
  const sock_fprog whole = {static_cast<unsigned short>(filter.size()), filter.data()};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole, 0, 0) != 0)
    return system_failure(errno, "shut this process in (seccomp)");
  return {};
}

}  // namespace isotach::kernel

#include "launcher/tracee.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace isotach::dbi {
namespace {

constexpr int kSystemCallStop = SIGTRAP | 0x80;  // with PTRACE_O_TRACESYSGOOD

// Offset of the bytes of `syscall`, or -1.
ptrdiff_t find_bytes(const std::vector<uint8_t>& code) {
  for (size_t i = 0; i + 1 < code.size(); i++)
    if (code[i] == 0x0f && code[i + 1] == 0x05) return static_cast<ptrdiff_t>(i);
  return -1;
}

struct Mapping {
  uint64_t low, high;
  std::string name;
};

std::vector<Mapping> code_mappings(int process) {
  std::vector<Mapping> found;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/maps", process);
  FILE* file = fopen(path, "re");
  if (!file) return found;
  char line[4352];
  while (fgets(line, sizeof line, file)) {
    unsigned long low, high;
    char permissions[8];
    int name = 0;
    if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %n", &low, &high, permissions, &name) < 3) continue;
    if (permissions[0] != 'r' || permissions[2] != 'x') continue;
    std::string text = name > 0 ? line + name : "";
    if (text.rfind("[vsyscall]", 0) == 0) continue;
    found.push_back({low, high, text});
  }
  fclose(file);
  return found;
}

}  // namespace

void Tracee::fail(const std::string& what) {
  fail_with(errno, what);
}

void Tracee::fail_with(int error, const std::string& what) {
  if (!error_.empty()) return;
  // One that was killed cannot be asked anything; what else it lacks by then, such as mappings, is no matter.
  unsigned long unused;
  if (error == ESRCH || (ptrace(PTRACE_GETEVENTMSG, thread_, 0, &unused) && errno == ESRCH)) gone_ = true;
  error_ = what + ": " + strerror(error);
}

int Tracee::wait_stop() {
  int status = 0;
  while (waitpid(thread_, &status, __WALL) < 0) {
    if (errno == EINTR) continue;
    gone_ = true;
    if (error_.empty()) error_ = "the process has ended";
    return -1;
  }
  if (WIFSTOPPED(status)) return status;
  gone_ = true;
  if (error_.empty()) error_ = "the process has ended";
  return -1;
}

user_regs_struct Tracee::registers() {
  user_regs_struct registers{};
  if (ok() && ptrace(PTRACE_GETREGS, thread_, 0, &registers)) fail("read registers");
  return registers;
}

void Tracee::set_registers(const user_regs_struct& registers) {
  if (ok() && ptrace(PTRACE_SETREGS, thread_, 0, &registers)) fail("set registers");
}

uint64_t Tracee::signal_mask() {
  uint64_t mask = 0;
  if (ok() && ptrace(PTRACE_GETSIGMASK, thread_, sizeof mask, &mask)) fail("read the signal mask");
  return mask;
}

void Tracee::set_signal_mask(uint64_t mask) {
  if (ok() && ptrace(PTRACE_SETSIGMASK, thread_, sizeof mask, &mask)) fail("set the signal mask");
}

void Tracee::read(uint64_t address, void* to, size_t size) {
  if (!ok() || !size) return;
  const iovec here{to, size};
  const iovec there{reinterpret_cast<void*>(address), size};
  const ssize_t done = process_vm_readv(process_, &here, 1, &there, 1, 0);
  if (done == static_cast<ssize_t>(size)) return;
  if (done >= 0) errno = EFAULT;
  fail("read its memory");
}

void Tracee::write(uint64_t address, const void* from, size_t size) {
  if (!ok() || !size) return;
  const iovec here{const_cast<void*>(from), size};
  const iovec there{reinterpret_cast<void*>(address), size};
  const ssize_t done = process_vm_writev(process_, &here, 1, &there, 1, 0);
  if (done == static_cast<ssize_t>(size)) return;
  if (done >= 0) errno = EFAULT;
  fail("write its memory");
}

void Tracee::find_system_call() {
  if (!ok() || system_call_) return;
  std::vector<Mapping> mappings = code_mappings(process_);
  for (const bool vdso : {true, false}) {
    for (const Mapping& mapping : mappings) {
      if ((mapping.name.rfind("[vdso]", 0) == 0) != vdso) continue;
      constexpr uint64_t kMost = 4 << 20;
      std::vector<uint8_t> code(mapping.high - mapping.low < kMost ? mapping.high - mapping.low : kMost);
      const iovec here{code.data(), code.size()};
      const iovec there{reinterpret_cast<void*>(mapping.low), code.size()};
      const ssize_t done = process_vm_readv(process_, &here, 1, &there, 1, 0);
      if (done <= 0) continue;
      code.resize(static_cast<size_t>(done));
      const ptrdiff_t offset = find_bytes(code);
      if (offset < 0) continue;
      system_call_ = mapping.low + static_cast<uint64_t>(offset);
      return;
    }
  }
  fail_with(ENOENT, "find a system call instruction in it");
}

bool Tracee::to_system_call_stop() {
  // Signals are blocked, so there can be few other stops: SIGSTOP and the stop of its group.
  for (int turns = 0; ok() && turns < 1000; turns++) {
    if (ptrace(PTRACE_SYSCALL, thread_, 0, 0)) {
      fail("let it go on");
      return false;
    }
    const int status = wait_stop();
    if (status < 0) return false;
    if (WSTOPSIG(status) == kSystemCallStop) return true;
    if (status >> 16 == 0 && WSTOPSIG(status) == SIGSTOP) saw_stop_signal_ = true;
    if (status >> 16 == PTRACE_EVENT_CLONE) return true;
  }
  fail_with(EBUSY, "make a system call in it");
  return false;
}

void Tracee::enter(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
  user_regs_struct at = registers();
  at.rip = system_call_;
  at.orig_rax = ~0ull;  // else the kernel could take `rip` back by two for a call that was interrupted
  at.rax = static_cast<uint64_t>(number);
  at.rdi = a;
  at.rsi = b;
  at.rdx = c;
  at.r10 = d;
  at.r8 = e;
  at.r9 = f;
  set_registers(at);
}

void Tracee::restore_stop_signal() {
  if (!ok() || !saw_stop_signal_) return;
  // Each of the two discards the other when it is sent, and SIGCONT, being blocked, still waits.
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/status", thread_);
  uint64_t pending = 0;
  if (FILE* file = fopen(path, "re")) {
    char line[256];
    unsigned long set = 0;
    while (fgets(line, sizeof line, file))
      if (sscanf(line, "SigPnd: %lx", &set) == 1 || sscanf(line, "ShdPnd: %lx", &set) == 1) pending |= set;
    fclose(file);
  }
  if (!(pending & (uint64_t{1} << (SIGCONT - 1)))) kill(process_, SIGSTOP);
  saw_stop_signal_ = false;
}

int64_t Tracee::call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
  find_system_call();
  enter(number, a, b, c, d, e, f);
  // The stops at entry and exit send no signal, unlike a single step: that one's SIGTRAP, being forced, would
  // reset the program's own action for it.
  if (!to_system_call_stop() || !to_system_call_stop()) return -1;
  return static_cast<int64_t>(registers().rax);
}

uint64_t Tracee::must(const char* what, long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                      uint64_t e, uint64_t f) {
  const int64_t result = call(number, a, b, c, d, e, f);
  if (ok() && result < 0 && result > -4096) fail_with(static_cast<int>(-result), what);
  return static_cast<uint64_t>(result);
}

int Tracee::clone(uint64_t flags, uint64_t stack) {
  find_system_call();
  enter(SYS_clone, flags, stack, 0, 0, 0, 0);
  if (!to_system_call_stop()) return 0;
  if (ptrace(PTRACE_SYSCALL, thread_, 0, 0)) fail("let it go on");
  if (!ok()) return 0;
  const int status = wait_stop();
  unsigned long child = 0;
  if (status >= 0 && status >> 16 == PTRACE_EVENT_CLONE) {
    if (ptrace(PTRACE_GETEVENTMSG, thread_, 0, &child)) fail("make a thread in it");
    if (!to_system_call_stop()) return 0;
  } else if (ok()) {
    const int64_t result = static_cast<int64_t>(registers().rax);
    if (ok()) fail_with(result < 0 ? static_cast<int>(-result) : EAGAIN, "make a thread in it");
  }
  if (!ok()) return 0;
  int child_status = 0;
  while (waitpid(static_cast<pid_t>(child), &child_status, __WALL) < 0)
    if (errno != EINTR) {
      fail("wait for the thread made in it");
      return 0;
    }
  if (!WIFSTOPPED(child_status)) {
    fail_with(ESRCH, "make a thread in it");
    return 0;
  }
  return static_cast<int>(child);
}

}  // namespace isotach::dbi

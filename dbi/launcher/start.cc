#include "launcher/start.h"

#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "launcher/options.h"
#include "launcher/registers.h"
#include "launcher/tracee.h"

extern char** environ;

namespace isotach::dbi {
namespace {

constexpr uint64_t kCodeSegment64 = 0x33;

// A fork that sends its parent no signal when it ends: a SIGCHLD could stay pending over the execve(2), and
// the program would get it.
pid_t quiet_fork() {
  return static_cast<pid_t>(syscall(SYS_clone, 0, 0, 0, 0, 0));
}

void reap(pid_t child) {
  while (waitpid(child, nullptr, __WALL) < 0 && errno == EINTR) {
  }
}

// The program's process ends as if it had called exit(2): it cannot run under the engine and must not run
// without it.
void end_program(pid_t process, int exit_code) {
  Tracee tracee(process, process);
  tracee.call(SYS_exit_group, static_cast<uint64_t>(exit_code));
  kill(process, SIGKILL);  // where it still lives
}

struct Errand {
  const Kit& kit;
  const std::vector<std::string>& arguments;
  const std::string& name;
};

// The string is overwritten where the kernel has put it, which has room: the name given to it was longer.
void set_file_name(Tracee& tracee, const std::string& name) {
  const uint64_t address = auxiliary_value(tracee.process(), AT_EXECFN);
  std::string before(name.size() + 1, 0);
  if (!address) return;
  tracee.read(address, before.data(), before.size());
  const bool has_room = before.find(char{0}) >= name.size();
  if (has_room) tracee.write(address, name.c_str(), name.size() + 1);
  const std::string last = name.substr(name.rfind('/') + 1);
  // prctl(2) wants it in the program's memory.
  if (has_room) tracee.call(SYS_prctl, PR_SET_NAME, address + name.size() - last.size());
}

// At the exit of execve(2): everything is put in place, and the thread let go.
int inject(pid_t process, const Errand& errand, uint32_t helper) {
  Tracee tracee(process, process);
  const uint64_t mask = tracee.signal_mask();
  tracee.set_signal_mask(~0ull);
  // From the stop within execve(2), which would still set rax, to that at its exit.
  tracee.leave_system_call();
  user_regs_struct registers = tracee.registers();
  registers.orig_rax = ~0ull;
  if (tracee.ok() && registers.cs != kCodeSegment64) {
    tell("the program is not for x86-64; this engine runs no other");
    end_program(process, kExitNotSupported);
    return 1;
  }
  if (!errand.name.empty()) set_file_name(tracee, errand.name);
  Handover handover{};
  handover.take_over = TakeOver::start;
  handover.registers = to_program_registers(registers);
  handover.signal_mask = mask;
  handover.helper = helper;
  const Entry entry = place_private_program(tracee, errand.kit, errand.arguments, {}, handover);
  registers.rip = entry.rip;
  registers.rsp = entry.rsp;
  registers.rdx = 0;  // no function to be called at exit
  tracee.set_registers(registers);
  tracee.restore_stop_signal();
  tracee.set_signal_mask(mask);
  if (tracee.ok() && ptrace(PTRACE_DETACH, process, 0, 0)) tracee.fail("let it go");
  if (tracee.ok()) return 0;
  if (!tracee.gone()) {
    tell("cannot put the engine into the program: " + tracee.error());
    end_program(process, kExitFailed);
  }
  return 1;
}

// Waits for the execve(2) of `process`, which it traces.
int wait_and_inject(pid_t process, const Errand& errand, uint32_t helper) {
  for (;;) {
    int status = 0;
    if (waitpid(process, &status, __WALL) < 0) {
      if (errno == EINTR) continue;
      return 1;
    }
    if (!WIFSTOPPED(status)) return 1;  // it could not execute the program, and has told why
    const int event = status >> 16;
    if (event == PTRACE_EVENT_EXEC) return inject(process, errand, helper);
    // Signals go where they were going; the stop of a group stays one.
    if (event == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP) {
      ptrace(PTRACE_LISTEN, process, 0, 0);
    } else {
      ptrace(PTRACE_CONT, process, 0, event ? 0 : WSTOPSIG(status));
    }
  }
}

struct Pipe {
  int read_end = -1, write_end = -1;
  bool open_both() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return false;
    read_end = ends[0];
    write_end = ends[1];
    return true;
  }
  void close_both() const {
    close(read_end);
    close(write_end);
  }
};

struct Hello {
  pid_t helper;
};

bool read_all(int descriptor, void* to, size_t size) {
  ssize_t got;
  do got = read(descriptor, to, size);
  while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(size);
}

bool write_all(int descriptor, const void* from, size_t size) {
  return write(descriptor, from, size) == static_cast<ssize_t>(size);
}

[[noreturn]] void run_helper(pid_t process, bool is_child, const Pipe& to_helper, const Pipe& from_helper,
                             const Errand& errand) {
  // Ctrl-C is for the program: it must not leave it half taken over.
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  // So that reading ends when the launcher has died.
  close(to_helper.write_end);
  close(from_helper.read_end);
  const pid_t self = static_cast<pid_t>(syscall(SYS_getpid));
  char go = 0;
  const Hello hello{self};
  if (!write_all(from_helper.write_end, &hello, sizeof hello) || !read_all(to_helper.read_end, &go, 1))
    _exit(1);
  const unsigned long options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
  const int error = ptrace(PTRACE_SEIZE, process, 0, options) ? errno : 0;
  write_all(from_helper.write_end, &error, sizeof error);
  close(to_helper.read_end);
  close(from_helper.write_end);
  if (error) _exit(1);
  _exit(wait_and_inject(process, errand, is_child ? static_cast<uint32_t>(self) : 0));
}

}  // namespace

void tell(const std::string& text) {
  const std::string line = "pin: " + text + "\n";
  if (write(2, line.data(), line.size()) < 0) return;  // nobody listens
}

Problem arm_helper(const Kit& kit, const std::vector<std::string>& arguments, const std::string& name) {
  const pid_t process = getpid();
  Pipe to_helper, from_helper;
  if (!to_helper.open_both()) return {std::string("cannot make a pipe: ") + strerror(errno), kExitFailed};
  if (!from_helper.open_both()) {
    const int error = errno;
    to_helper.close_both();
    return {std::string("cannot make a pipe: ") + strerror(error), kExitFailed};
  }
  // The helper becomes a child of init, or of who adopts orphans. When that is this process itself, as that
  // of a container is, the runtime reaps it; an adopter by prctl(2) is none for this moment.
  int adopts = 0;
  prctl(PR_GET_CHILD_SUBREAPER, &adopts, 0, 0, 0);
  if (adopts) prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
  const bool is_child = process == 1;
  const pid_t between = quiet_fork();
  if (between == 0) {
    const pid_t helper = is_child ? 0 : quiet_fork();
    if (helper == 0) run_helper(process, is_child, to_helper, from_helper, {kit, arguments, name});
    _exit(0);
  }
  const int fork_error = errno;
  if (between > 0 && !is_child) reap(between);
  if (adopts) prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  close(to_helper.read_end);
  close(from_helper.write_end);

  Hello hello{};
  int error = 0;
  const bool answered = between > 0 && read_all(from_helper.read_end, &hello, sizeof hello);
  if (answered) prctl(PR_SET_PTRACER, hello.helper, 0, 0, 0);  // Yama: it is no ancestor of ours
  const char go = 1;
  const bool done = answered && write_all(to_helper.write_end, &go, 1) &&
                    read_all(from_helper.read_end, &error, sizeof error);
  close(to_helper.write_end);
  close(from_helper.read_end);
  if (between < 0) return {std::string("cannot make a process: ") + strerror(fork_error), kExitFailed};
  if (!done) return {"the process that was to put the engine in has died", kExitFailed};
  if (error) return explain_refusal(process, error, "ptrace was refused");
  return {};
}

int start_command(const Kit& kit, const std::vector<std::string>& arguments, const std::string& path,
                  const std::vector<std::string>& command) {
  if (const Problem problem = arm_helper(kit, arguments)) {
    tell(problem.text);
    return problem.exit_code;
  }
  std::vector<char*> words;
  words.reserve(command.size() + 2);
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execve(path.c_str(), words.data(), environ);
  int error = errno;
  if (error == ENOEXEC) {
    // As execvp(3): a script without its first line is the shell's.
    words[0] = const_cast<char*>(path.c_str());
    words.insert(words.begin(), const_cast<char*>("/bin/sh"));
    execve("/bin/sh", words.data(), environ);
    error = errno;
  }
  tell(path + ": " + strerror(error));
  return error == ENOENT ? kExitNotFound : kExitCannotRun;
}

}  // namespace isotach::dbi

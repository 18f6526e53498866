#include "launcher/attach.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "engine/os/interval_set.h"
#include "launcher/detach.h"
#include "launcher/private_program.h"
#include "launcher/registers.h"
#include "launcher/start.h"
#include "launcher/stopped_threads.h"

namespace isotach::dbi {
namespace {

constexpr uint64_t kCodeSegment64 = 0x33;
constexpr uint64_t kEveryThreadFlag =
    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
constexpr unsigned long kUnregister = 1;  // RSEQ_FLAG_UNREGISTER

// linux/rseq.h: the area that a thread registers begins so, and this is what `rseq_cs` points to.
struct SequenceArea {
  uint32_t cpu_id_start, cpu_id;
  uint64_t critical_section;
};
struct CriticalSection {
  uint32_t version, flags;
  uint64_t start, length, abort;
};

bool same_file(const std::string& one, const std::string& other) {
  struct stat first, second;
  return stat(one.c_str(), &first) == 0 && stat(other.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

bool is_mapped(int process, const char* name) {
  const std::string path = "/proc/" + std::to_string(process) + "/maps";
  bool found = false;
  if (FILE* file = fopen(path.c_str(), "re")) {
    char line[4352];
    while (!found && fgets(line, sizeof line, file)) found = strstr(line, name) != nullptr;
    fclose(file);
  }
  return found;
}

// What can be known before any thread is stopped.
Problem check_process(const Kit& kit, int process) {
  const std::string name = "process " + std::to_string(process);
  const std::string folder = "/proc/" + std::to_string(process);
  if (kill(process, 0) && errno == ESRCH) return {"there is no " + name, kExitFailed};
  if (process == getpid()) return {name + " is pin itself", kExitUsage};
  char link[16];
  errno = 0;
  if (readlink((folder + "/exe").c_str(), link, sizeof link) < 0) {
    if (errno == EACCES || errno == EPERM) return explain_refusal(process, errno, "cannot look into " + name);
    return {name + (list_threads(process).empty() ? " has ended" : " is a thread of the kernel"),
            kExitFailed};
  }
  // The runtime makes threads, which would be stopped as well.
  if (state_of(process, process) == 'T')
    return {name + " is stopped; let it go on first: kill -CONT " + std::to_string(process), kExitFailed};
  if (is_mapped(process, kRuntimeName)) return {name + " is under the engine already", kExitFailed};
  if (!same_file(folder + "/root" + kit.runtime, kit.runtime))
    return {name + " does not see " + kit.folder +
                ": it has another root or other mounts (a container); copy the kit "
                "to the same path there",
            kExitNotSupported};
  return {};
}

// A thread inside a restartable sequence goes on at its abort handler, as after a preemption.
void abort_sequence(Tracee& tracee, const RestartableSequence& sequence, user_regs_struct& registers) {
  SequenceArea area{};
  tracee.read(sequence.pointer, &area, sizeof area);
  if (!area.critical_section) return;
  CriticalSection section{};
  tracee.read(area.critical_section, &section, sizeof section);
  if (registers.rip - section.start < section.length) registers.rip = section.abort;
  const uint64_t none = 0;
  tracee.write(sequence.pointer + offsetof(SequenceArea, critical_section), &none, sizeof none);
}

RestartableSequence sequence_of(int thread) {
  __ptrace_rseq_configuration configuration{};
  if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, thread, sizeof configuration, &configuration) < 0) return {};
  if (!configuration.rseq_abi_pointer) return {};
  return {configuration.rseq_abi_pointer, configuration.rseq_abi_size, configuration.signature};
}

constexpr size_t kMostMappings = 16384;
using Intervals = IntervalSet<kMostMappings>;

// Memory of the process that can be written and belongs to no file.
std::unique_ptr<Intervals> own_pages_of(int process) {
  auto found = std::make_unique<Intervals>();
  const std::string path = "/proc/" + std::to_string(process) + "/maps";
  FILE* file = fopen(path.c_str(), "re");
  if (!file) return found;
  char line[4352];
  while (fgets(line, sizeof line, file)) {
    unsigned long low, high, inode;
    char permissions[8];
    int name = 0;
    if (sscanf(line, "%lx-%lx %7s %*s %*s %lu %n", &low, &high, permissions, &inode, &name) < 4) continue;
    const bool is_named = name > 0 && line[name] != 0;
    if (!is_named && inode == 0 && permissions[1] == 'w' && permissions[3] == 'p') found->add(low, high);
  }
  fclose(file);
  return found;
}

// The runtime's thread until it ends. It may call exit(3): the dynamic loader does so when a library is
// missing, a tool when it does not like its options. That must not end the program, so only the thread ends.
bool run_until_it_ends(Tracee& runtime, std::string& wrong) {
  for (;;) {
    if (ptrace(PTRACE_SYSCALL, runtime.thread(), 0, 0) && errno != ESRCH) {
      wrong = std::string("let the runtime go on: ") + strerror(errno);
      return false;
    }
    int status = 0;
    if (waitpid(runtime.thread(), &status, __WALL) < 0) {
      if (errno == EINTR) continue;
      return true;
    }
    if (!WIFSTOPPED(status)) return true;
    user_regs_struct registers = runtime.registers();
    if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
      if (registers.orig_rax == SYS_exit_group) {
        wrong =
            "the runtime or its tool ended with exit code " + std::to_string(static_cast<int>(registers.rdi));
        registers.orig_rax = SYS_exit;
        runtime.set_registers(registers);
      }
      continue;
    }
    const int signal = WSTOPSIG(status);
    if (status >> 16 || (signal != SIGSEGV && signal != SIGBUS && signal != SIGILL && signal != SIGFPE &&
                         signal != SIGTRAP && signal != SIGABRT && signal != SIGSYS))
      continue;
    char where[64];
    snprintf(where, sizeof where, " at %llx", static_cast<unsigned long long>(registers.rip));
    wrong = std::string("the runtime or its tool crashed: ") + strsignal(signal) + where;
    runtime.call(SYS_exit, 1);
    return true;
  }
}

class Attacher {
 public:
  Attacher(const Kit& kit, const Options& options)
      : kit_(kit), options_(options), threads_(options.process) {}

  // Returns what went wrong; the process then is as it was. `detach` gets the address of the DetachRequest.
  Problem run(uint64_t& detach) {
    if (!threads_.stop_all()) return give_up(refusal());
    for (const Stopped& thread : threads_.threads())
      if (thread.registers.cs != kCodeSegment64)
        return give_up({"the process is not for x86-64; this engine runs no other", kExitNotSupported});
    std::vector<StoppedThread> handed = describe();
    Problem problem = start_runtime(handed);
    if (problem) return give_up(problem);
    if (ready_ != 1) {
      std::string wrong = wrong_.empty() ? "the runtime failed" : wrong_;
      return give_up({wrong + "; the process goes on as before", kExitFailed});
    }
    hand_over(handed);
    detach = detach_;
    return {};
  }

 private:
  Problem refusal() const {
    if (!threads_.error_number()) return {threads_.error(), kExitFailed};
    if (threads_.error_number() == ESRCH) return {"the process has ended", kExitFailed};
    return explain_refusal(options_.process, threads_.error_number(), "ptrace was refused");
  }

  Problem give_up(const Problem& problem) {
    threads_.detach_all();
    return problem;
  }

  std::vector<StoppedThread> describe() {
    std::vector<StoppedThread> handed;
    for (Stopped& thread : threads_.threads()) {
      StoppedThread each{};
      each.thread_id = static_cast<uint64_t>(thread.tracee->thread());
      each.sequence = sequence_of(thread.tracee->thread());
      if (each.sequence.pointer) abort_sequence(*thread.tracee, each.sequence, thread.registers);
      each.registers = each.resume = to_program_registers(thread.registers);
      each.signal_mask = thread.mask;
      each.is_restarting = is_to_restart(thread.at_stop);
      handed.push_back(each);
    }
    return handed;
  }

  // One of the threads makes the system calls, and is as before afterwards.
  Problem start_runtime(std::vector<StoppedThread>& handed) {
    Stopped& victim = threads_.threads().front();
    Tracee& tracee = *victim.tracee;
    ptrace(PTRACE_SETOPTIONS, tracee.thread(), 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE);
    tracee.set_signal_mask(~0ull);
    const std::unique_ptr<Intervals> before = own_pages_of(options_.process);
    Handover handover{};
    handover.take_over = TakeOver::attach;
    const Entry entry = place_private_program(tracee, kit_, options_.arguments, handed, handover);
    const int id = tracee.ok() ? tracee.clone(kEveryThreadFlag, entry.rsp) : 0;
    tracee.set_registers(victim.registers);
    tracee.set_signal_mask(victim.mask);
    ptrace(PTRACE_SETOPTIONS, tracee.thread(), 0, PTRACE_O_TRACESYSGOOD);
    if (!id || !tracee.ok())
      return {"cannot put the engine into the process: " + tracee.error(), kExitFailed};

    Tracee runtime(options_.process, id);
    ptrace(PTRACE_SETOPTIONS, id, 0, PTRACE_O_TRACESYSGOOD);
    user_regs_struct registers = runtime.registers();
    registers.rip = entry.rip;
    registers.rsp = entry.rsp;
    registers.rdx = registers.rbp = registers.fs_base = registers.gs_base = 0;
    registers.orig_rax = ~0ull;
    registers.eflags = 0x202;
    runtime.set_registers(registers);
    if (!runtime.ok()) return {"cannot start the runtime in the process: " + runtime.error(), kExitFailed};
    run_until_it_ends(runtime, wrong_);

    tracee.read(entry.handover, &handover, sizeof handover);
    if (!tracee.ok()) return {"the process has ended", kExitFailed};
    ready_ = wrong_.empty() ? handover.ready : 2;
    detach_ = handover.detach;
    tracee.read(handover.threads, handed.data(), handed.size() * sizeof(StoppedThread));
    if (ready_ == 1 && detach_) tell_what_is_left(tracee, *before);
    return {};
  }

  // The private loader asks the kernel itself for the memory of its first allocations, of which the runtime
  // does not hear. All threads but the runtime's were stopped, so that what is new is its or the runtime's.
  void tell_what_is_left(Tracee& tracee, const Intervals& before) const {
    DetachRequest request{};
    tracee.read(detach_, &request, sizeof request);
    if (!tracee.ok() || request.magic != kDetachMagic || request.region_count > kMostMappings) return;
    std::vector<Interval> known(request.region_count);
    tracee.read(request.regions, known.data(), known.size() * sizeof(Interval));
    const std::unique_ptr<Intervals> found = own_pages_of(options_.process);
    for (size_t i = 0; i < before.size(); i++) found->remove(before[i].low, before[i].high);
    for (const Interval& region : known) found->remove(region.low, region.high);
    std::vector<Interval> left;
    for (size_t i = 0; i < found->size() && i < kMostLeft; i++) left.push_back((*found)[i]);
    request.left_count = left.size();
    tracee.write(request.left, left.data(), left.size() * sizeof(Interval));
    tracee.write(detach_ + offsetof(DetachRequest, left_count), &request.left_count,
                 sizeof request.left_count);
  }

  void hand_over(const std::vector<StoppedThread>& handed) {
    for (size_t i = 0; i < handed.size(); i++) {
      Tracee& tracee = *threads_.threads()[i].tracee;
      tracee.set_signal_mask(~0ull);
      const RestartableSequence& sequence = handed[i].sequence;
      if (sequence.pointer) {
        // The kernel writes there at every preemption, and would miss a sequence that runs in the code cache.
        tracee.set_registers(threads_.threads()[i].registers);
        tracee.call(SYS_rseq, sequence.pointer, sequence.size, kUnregister, sequence.signature);
      }
      user_regs_struct resume = to_user_registers(handed[i].resume);
      resume.orig_rax = ~0ull;
      tracee.set_registers(resume);
    }
    threads_.detach_all();
  }

  const Kit& kit_;
  const Options& options_;
  StoppedThreads threads_;
  std::string wrong_;
  uint32_t ready_ = 0;
  uint64_t detach_ = 0;
};

}  // namespace

int attach(const Kit& kit, const Options& options) {
  // A launcher that ends in the midst of it would leave a thread with registers that are not its own.
  sigset_t asks, before;
  sigemptyset(&asks);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) sigaddset(&asks, signal);
  sigprocmask(SIG_BLOCK, &asks, &before);
  uint64_t detach_address = 0;
  Problem problem = check_process(kit, options.process);
  if (!problem) problem = Attacher(kit, options).run(detach_address);
  if (!problem && options.detach_after_ns >= 0) {
    problem = wait_to_detach(options.process, options.detach_after_ns, asks);
    if (!problem) problem = detach(options.process, detach_address, options.detach_within_ns);
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (!problem) return 0;
  tell(problem.text);
  return problem.exit_code;
}

}  // namespace isotach::dbi

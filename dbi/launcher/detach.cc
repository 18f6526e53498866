#include "launcher/detach.h"

#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>

#include "engine/os/handover.h"
#include "engine/os/interval_set.h"
#include "launcher/options.h"
#include "launcher/registers.h"
#include "launcher/stopped_threads.h"

namespace isotach::dbi {
namespace {

// For the tool's end.
constexpr int64_t kFinishNs = 10'000'000'000;
// Time in which a thread of the program got no processor does not count, up to this.
constexpr int64_t kMostNs = 120'000'000'000;
// With all of the program's threads parked and each other one run meanwhile, until those are believed not to
// be its.
constexpr int kQuietRounds = 3;
// For those that do not seem to run: a loop of one instruction, or a machine with no time for them.
constexpr int64_t kBelievedAfterNs = 5'000'000'000;
// A signal that came while another one was being delivered is dropped, and sent again so much later.
constexpr int kRoundsOfSignal = 8;
constexpr size_t kMostParked = 65536, kMostRegions = 16384;

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

void wait_a_little(long times = 1) {
  const timespec little{0, 500'000 * times};
  nanosleep(&little, nullptr);
}

// A result of a system call that only the kernel itself sees: the thread was stopped inside.
bool is_interrupted(const user_regs_struct& registers) {
  const auto result = static_cast<int64_t>(registers.rax);
  return static_cast<int64_t>(registers.orig_rax) >= 0 && result <= -512 && result >= -516;
}

class Detacher {
 public:
  Detacher(int process, uint64_t address, int64_t within_ns)
      : process_(process),
        address_(address),
        within_ns_(within_ns),
        threads_(process),
        memory_(process, process) {}

  Problem run() {
    if (!threads_.stop_all()) return give_up("cannot stop it: " + threads_.error());
    read_request();
    if (!memory_.ok()) return give_up(memory_.error() + "; it may have executed another program since");
    if (request_.magic != kDetachMagic) return give_up("the runtime in it is of another version");
    forget_parked();
    set_wanted(1);
    if (std::string wrong = park_all(); !wrong.empty()) return give_up(wrong + "; it stays under the engine");
    is_wanted_ = false;
    if (std::string wrong = finish(); !wrong.empty()) return give_up(wrong);
    const std::string wrong = restore();
    if (!wrong.empty()) return give_up("it is partly let go: " + wrong);
    threads_.detach_all();
    return {};
  }

 private:
  void read_request() { memory_.read(address_, &request_, sizeof request_); }

  Problem give_up(const std::string& what) {
    if (is_wanted_) set_wanted(0);
    threads_.detach_all();
    return {"cannot let process " + std::to_string(process_) + " go: " + what, kExitFailed};
  }

  void set_wanted(uint32_t wanted) {
    is_wanted_ = wanted != 0;
    memory_.write(address_ + offsetof(DetachRequest, wanted), &wanted, sizeof wanted);
  }

  // Of an attempt before this one, which was given up.
  void forget_parked() {
    if (request_.parked_count == 0 || request_.parked_count > kMostParked) return;
    const std::vector<StoppedThread> none(request_.parked_count);
    memory_.write(request_.parked, none.data(), none.size() * sizeof(StoppedThread));
    const uint32_t count = 0;
    memory_.write(address_ + offsetof(DetachRequest, parked_count), &count, sizeof count);
  }

  // Reads what has been parked since.
  void read_parked() {
    read_request();
    if (request_.parked_count > kMostParked) return;
    parked_.resize(request_.parked_count);
    memory_.read(request_.parked, parked_.data(), parked_.size() * sizeof(StoppedThread));
  }

  const StoppedThread* parked_of(int thread) const {
    for (const StoppedThread& each : parked_)
      if (each.thread_id == static_cast<uint64_t>(thread)) return &each;
    return nullptr;
  }

  bool is_of_program(const Stopped& thread) {
    uint64_t id = 0;
    if (!thread.registers.gs_base) return false;
    Tracee reader(process_, thread.tracee->thread());
    reader.read(thread.registers.gs_base + request_.kernel_id_offset, &id, sizeof id);
    return reader.ok() && id == static_cast<uint64_t>(thread.tracee->thread());
  }

  bool is_restarting(const Stopped& thread) {
    uint32_t value = 0;
    Tracee reader(process_, thread.tracee->thread());
    reader.read(thread.registers.gs_base + request_.is_restarting_offset, &value, sizeof value);
    return value != 0;
  }

  // Out of a system call of the program, without a signal: that could end the call with EINTR.
  void send_from_system_call(Stopped& thread) {
    constexpr int64_t kRestartBlock = -516;
    user_regs_struct registers = thread.at_stop;
    registers.rdi = static_cast<int64_t>(registers.rax) == kRestartBlock;
    registers.rsi = thread.mask;
    registers.rip = request_.leave_system_call;
    registers.rsp -= 512;
    registers.orig_rax = ~0ull;
    thread.tracee->set_signal_mask(~0ull);
    thread.tracee->set_registers(registers);
  }

  // Whether the thread executed anything since it was last seen, or sleeps in a system call. One that was
  // just made, or is about to end, and waits for a processor did neither: it may turn out to be one of the
  // program's.
  bool has_run(const Stopped& thread) {
    const auto [seen, is_new] = seen_.try_emplace(thread.tracee->thread(), thread.at_stop);
    const bool is_same = std::memcmp(&seen->second, &thread.at_stop, sizeof thread.at_stop) == 0;
    seen->second = thread.at_stop;
    return is_interrupted(thread.at_stop) || (!is_new && !is_same);
  }

  // The engine blocks one of these only where one that the program itself blocks is pending.
  int signal_for(const Stopped& thread) const {
    for (const int signal : {request_.signal, SIGBUS, SIGILL, SIGFPE, SIGSEGV})
      if (!(thread.mask >> (signal - 1) & 1)) return signal;
    return request_.signal;
  }

  void send_signal(const Stopped& thread) const {
    siginfo_t info{};
    info.si_signo = signal_for(thread);
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_value.sival_ptr = reinterpret_cast<void*>(request_.signal_value);
    syscall(SYS_rt_tgsigqueueinfo, process_, thread.tracee->thread(), info.si_signo, &info);
  }

  // A thread that was on its way out already when it was asked again has that pending. All is blocked.
  void take_back_requests(const Stopped& thread) const {
    siginfo_t pending[32];
    __ptrace_peeksiginfo_args from{0, 0, 32};
    const long count = ptrace(PTRACE_PEEKSIGINFO, thread.tracee->thread(), &from, pending);
    for (long i = 0; i < count; i++) {
      if (pending[i].si_code != SI_QUEUE ||
          reinterpret_cast<uint64_t>(pending[i].si_value.sival_ptr) != request_.signal_value)
        continue;
      // In the stack of the engine, on which it waits. It never waits for the signal.
      const struct {
        uint64_t set;
        timespec no_time;
      } arguments{uint64_t{1} << (pending[i].si_signo - 1), {0, 0}};
      const uint64_t at = (thread.at_stop.rsp - 1024) & ~15ull;
      thread.tracee->write(at, &arguments, sizeof arguments);
      thread.tracee->call(SYS_rt_sigtimedwait, at, 0, at + sizeof arguments.set, sizeof arguments.set);
    }
  }

  // Those that did not leave, for the message.
  static std::string describe_last(const std::vector<Stopped*>& threads) {
    std::string text;
    for (const Stopped* thread : threads) {
      char one[128];
      snprintf(one, sizeof one, "%s%d at %llx (rax %llx, orig_rax %llx)", text.empty() ? "" : ", ",
               thread->tracee->thread(), thread->at_stop.rip, thread->at_stop.rax, thread->at_stop.orig_rax);
      text += one;
    }
    return text + " stays in the engine or in the tool";
  }

  // Makes every thread of the program leave the code cache. All are stopped afterwards.
  std::string park_all() {
    const int64_t begin = now_ns();
    int64_t deadline = begin + within_ns_, last_ns = begin;
    int quiet = 0, idle = 0;
    for (int round = 0;; round++) {
      read_parked();
      if (!memory_.ok()) return memory_.error();
      bool all_are = true, all_ran = true, all_had_time = true;
      std::vector<Stopped*> to_run;
      for (Stopped& thread : threads_.threads()) {
        if (parked_of(thread.tracee->thread())) continue;
        to_run.push_back(&thread);
        if (!is_of_program(thread)) {
          all_ran = has_run(thread) && all_ran;
          continue;
        }
        all_are = false;
        all_had_time = has_run(thread) && all_had_time;
        if (thread.at_stop.rip == request_.system_call_end && is_interrupted(thread.at_stop)) {
          send_from_system_call(thread);
        } else if (round % kRoundsOfSignal == 0 && !is_restarting(thread)) {
          send_signal(thread);
        }
      }
      idle = all_ran && all_had_time ? 0 : idle + 1;
      const int64_t now = now_ns();
      if (!all_had_time && deadline < begin + kMostNs) deadline += now - last_ns;
      last_ns = now;
      if (!all_are) quiet = 0;
      if (all_are && (all_ran || now > deadline - within_ns_ + kBelievedAfterNs)) quiet++;
      if (quiet >= kQuietRounds || (all_are && to_run.empty())) {
        has_other_threads_ = !to_run.empty();
        return "";
      }
      if (now > deadline) return "thread " + describe_last(to_run);
      // From the back: let_run() takes them out of the list.
      while (!to_run.empty()) {
        threads_.let_run(*to_run.back());
        to_run.pop_back();
      }
      wait_a_little(idle < 40 ? idle + 1 : 40);
      if (!threads_.stop_all()) return threads_.error();
    }
  }

  // One of the parked threads gives back what is the process's.
  std::string finish() {
    Stopped* chosen = nullptr;
    for (Stopped& thread : threads_.threads())
      if (!chosen && parked_of(thread.tracee->thread())) chosen = &thread;
    if (!chosen) return "it has no thread";
    user_regs_struct registers = chosen->at_stop;
    registers.rip = request_.finish;
    registers.orig_rax = ~0ull;
    chosen->tracee->set_registers(registers);
    threads_.let_run(*chosen);
    const int64_t deadline = now_ns() + kFinishNs;
    do {
      wait_a_little();
      read_request();
      if (now_ns() > deadline) return "the tool does not come to its end";
    } while (!request_.finished && memory_.ok());
    if (!threads_.stop_all()) return threads_.error();
    return memory_.error();
  }

  std::string restore() {
    std::vector<Interval> regions(request_.region_count < kMostRegions ? request_.region_count : 0);
    memory_.read(request_.regions, regions.data(), regions.size() * sizeof(Interval));
    // Unmapped by a thread that needs none of it any more.
    Tracee* last = nullptr;
    for (Stopped& thread : threads_.threads()) {
      const StoppedThread* parked = parked_of(thread.tracee->thread());
      if (!parked) continue;
      Tracee& tracee = *thread.tracee;
      tracee.set_signal_mask(~0ull);
      take_back_requests(thread);
      if (const RestartableSequence& sequence = parked->sequence; sequence.pointer) {
        tracee.set_registers(thread.registers);
        tracee.call(SYS_rseq, sequence.pointer, sequence.size, 0, sequence.signature);
      }
      last = &tracee;
    }
    if (last && !has_other_threads_)
      for (const Interval& region : regions) last->call(SYS_munmap, region.low, region.high - region.low);
    for (Stopped& thread : threads_.threads()) {
      const StoppedThread* parked = parked_of(thread.tracee->thread());
      if (!parked) continue;
      thread.tracee->set_registers(resume_of(*parked, thread.at_stop));
      thread.tracee->set_signal_mask(parked->signal_mask);
      if (!thread.tracee->ok() && !thread.tracee->gone()) return thread.tracee->error();
    }
    return "";
  }

  static user_regs_struct resume_of(const StoppedThread& parked, const user_regs_struct& now) {
    user_regs_struct registers = to_user_registers(parked.resume);
    // Selectors are as they were.
    registers.cs = now.cs;
    registers.ss = now.ss;
    registers.ds = now.ds;
    registers.es = now.es;
    registers.fs = now.fs;
    registers.gs = now.gs;
    registers.orig_rax = ~0ull;
    return registers;
  }

  int process_;
  uint64_t address_;
  int64_t within_ns_;
  StoppedThreads threads_;
  Tracee memory_;  // only that: any thread of the list may be running
  DetachRequest request_{};
  std::vector<StoppedThread> parked_;
  std::map<int, user_regs_struct> seen_;  // when last stopped, those not known to be the program's
  bool has_other_threads_ = false;
  bool is_wanted_ = false;  // threads that were parked would run on if that is taken back
};

}  // namespace

Problem wait_to_detach(int process, int64_t after_ns, const sigset_t& signals) {
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, process, 0));
  const bool is_gone = descriptor < 0 && errno == ESRCH;
  const int asked = signalfd(-1, &signals, SFD_CLOEXEC);
  pollfd waits[2] = {{descriptor, POLLIN, 0}, {asked, POLLIN, 0}};
  const timespec time{after_ns / 1'000'000'000, after_ns % 1'000'000'000};
  const bool has_ended = !is_gone && ppoll(waits, 2, &time, nullptr) > 0 && waits[0].revents;
  // Taken, so that it does not end the launcher once it is unblocked.
  signalfd_siginfo taken;
  if (waits[1].revents && read(asked, &taken, sizeof taken) < 0) return {"cannot read a signal", kExitFailed};
  if (descriptor >= 0) close(descriptor);
  if (asked >= 0) close(asked);
  if (is_gone || has_ended) return {"the process has ended", kExitFailed};
  return {};
}

Problem detach(int process, uint64_t address, int64_t within_ns) {
  if (!address)
    return {"this runtime cannot let the process go; it stays under the engine", kExitNotSupported};
  return Detacher(process, address, within_ns).run();
}

}  // namespace isotach::dbi

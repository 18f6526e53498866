// Asynchronous signals: that none is lost or delivered in an impossible state, and all that sigaction(2) and
// the calls that wait for signals promise.
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include <initializer_list>

#include "case.h"
#include "signal_tools.h"

namespace {

using Word = uint64_t;
using test::block;
using test::install;
using test::reg;
using test::restore_default;
using test::unblock;

volatile int count, depth, deepest;

void start_timer(int microseconds) {
  itimerval timer{};
  timer.it_interval.tv_usec = timer.it_value.tv_usec = microseconds;
  setitimer(ITIMER_REAL, &timer, nullptr);
}

void count_it(int, siginfo_t*, void*) {
  count = count + 1;
}

CASE(raise_counts) {
  install(SIGUSR1, count_it);
  count = 0;
  for (int i = 0; i < 3000; ++i) raise(SIGUSR1);
  EXPECT_EQ(count, 3000);
}

CASE(raise_is_synchronous) {
  install(SIGUSR1, count_it);
  count = 0;
  for (int i = 0; i < 100; ++i) {
    syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
    EXPECT_EQ(count, 2 * i + 1);
    kill(getpid(), SIGUSR1);
    EXPECT_EQ(count, 2 * i + 2);
  }
  count = 0;
  block(SIGUSR1);
  raise(SIGUSR1);
  raise(SIGUSR1);
  EXPECT_EQ(count, 0);
  unblock(SIGUSR1);
  EXPECT_EQ(count, 1);
}

// A timer at 1 kHz while registers, flags and vectors are checked all the time.
CASE(timer_keeps_registers) {
  install(SIGALRM, count_it);
  count = 0;
  start_timer(1000);
  Word rounds = 0, bad = 0;
  while (count < 150) {
    ++rounds;
    Word sum = 0, flags = 0;
    asm volatile(R"(
      sub $128, %%rsp
      mov $1, %%eax
      mov $2, %%ebx
      mov $3, %%ecx
      mov $4, %%edx
      mov $5, %%r8d
      mov $6, %%r11d
      mov $7, %%r15d
      movq %%rax, %%xmm1
      movq %%rbx, %%xmm9
      mov $300, %%r9d
    1: cmp %%rax, %%rbx
      call 2f
      jz 3f
      lea 4f(%%rip), %%r10
      jmp *%%r10
    2: ret
    3: ud2
    4: dec %%r9d
      jnz 1b
      add %%rbx, %%rax
      add %%rcx, %%rax
      add %%rdx, %%rax
      add %%r8, %%rax
      add %%r11, %%rax
      add %%r15, %%rax
      movq %%xmm1, %%rbx
      movq %%xmm9, %%rcx
      add %%rbx, %%rax
      add %%rcx, %%rax
      mov %%rax, %0
      stc
      pushf
      pop %1
      add $128, %%rsp)"
                 : "=&r"(sum), "=&r"(flags)::"rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r15",
                   "xmm1", "xmm9", "memory", "cc");
    bad += sum != 31 || (flags & 1) != 1;
  }
  start_timer(0);
  EXPECT_EQ(bad, 0u);
  EXPECT(rounds > 0);
}

// The handler looks at where it interrupted: rip must be inside the program's code, never anywhere else.
volatile Word low_pc, high_pc;
volatile int outside;
volatile int looking;  // the loop runs: not the calls that start and stop the timer
void check_pc(int, siginfo_t*, void* context) {
  count = count + 1;
  if (!looking) return;
  const Word pc = static_cast<Word>(reg(context, REG_RIP));
  if (pc < low_pc || pc > high_pc) outside = outside + 1;
  // r12 is twice r13 at each boundary but the one between the two additions.
  const Word difference =
      static_cast<Word>(reg(context, REG_R12)) - 2 * static_cast<Word>(reg(context, REG_R13));
  if (difference != 0 && difference != 2) outside = outside + 1;
}

CASE(interrupted_pc_is_the_programs) {
  install(SIGALRM, check_pc);
  count = outside = 0;
  asm volatile("lea 1f(%%rip), %0\n jmp 2f\n 1: nop\n 2:" : "=r"(low_pc));
  start_timer(1000);
  asm volatile(R"(
    lea 1f(%%rip), %%rax
    mov %%rax, %0
    lea 9f(%%rip), %%rax
    mov %%rax, %1
    xor %%r12d, %%r12d
    xor %%r13d, %%r13d
    movl $1, %3
  1: add $2, %%r12
    add $1, %%r13
    mov %%fs:0, %%rax
    lea 2f(%%rip), %%rax
    jmp *%%rax
  2: sub $128, %%rsp
    call 3f
    add $128, %%rsp
    cmpl $150, %2
    jb 1b
    movl $0, %3
    jmp 9f
  3: ret
  9:)"
               : "=m"(low_pc), "=m"(high_pc), "+m"(count), "+m"(looking)
               :
               : "rax", "r12", "r13", "memory", "cc");
  start_timer(0);
  EXPECT_EQ(outside, 0);
}

void nest(int signal, siginfo_t*, void*) {
  depth = depth + 1;
  if (depth > deepest) deepest = depth;
  if (signal < SIGRTMIN + 5) raise(signal + 1);
  count = count + 1;
  depth = depth - 1;
}

CASE(nested_handlers) {
  for (int i = 0; i < 6; ++i) install(SIGRTMIN + i, nest);
  count = depth = deepest = 0;
  raise(SIGRTMIN);
  EXPECT_EQ(count, 6);
  EXPECT_EQ(deepest, 6);
}

void again(int signal, siginfo_t*, void*) {
  depth = depth + 1;
  if (depth > deepest) deepest = depth;
  count = count + 1;
  if (count < 5) raise(signal);
  depth = depth - 1;
}

CASE(mask_during_handler) {
  install(SIGUSR1, again);
  count = depth = deepest = 0;
  raise(SIGUSR1);
  EXPECT_EQ(count, 5);
  EXPECT_EQ(deepest, 1);
  install(SIGUSR1, again, SA_NODEFER);
  count = depth = deepest = 0;
  raise(SIGUSR1);
  EXPECT_EQ(count, 5);
  EXPECT_EQ(deepest, 5);
  // sa_mask.
  struct sigaction action {};
  action.sa_sigaction = [](int, siginfo_t*, void*) {
    raise(SIGUSR2);
    EXPECT_EQ(count, 0);
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    EXPECT_EQ(sigismember(&now, SIGUSR1), 1);
    EXPECT_EQ(sigismember(&now, SIGUSR2), 1);
    EXPECT_EQ(sigismember(&now, SIGHUP), 0);
  };
  action.sa_flags = SA_SIGINFO;
  sigaddset(&action.sa_mask, SIGUSR2);
  sigaction(SIGUSR1, &action, nullptr);
  install(SIGUSR2, count_it);
  count = 0;
  raise(SIGUSR1);
  EXPECT_EQ(count, 1);
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  EXPECT_EQ(sigismember(&now, SIGUSR2), 0);
}

CASE(reset_hand) {
  install(SIGUSR1, count_it, static_cast<int>(SA_RESETHAND));
  count = 0;
  raise(SIGUSR1);
  EXPECT_EQ(count, 1);
  struct sigaction now;
  sigaction(SIGUSR1, nullptr, &now);
  EXPECT(now.sa_handler == SIG_DFL);
}

CASE(action_is_told_as_set) {
  for (int signal : {SIGUSR1, SIGSEGV, SIGILL, SIGTRAP, SIGPROF, SIGRTMIN + 3}) {
    struct sigaction set {
    }, told{};
    set.sa_sigaction = count_it;
    set.sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER;
    sigaddset(&set.sa_mask, SIGHUP);
    EXPECT_EQ(sigaction(signal, &set, nullptr), 0);
    EXPECT_EQ(sigaction(signal, nullptr, &told), 0);
    EXPECT(told.sa_sigaction == count_it);
    EXPECT_EQ(told.sa_flags & (SA_SIGINFO | SA_RESTART | SA_NODEFER | SA_ONSTACK),
              SA_SIGINFO | SA_RESTART | SA_NODEFER);
    EXPECT_EQ(sigismember(&told.sa_mask, SIGHUP), 1);
    EXPECT_EQ(sigismember(&told.sa_mask, SIGINT), 0);
    restore_default(signal);
    EXPECT_EQ(sigaction(signal, nullptr, &told), 0);
    EXPECT(told.sa_handler == SIG_DFL);
  }
  struct sigaction action {};
  EXPECT_EQ(sigaction(SIGKILL, &action, nullptr), -1);
  EXPECT_EQ(sigaction(99, &action, nullptr), -1);
  EXPECT_EQ(syscall(SYS_rt_sigaction, SIGUSR1, 16, 0, 8), -1);
  signal(SIGUSR1, SIG_IGN);
  EXPECT(signal(SIGUSR1, SIG_DFL) == SIG_IGN);
}

CASE(mask_is_told_as_set) {
  sigset_t all, old, now;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  // A fault's own signals can be blocked like others; KILL and STOP cannot.
  for (int signal : {SIGSEGV, SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGUSR1, SIGPROF, SIGALRM})
    EXPECT_EQ(sigismember(&now, signal), 1);
  EXPECT_EQ(sigismember(&now, SIGKILL), 0);
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  EXPECT_EQ(memcmp(&old, &now, 8), 0);
}

uint8_t alternate_stack[65536];
volatile int on_stack;
void look_at_stack(int, siginfo_t*, void*) {
  uint8_t here = 0;
  uint8_t* address = &here;
  asm volatile("" : "+r"(address));
  stack_t now;
  sigaltstack(nullptr, &now);
  const bool inside = address >= alternate_stack && address < alternate_stack + sizeof alternate_stack;
  on_stack = inside ? 1 : 0;
  EXPECT_EQ((now.ss_flags & SS_ONSTACK) != 0, inside);
  if (inside) {
    stack_t other{};
    other.ss_flags = SS_DISABLE;
    EXPECT_EQ(sigaltstack(&other, nullptr), -1);
    EXPECT_EQ(errno, EPERM);
  }
  count = count + 1;
}

CASE(alternate_stack_use) {
  stack_t stack{}, told{};
  EXPECT_EQ(sigaltstack(nullptr, &told), 0);
  EXPECT_EQ(told.ss_flags, SS_DISABLE);
  stack.ss_sp = alternate_stack;
  stack.ss_size = sizeof alternate_stack;
  EXPECT_EQ(sigaltstack(&stack, nullptr), 0);
  EXPECT_EQ(sigaltstack(nullptr, &told), 0);
  EXPECT(told.ss_sp == alternate_stack);
  EXPECT_EQ(told.ss_size, sizeof alternate_stack);
  EXPECT_EQ(told.ss_flags, 0);
  install(SIGUSR1, look_at_stack, SA_ONSTACK);
  count = 0;
  raise(SIGUSR1);
  EXPECT_EQ(on_stack, 1);
  install(SIGUSR1, look_at_stack);
  raise(SIGUSR1);
  EXPECT_EQ(on_stack, 0);
  EXPECT_EQ(count, 2);
  stack.ss_size = 100;
  EXPECT_EQ(sigaltstack(&stack, nullptr), -1);
  EXPECT_EQ(errno, ENOMEM);
  stack.ss_flags = SS_DISABLE;
  EXPECT_EQ(sigaltstack(&stack, nullptr), 0);
  // SS_AUTODISARM: off while the handler runs, on again afterwards.
  stack.ss_flags = static_cast<int>(1u << 31);
  stack.ss_size = sizeof alternate_stack;
  EXPECT_EQ(sigaltstack(&stack, nullptr), 0);
  install(
      SIGUSR1,
      [](int, siginfo_t*, void*) {
        stack_t now{};
        sigaltstack(nullptr, &now);
        EXPECT_EQ(now.ss_flags & SS_DISABLE, SS_DISABLE);
      },
      SA_ONSTACK);
  raise(SIGUSR1);
  sigaltstack(nullptr, &told);
  EXPECT(told.ss_sp == alternate_stack);
  stack.ss_flags = SS_DISABLE;
  sigaltstack(&stack, nullptr);
}

siginfo_t information;
CASE(information_is_passed) {
  install(SIGRTMIN + 1, [](int, siginfo_t* given, void*) { information = *given; });
  sigval value;
  value.sival_ptr = reinterpret_cast<void*>(0x123456789abcull);
  sigqueue(getpid(), SIGRTMIN + 1, value);
  EXPECT_EQ(information.si_code, SI_QUEUE);
  EXPECT_EQ(information.si_pid, getpid());
  EXPECT_EQ(information.si_uid, getuid());
  EXPECT(information.si_value.sival_ptr == value.sival_ptr);
  install(SIGCHLD, [](int, siginfo_t* given, void*) { information = *given; });
  pid_t child = fork();
  if (child == 0) _exit(7);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
  }
  EXPECT_EQ(information.si_code, CLD_EXITED);
  EXPECT_EQ(information.si_pid, child);
  EXPECT_EQ(information.si_status, 7);
  restore_default(SIGCHLD);
  raise(SIGRTMIN + 1);
  EXPECT_EQ(information.si_code, SI_TKILL);
}

CASE(queued_signals_are_all_delivered) {
  install(SIGRTMIN + 2, count_it);
  count = 0;
  block(SIGRTMIN + 2);
  for (int i = 0; i < 50; ++i) raise(SIGRTMIN + 2);
  EXPECT_EQ(count, 0);
  unblock(SIGRTMIN + 2);
  EXPECT_EQ(count, 50);
}

// Lower real-time numbers first, and the order within one.
volatile int order[16], ordered;
CASE(queued_signals_keep_their_order) {
  for (int i = 0; i < 3; ++i) {
    install(SIGRTMIN + i, [](int signal, siginfo_t* given, void*) {
      order[ordered] = (signal - SIGRTMIN) * 10 + given->si_value.sival_int;
      ordered = ordered + 1;
    });
    block(SIGRTMIN + i);
  }
  ordered = 0;
  for (int i = 2; i >= 0; --i) {
    for (int k = 0; k < 2; ++k) {
      sigval value{};
      value.sival_int = k;
      sigqueue(getpid(), SIGRTMIN + i, value);
    }
  }
  sigset_t set;
  sigemptyset(&set);
  pthread_sigmask(SIG_SETMASK, &set, nullptr);
  EXPECT_EQ(ordered, 6);
  // All are pending at once: each is delivered on top of the one before it, before that one's first
  // instruction.
  const int within[] = {0, 1, 10, 11, 20, 21};
  int sum = 0;
  for (int i = 0; i < 6; ++i) sum += order[i] - within[i];
  EXPECT_EQ(sum, 0);
  for (int signal = 0; signal < 3; ++signal) {
    int first = -1, second = -1;
    for (int i = 0; i < 6; ++i) {
      if (order[i] == signal * 10) first = i;
      if (order[i] == signal * 10 + 1) second = i;
    }
    EXPECT(first < second);
  }
}

CASE(return_by_longjmp) {
  static sigjmp_buf back;
  install(SIGALRM, [](int, siginfo_t*, void*) { siglongjmp(back, 1); });
  volatile int jumps = 0;
  // The timer only starts when the buffer is whole: a jump to one without its mask leaves the signal blocked.
  if (sigsetjmp(back, 1) == 0) {
    start_timer(1000);
  } else {
    jumps = jumps + 1;
  }
  while (jumps < 100) {
    volatile Word x = 1;
    for (int i = 0; i < 1000; ++i) x = x * 3;
  }
  start_timer(0);
  EXPECT(jumps >= 100);  // the timer may come once more before it is stopped
}

// Each mask that siglongjmp restores is in force for the next fault, whatever signal comes in between.
CASE(faults_under_a_timer) {
  static sigjmp_buf back;
  static int* volatile nowhere = nullptr;
  install(SIGALRM, count_it);
  install(SIGSEGV, [](int, siginfo_t*, void*) { siglongjmp(back, 1); });
  count = 0;
  start_timer(1000);
  volatile int faults = 0;
  while (faults < 60000) {
    faults = faults + 1;
    if (sigsetjmp(back, 1) == 0) *nowhere = 1;
  }
  start_timer(0);
  EXPECT_EQ(faults, 60000);
}

CASE(return_without_mask_by_longjmp) {
  static jmp_buf back;
  install(SIGUSR1, [](int, siginfo_t*, void*) { longjmp(back, 1); });
  if (setjmp(back) == 0) raise(SIGUSR1);
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  EXPECT_EQ(sigismember(&now, SIGUSR1), 1);
  unblock(SIGUSR1);
}

CASE(mask_changed_in_context) {
  install(SIGUSR1, [](int, siginfo_t*, void* context) {
    sigaddset(&static_cast<ucontext_t*>(context)->uc_sigmask, SIGUSR2);
  });
  raise(SIGUSR1);
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  EXPECT_EQ(sigismember(&now, SIGUSR2), 1);
  unblock(SIGUSR2);
}

// Signals to a busy thread from others: none lost when each waits for the one before.
volatile int stop;
void* busy(void*) {
  volatile Word x = 1;
  while (stop == 0) x = x * 5 + 1;
  return nullptr;
}

CASE(signals_to_busy_threads) {
  install(SIGUSR2, count_it);
  pthread_t threads[3];
  count = stop = 0;
  for (pthread_t& thread : threads) pthread_create(&thread, nullptr, busy, nullptr);
  for (int i = 0; i < 90; ++i) {
    const int before = count;
    EXPECT_EQ(pthread_kill(threads[i % 3], SIGUSR2), 0);
    while (count == before) sched_yield();
  }
  stop = 1;
  for (pthread_t& thread : threads) pthread_join(thread, nullptr);
  EXPECT_EQ(count, 90);
}

CASE(child_signals_storm) {
  static volatile int reaped;
  reaped = 0;
  install(
      SIGCHLD,
      [](int, siginfo_t*, void*) {
        int saved = errno;
        while (waitpid(-1, nullptr, WNOHANG) > 0) reaped = reaped + 1;
        errno = saved;
      },
      SA_RESTART);
  for (int i = 0; i < 40; ++i) {
    if (fork() == 0) _exit(0);
  }
  while (reaped < 40) {
    timespec little{0, 1000000};
    nanosleep(&little, nullptr);
  }
  EXPECT_EQ(reaped, 40);
  restore_default(SIGCHLD);
}

}  // namespace

TEST_MAIN()

// System calls that a signal interrupts: which return EINTR, which start again, and the calls that wait for
// signals. A signal between the check and the call must not be lost.
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "case.h"
#include "signal_tools.h"

namespace {

using test::block;
using test::install;
using test::unblock;

volatile int count;
void count_it(int, siginfo_t*, void*) {
  count = count + 1;
}

// The timer goes on until stopped: a signal that came before the call was entered is followed by another.
void alarms(bool on) {
  itimerval timer{};
  if (on) timer.it_interval.tv_usec = timer.it_value.tv_usec = 3000;
  setitimer(ITIMER_REAL, &timer, nullptr);
}

// `call` must fail with EINTR when the handler was installed with `flags`.
template <typename Call>
void expect_interrupted(int line, int flags, Call call) {
  install(SIGALRM, count_it, flags);
  count = 0;
  alarms(true);
  errno = 0;
  const long result = call();
  const int error = errno;
  alarms(false);
  if (result != -1 || error != EINTR || count == 0) {
    char text[100];
    snprintf(text, sizeof text, "interrupted: result %ld, errno %d, signals %d", result, error, count > 0);
    test::fail(__FILE__, line, text);
  }
}
#define INTERRUPTED(flags, call) expect_interrupted(__LINE__, flags, [&] { return static_cast<long>(call); })

int pipes[2];

CASE(eintr_without_restart) {
  EXPECT_EQ(pipe(pipes), 0);
  char byte = 0;
  INTERRUPTED(0, read(pipes[0], &byte, 1));
  int sockets[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  INTERRUPTED(0, recv(sockets[0], &byte, 1, 0));
  iovec vector{&byte, 1};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  INTERRUPTED(0, recvmsg(sockets[0], &message, 0));
  INTERRUPTED(0, recvfrom(sockets[0], &byte, 1, 0, nullptr, nullptr));
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(listen(listener, 1), 0);
  INTERRUPTED(0, accept(listener, nullptr, nullptr));
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  INTERRUPTED(0, waitpid(child, nullptr, 0));
  INTERRUPTED(0, waitid(P_PID, static_cast<id_t>(child), nullptr, WEXITED));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  // A pipe that is full.
  fcntl(pipes[1], F_SETFL, O_NONBLOCK);
  char page[4096] = {};
  while (write(pipes[1], page, sizeof page) > 0) {
  }
  fcntl(pipes[1], F_SETFL, 0);
  INTERRUPTED(0, write(pipes[1], page, sizeof page));
  int word = 5;
  INTERRUPTED(0, syscall(SYS_futex, &word, FUTEX_WAIT, 5, nullptr, nullptr, 0));
  for (int file : {pipes[0], pipes[1], sockets[0], sockets[1], listener}) close(file);
}

// These return EINTR even with SA_RESTART.
CASE(eintr_always) {
  pollfd nothing{-1, 0, 0};
  fd_set set;
  FD_ZERO(&set);
  timespec second{1, 0};
  sigset_t empty;
  sigemptyset(&empty);
  int events = epoll_create1(0);
  epoll_event event;
  for (int flags : {0, SA_RESTART}) {
    INTERRUPTED(flags, poll(&nothing, 1, 5000));
    INTERRUPTED(flags, ppoll(&nothing, 1, nullptr, nullptr));
    INTERRUPTED(flags, select(0, &set, nullptr, nullptr, nullptr));
    INTERRUPTED(flags, pselect(0, &set, nullptr, nullptr, nullptr, nullptr));
    INTERRUPTED(flags, epoll_wait(events, &event, 1, -1));
    INTERRUPTED(flags, epoll_pwait(events, &event, 1, -1, &empty));
    INTERRUPTED(flags, pause());
    INTERRUPTED(flags, sigsuspend(&empty));
    INTERRUPTED(flags, nanosleep(&second, nullptr));
    sigset_t other;
    sigemptyset(&other);
    sigaddset(&other, SIGHUP);
    INTERRUPTED(flags, sigtimedwait(&other, nullptr, &second));
    msgbuf* buffer = static_cast<msgbuf*>(calloc(1, 64));
    int queue = msgget(IPC_PRIVATE, 0600);
    if (queue >= 0) {
      INTERRUPTED(flags, msgrcv(queue, buffer, 8, 0, 0));
      msgctl(queue, IPC_RMID, nullptr);
    }
    int semaphores = semget(IPC_PRIVATE, 1, 0600);
    if (semaphores >= 0) {
      sembuf down{0, -1, 0};
      INTERRUPTED(flags, semop(semaphores, &down, 1));
      semctl(semaphores, 0, IPC_RMID);
    }
    free(buffer);
  }
  close(events);
}

CASE(sleep_tells_the_rest) {
  install(SIGALRM, count_it);
  alarms(true);
  timespec wanted{5, 0}, rest{};
  EXPECT_EQ(nanosleep(&wanted, &rest), -1);
  alarms(false);
  EXPECT(rest.tv_sec == 4);
  timespec until{};
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += 5;
  alarms(true);
  EXPECT_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr), EINTR);
  alarms(false);
}

// With SA_RESTART these go on: the writer comes after some signals.
void* write_later(void*) {
  while (count < 5) sched_yield();
  (void)!write(pipes[1], "x", 1);
  return nullptr;
}
template <typename Call>
void expect_restarted(int line, Call call) {
  install(SIGALRM, count_it, SA_RESTART);
  block(SIGALRM);  // the other thread inherits it: signals go to this one
  count = 0;
  pthread_t thread;
  pthread_create(&thread, nullptr, write_later, nullptr);
  unblock(SIGALRM);
  alarms(true);
  const long result = call();
  const int error = errno;
  alarms(false);
  pthread_join(thread, nullptr);
  if (result != 1 || count < 5) {
    char text[100];
    snprintf(text, sizeof text, "restarted: result %ld, errno %d, enough signals %d", result, error,
             count >= 5);
    test::fail(__FILE__, line, text);
  }
}
#define RESTARTED(call) expect_restarted(__LINE__, [&] { return static_cast<long>(call); })

CASE(restarted) {
  char byte = 0;
  EXPECT_EQ(pipe(pipes), 0);
  RESTARTED(read(pipes[0], &byte, 1));
  iovec vector{&byte, 1};
  RESTARTED(readv(pipes[0], &vector, 1));
  close(pipes[0]);
  close(pipes[1]);
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pipes), 0);
  RESTARTED(recv(pipes[0], &byte, 1, 0));
  RESTARTED(read(pipes[0], &byte, 1));
  close(pipes[0]);
  close(pipes[1]);
}

CASE(restarted_wait_for_child) {
  install(SIGALRM, count_it, SA_RESTART);
  int to_child[2];
  EXPECT_EQ(pipe(to_child), 0);
  pid_t child = fork();
  if (child == 0) {
    char byte;
    close(to_child[1]);
    _exit(read(to_child[0], &byte, 1) == 0 ? 3 : 4);
  }
  count = 0;
  static int end;
  end = to_child[1];
  install(
      SIGALRM,
      [](int, siginfo_t*, void*) {
        count = count + 1;
        if (count == 5) close(end);
      },
      SA_RESTART);
  alarms(true);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  alarms(false);
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT(count >= 5);
  close(to_child[0]);
}

CASE(restarted_futex) {
  // A timed wait is restarted by the kernel with the rest of its time (restart_syscall).
  install(SIGALRM, count_it, SA_RESTART);
  int word = 1;
  timespec wait{0, 30000000};
  count = 0;
  alarms(true);
  const long result = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 1, &wait, nullptr, ~0);
  alarms(false);
  EXPECT_EQ(result, -1);
  EXPECT(errno == ETIMEDOUT || errno == EINTR);
  // Stopped and continued: nanosleep goes on with its rest, no handler is run.
  pid_t child = fork();
  if (child == 0) {
    timespec sleep{0, 60000000}, before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    const int slept = nanosleep(&sleep, nullptr);
    clock_gettime(CLOCK_MONOTONIC, &after);
    const long took = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    _exit(slept == 0 && took >= 59 ? 5 : 6);
  }
  int status = 0;
  bool has_ended = false;  // before it could be stopped five times
  for (int i = 0; i < 5 && !has_ended; ++i) {
    kill(child, SIGSTOP);
    if (waitpid(child, &status, WUNTRACED) != child) break;
    has_ended = !WIFSTOPPED(status);
    if (!has_ended) kill(child, SIGCONT);
    timespec little{0, 3000000};
    nanosleep(&little, nullptr);
  }
  if (!has_ended) EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 5);
}

CASE(partial_transfers) {
  // A long write into a pipe that is read slowly: the count of bytes is right in spite of signals.
  install(SIGALRM, count_it, SA_RESTART);
  EXPECT_EQ(pipe(pipes), 0);
  constexpr size_t kSize = 4u << 20;
  auto* data = static_cast<uint8_t*>(malloc(kSize));
  for (size_t i = 0; i < kSize; ++i) data[i] = static_cast<uint8_t>(i * 31 + (i >> 12));
  pid_t child = fork();
  if (child == 0) {
    close(pipes[1]);
    size_t position = 0;
    uint8_t buffer[3000];
    ssize_t got;
    while ((got = read(pipes[0], buffer, sizeof buffer)) > 0) {
      for (ssize_t i = 0; i < got; ++i, ++position)
        if (buffer[i] != static_cast<uint8_t>(position * 31 + (position >> 12))) _exit(1);
    }
    _exit(position == kSize ? 0 : 2);
  }
  close(pipes[0]);
  alarms(true);
  size_t done = 0;
  while (done < kSize) {
    ssize_t wrote = write(pipes[1], data + done, kSize - done);
    if (wrote < 0 && errno == EINTR) continue;
    EXPECT(wrote > 0);
    if (wrote <= 0) break;
    done += static_cast<size_t>(wrote);
  }
  close(pipes[1]);
  int status = 1;
  while (waitpid(child, &status, 0) < 0) {
  }
  alarms(false);
  EXPECT_EQ(status, 0);
  free(data);
}

void* send_later(void* argument) {
  for (int i = 0; i < 20; ++i) sched_yield();
  kill(getpid(), static_cast<int>(reinterpret_cast<intptr_t>(argument)));
  return nullptr;
}

CASE(sigsuspend_is_atomic) {
  // The signal is blocked but for the time of the call: each round must see exactly one.
  install(SIGUSR1, count_it);
  block(SIGUSR1);
  sigset_t open;
  sigfillset(&open);
  sigdelset(&open, SIGUSR1);
  count = 0;
  for (int i = 0; i < 100; ++i) {
    pthread_t thread;
    pthread_create(&thread, nullptr, send_later, reinterpret_cast<void*>(static_cast<intptr_t>(SIGUSR1)));
    EXPECT_EQ(sigsuspend(&open), -1);
    EXPECT_EQ(errno, EINTR);
    EXPECT_EQ(count, i + 1);
    pthread_join(thread, nullptr);
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    EXPECT_EQ(sigismember(&now, SIGUSR1), 1);
  }
  // Already pending.
  raise(SIGUSR1);
  EXPECT_EQ(count, 100);
  sigsuspend(&open);
  EXPECT_EQ(count, 101);
  unblock(SIGUSR1);
}

CASE(ppoll_and_pselect_are_atomic) {
  install(SIGUSR1, count_it);
  block(SIGUSR1);
  sigset_t open;
  sigfillset(&open);
  sigdelset(&open, SIGUSR1);
  count = 0;
  int events = epoll_create1(0);
  for (int i = 0; i < 60; ++i) {
    raise(SIGUSR1);
    EXPECT_EQ(count, i);
    int result = 0;
    epoll_event event;
    if (i % 3 == 0) {
      result = ppoll(nullptr, 0, nullptr, &open);
    } else if (i % 3 == 1) {
      result = pselect(0, nullptr, nullptr, nullptr, nullptr, &open);
    } else {
      result = epoll_pwait(events, &event, 1, -1, &open);
    }
    EXPECT_EQ(result, -1);
    EXPECT_EQ(errno, EINTR);
    EXPECT_EQ(count, i + 1);
  }
  // With descriptors that are ready the call returns them, not EINTR, and a blocked signal stays pending.
  EXPECT_EQ(pipe(pipes), 0);
  EXPECT_EQ(write(pipes[1], "x", 1), 1);
  pollfd ready{pipes[0], POLLIN, 0};
  timespec none{0, 0};
  EXPECT_EQ(ppoll(&ready, 1, &none, nullptr), 1);
  close(pipes[0]);
  close(pipes[1]);
  close(events);
  unblock(SIGUSR1);
}

CASE(sigwait_takes_signals) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGRTMIN);
  install(SIGUSR1, count_it);
  install(SIGRTMIN, count_it);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  count = 0;
  for (int i = 0; i < 50; ++i) {
    sigval value{};
    value.sival_int = i;
    if (i % 2 != 0) {
      sigqueue(getpid(), SIGRTMIN, value);
      siginfo_t information{};
      EXPECT_EQ(sigwaitinfo(&set, &information), SIGRTMIN);
      EXPECT_EQ(information.si_value.sival_int, i);
    } else {
      pthread_t thread;
      pthread_create(&thread, nullptr, send_later, reinterpret_cast<void*>(static_cast<intptr_t>(SIGUSR1)));
      int got = 0;
      EXPECT_EQ(sigwait(&set, &got), 0);
      EXPECT_EQ(got, SIGUSR1);
      pthread_join(thread, nullptr);
    }
  }
  timespec none{0, 0};
  EXPECT_EQ(sigtimedwait(&set, nullptr, &none), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(count, 0);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

CASE(signalfd_reads_signals) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGSEGV);
  sigaddset(&set, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  int file = signalfd(-1, &set, 0);
  EXPECT(file >= 0);
  signalfd_siginfo information{};
  for (int signal : {SIGUSR1, SIGSEGV}) {
    kill(getpid(), signal);
    EXPECT_EQ(read(file, &information, sizeof information), static_cast<ssize_t>(sizeof information));
    EXPECT_EQ(static_cast<int>(information.ssi_signo), signal);
    EXPECT_EQ(static_cast<int>(information.ssi_pid), getpid());
  }
  alarms(true);
  for (int i = 0; i < 10; ++i) {
    pollfd ready{file, POLLIN, 0};
    EXPECT_EQ(poll(&ready, 1, 5000), 1);
    EXPECT_EQ(read(file, &information, sizeof information), static_cast<ssize_t>(sizeof information));
    EXPECT_EQ(static_cast<int>(information.ssi_signo), SIGALRM);
  }
  alarms(false);
  timespec none{0, 0};
  sigtimedwait(&set, nullptr, &none);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  close(file);
}

CASE(pending_is_told) {
  sigset_t pending;
  block(SIGUSR1);
  raise(SIGUSR1);
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGUSR1), 1);
  EXPECT_EQ(sigismember(&pending, SIGUSR2), 0);
  signal(SIGUSR1, SIG_IGN);
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGUSR1), 0);
  unblock(SIGUSR1);
}

CASE(timers) {
  // POSIX timers by signal and by thread, timerfd, and interval timers of CPU time.
  install(SIGRTMIN + 3, count_it);
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGRTMIN + 3;
  timer_t timer;
  EXPECT_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  itimerspec times{{0, 1000000}, {0, 1000000}};
  count = 0;
  EXPECT_EQ(timer_settime(timer, 0, &times, nullptr), 0);
  while (count < 50) pause();
  EXPECT_EQ(timer_delete(timer), 0);
  static volatile int called;
  called = 0;
  event = {};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = [](sigval) { __atomic_fetch_add(&called, 1, __ATOMIC_SEQ_CST); };
  EXPECT_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  EXPECT_EQ(timer_settime(timer, 0, &times, nullptr), 0);
  while (called < 10) sched_yield();
  timer_delete(timer);
  int file = timerfd_create(CLOCK_MONOTONIC, 0);
  timerfd_settime(file, 0, &times, nullptr);
  uint64_t ticks = 0, total = 0;
  while (total < 10) {
    EXPECT_EQ(read(file, &ticks, 8), 8);
    total += ticks;
  }
  close(file);
  install(SIGVTALRM, count_it);
  install(SIGPROF, count_it);
  for (int which : {ITIMER_VIRTUAL, ITIMER_PROF}) {
    itimerval cpu{};
    cpu.it_interval.tv_usec = cpu.it_value.tv_usec = 4000;
    count = 0;
    setitimer(which, &cpu, nullptr);
    volatile unsigned x = 1;
    while (count < 5) x = x * 3;
    cpu = {};
    setitimer(which, &cpu, nullptr);
  }
}

CASE(semaphore_interrupted) {
  sem_t semaphore;
  sem_init(&semaphore, 0, 0);
  INTERRUPTED(0, sem_wait(&semaphore));
  sem_destroy(&semaphore);
}

}  // namespace

TEST_MAIN()

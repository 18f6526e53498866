// A program to be taken over and let go again while it runs, for attach_test.py: eight threads that each do
// one thing that must not be disturbed, and count what they did. Reads lines: "p" prints the counts, "q"
// ends; says "wrong: ..." and ends with 1 as soon as anything is.
#include <fcntl.h>
#include <immintrin.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

std::atomic<bool> stopping{false};
std::atomic<uint64_t> counts[9];

[[noreturn]] void wrong(const char* what, long value = 0) {
  char text[200];
  const int length = snprintf(text, sizeof text, "wrong: %s %ld (errno %d)\n", what, value, errno);
  if (write(1, text, static_cast<size_t>(length)) < 0) _exit(3);
  _exit(1);
}

uint64_t checksum(uint64_t seed) {
  uint64_t x = seed;
  for (int i = 0; i < 3000; i++) x = (x << 7 | x >> 57) * 0x9e3779b97f4a7c15 + static_cast<uint64_t>(i);
  return x;
}

void compute() {
  static const uint64_t expected = checksum(42);
  if (checksum(42) != expected) wrong("checksum");
  // With what looks like the number of a system call that is to be restarted.
  uint64_t turns = 20000;
  asm volatile("mov $219, %%eax\n 1: dec %0\n jnz 1b" : "+r"(turns) : : "rax", "cc");
}

// Values that live in vector and x87 registers for long.
__attribute__((target("avx"))) void vectors() {
  __m256d sum = _mm256_set_pd(1, 2, 3, 4);
  const __m256d step = _mm256_set_pd(0.5, 0.25, 0.125, 1);
  long double slow = 1;
  for (int i = 0; i < 2000; i++) {
    sum = _mm256_add_pd(sum, step);
    asm volatile("" : "+x"(sum));
    slow += 0.5L;
    asm volatile("" : "+t"(slow));
  }
  alignas(32) double values[4];
  _mm256_store_pd(values, sum);
  if (values[0] != 2004 || values[1] != 253 || values[2] != 502 || values[3] != 1001)
    wrong("vector registers");
  if (slow != 1001) wrong("x87 registers");
}

void sleep_a_little() {
  const timespec time{0, 300'000};
  if (nanosleep(&time, nullptr)) wrong("nanosleep");
  const timespec later{0, 200'000};
  if (clock_nanosleep(CLOCK_MONOTONIC, 0, &later, nullptr)) wrong("clock_nanosleep");
}

void wait_for_events() {
  static const int queue = epoll_create1(0);
  epoll_event event{};
  const int got = epoll_wait(queue, &event, 1, 1);
  // The one call here that a stop by ptrace(2) interrupts natively too; see signal(7).
  if (got != 0 && errno != EINTR) wrong("epoll_wait", got);
  if (const int polled = poll(nullptr, 0, 1)) wrong("poll", polled);
}

int ping[2], pong[2];

void send_numbers() {
  static uint64_t number = 0;
  uint64_t answer = 0;
  if (write(ping[1], &number, sizeof number) != sizeof number) wrong("write");
  if (read(pong[0], &answer, sizeof answer) != sizeof answer) wrong("read answer");
  if (answer != number * 3) wrong("answer", static_cast<long>(answer));
  number++;
}

void answer_numbers() {
  static uint64_t expected = 0;
  uint64_t number = 0;
  if (read(ping[0], &number, sizeof number) != sizeof number) wrong("read number");
  if (number != expected++) wrong("number", static_cast<long>(number));
  number *= 3;
  if (write(pong[1], &number, sizeof number) != sizeof number) wrong("write answer");
}

std::atomic<uint64_t> signals_got{0};
uint64_t signals_sent = 0;

void signals() {
  const uint64_t before = signals_got;
  sigval value{};
  value.sival_int = static_cast<int>(signals_sent & 0xffff);
  if (pthread_sigqueue(pthread_self(), SIGRTMIN + 1, value)) wrong("pthread_sigqueue");
  signals_sent++;
  if (signals_got != before + 1) wrong("a signal to itself is lost");
}

void on_signal(int, siginfo_t* info, void*) {
  if (info->si_value.sival_int != static_cast<int>(signals_got & 0xffff)) wrong("signals out of order");
  signals_got++;
}

thread_local int own = 5;

void make_threads() {
  pthread_t thread;
  const int error = pthread_create(
      &thread, nullptr,
      [](void* argument) -> void* {
        own += 2;
        return own == 7 ? argument : nullptr;
      },
      &own);
  if (error) wrong("pthread_create", error);
  void* result = nullptr;
  if (pthread_join(thread, &result) || result != &own) wrong("pthread_join");
  sched_yield();
}

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

void wait_with_deadline() {
  timespec deadline{};
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_nsec += 500'000;
  if (deadline.tv_nsec >= 1'000'000'000) deadline.tv_nsec -= 1'000'000'000, deadline.tv_sec++;
  pthread_mutex_lock(&mutex);
  const int error = pthread_cond_timedwait(&changed, &mutex, &deadline);
  pthread_mutex_unlock(&mutex);
  if (error != ETIMEDOUT) wrong("pthread_cond_timedwait", error);
}

void (*const works[])() = {compute,        vectors, sleep_a_little, wait_for_events,   send_numbers,
                           answer_numbers, signals, make_threads,   wait_with_deadline};
constexpr long kWorks = sizeof works / sizeof works[0];

void* run(void* argument) {
  const long number = reinterpret_cast<long>(argument);
  // The pair that exchanges numbers must do the same number of them; others leave when they are told to.
  while (!stopping || number == 5) {
    works[number]();
    counts[number]++;
  }
  return nullptr;
}

}  // namespace

int main() {
  if (pipe(ping) || pipe(pong)) wrong("pipe");
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGRTMIN + 1, &action, nullptr);
  pthread_t threads[kWorks];
  for (long i = 0; i < kWorks; i++)
    if (pthread_create(&threads[i], nullptr, run, reinterpret_cast<void*>(i))) wrong("pthread_create");
  printf("ready %d\n", getpid());
  fflush(stdout);
  char line[16];
  while (fgets(line, sizeof line, stdin) && line[0] != 'q') {
    for (const auto& count : counts) printf("%lu ", count.load());
    printf("\n");
    fflush(stdout);
  }
  stopping = true;
  for (long i = 0; i < kWorks; i++)
    if (i != 5) pthread_join(threads[i], nullptr);
  if (signals_got != signals_sent) wrong("signals are lost", static_cast<long>(signals_sent - signals_got));
  printf("good\n");
  fflush(stdout);
  _exit(0);
}

// A program whose functions calls_tool.cc calls and replaces, while a timer's signals come as they please.
#include <signal.h>
#include <sys/time.h>

#include <cstdio>

namespace {

volatile sig_atomic_t ticks = 0;

void tick(int) {
  ticks = ticks + 1;
}

}  // namespace

extern "C" {
__attribute__((noinline)) int mixed(int a, double d, long b, long c, long e, long f, long g, long h) {
  volatile int sum = 0;
  for (int i = 0; i < 20; ++i) sum = sum + i;
  return a + static_cast<int>(d * 2) + static_cast<int>(b + c + e + f + g * 100 + h * 1000);
}
__attribute__((noinline)) double half(double x) {
  asm volatile("");
  return x / 2;
}
__attribute__((noinline)) int plain(int x) {
  asm volatile("");
  return x + 1;
}
__attribute__((noinline)) int recursive(int n) {
  asm volatile("");
  return n == 0 ? 0 : 1 + recursive(n - 1);
}
}

int main() {
  itimerval every{};
  every.it_interval.tv_usec = every.it_value.tv_usec = 1000;
  signal(SIGALRM, tick);
  setitimer(ITIMER_REAL, &every, nullptr);
  long total = 0;
  double halves = 0;
  int round = 0;
  // A slow machine gets its signals too.
  for (; round < 1000 || (ticks < 5 && round < 10000000); ++round) {
    total += mixed(round, 1.5, 1, 1, 1, 1, 1, 1) - round;
    halves += half(1);
  }
  signal(SIGALRM, SIG_IGN);
  std::printf("%ld %.1f %d %d %d\n", total / round, halves / round, plain(41), recursive(5), ticks >= 5);
  return 0;
}

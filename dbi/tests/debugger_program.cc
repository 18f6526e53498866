// What debugger_test.py looks at: a function that is called by two threads, a loop that a debugger
// interrupts, a fault.
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

volatile int total = 0;
volatile bool is_done = false;

extern "C" __attribute__((noinline)) int add(int a, int b) {
  total = total + a * b;
  return total;
}
extern "C" __attribute__((noinline)) void spin() {
  while (!is_done) {
  }
}
extern "C" __attribute__((noinline)) void last() {
  asm volatile("");
}

namespace {
jmp_buf back;
void on_fault(int) {
  longjmp(back, 1);
}
}  // namespace

int main() {
  for (int i = 0; i < 5; ++i) add(i, 2);
  std::thread([] { add(10, 1); }).join();
  spin();
  std::signal(SIGSEGV, on_fault);
  if (setjmp(back) == 0) *reinterpret_cast<volatile int*>(8) = 1;
  last();
  std::printf("total %d\n", total);
  return 5;
}

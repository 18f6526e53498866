// Loops that jump about in themselves: an engine that lays such a path out as one trace must still know where
// in the program it is, and which pages the trace was made of.
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "case.h"
#include "signal_tools.h"

namespace {

using test::install;
using test::reg;

struct Seen {
  volatile int count;
  volatile uint64_t pc, rounds;
} seen;
uint64_t resume_at;

void record(int, siginfo_t*, void* context) {
  seen.count = seen.count + 1;
  seen.pc = static_cast<uint64_t>(reg(context, REG_RIP));
  seen.rounds = static_cast<uint64_t>(reg(context, REG_RBX));
  reg(context, REG_RIP) = static_cast<greg_t>(resume_at);
}

CASE(fault_behind_jumps_of_a_loop) {
  install(SIGSEGV, record);
  seen = {};
  uint64_t pc = 0, rounds = 0;
  asm volatile(
      "lea 8f(%%rip), %%rax\n mov %%rax, %0\n lea 9f(%%rip), %%rax\n mov %%rax, %1\n"
      "xor %%ebx, %%ebx\n mov $40, %%ecx\n xor %%eax, %%eax\n"
      "1: jmp 2f\n .skip 200, 0xcc\n"
      "2: inc %%rbx\n cmp $3, %%ecx\n jne 3f\n jmp 4f\n .skip 30, 0xcc\n"
      "4: lea 1(%%rax), %%rdx\n 8: mov 0x10(%%rax), %%rax\n ud2\n"
      "9: mov $1, %%esi\n"
      "3: jmp 5f\n ud2\n"
      "5: dec %%ecx\n jnz 1b\n mov %%rbx, %2\n"
      : "=m"(pc), "=m"(resume_at), "=m"(rounds)::"rax", "rbx", "rcx", "rdx", "rsi", "memory", "cc");
  EXPECT_EQ(seen.count, 1);
  EXPECT_EQ(seen.pc, pc);
  EXPECT_EQ(seen.rounds, 38u);
  EXPECT_EQ(rounds, 40u);
}

// Two pages of a file: a loop that begins at the end of the first, and adds `addend` in the second.
//   mov rcx, rdi; xor eax, eax; loop: jmp body; body: add rax, addend; dec rcx; jnz loop; ret
constexpr size_t kPage = 4096, kBegin = kPage - 32, kBody = kPage + 300;
int file_with_loop(uint8_t addend) {
  static uint8_t pages[2 * kPage];
  memset(pages, 0xcc, sizeof pages);
  const uint8_t head[] = {0x48, 0x89, 0xf9, 0x31, 0xc0};
  const uint8_t body[] = {0x48, 0x83, 0xc0, addend, 0x48, 0xff, 0xc9, 0x0f, 0x85};
  constexpr size_t kLoop = kBegin + sizeof head, kEnd = kBody + sizeof body + 4;
  const auto there = static_cast<int32_t>(kBody - (kLoop + 5));
  const auto back = static_cast<int32_t>(static_cast<int64_t>(kLoop) - static_cast<int64_t>(kEnd));
  memcpy(pages + kBegin, head, sizeof head);
  pages[kLoop] = 0xe9;
  memcpy(pages + kLoop + 1, &there, 4);
  memcpy(pages + kBody, body, sizeof body);
  memcpy(pages + kBody + sizeof body, &back, 4);
  pages[kEnd] = 0xc3;
  FILE* file = tmpfile();
  if (file == nullptr || fwrite(pages, 1, sizeof pages, file) != sizeof pages || fflush(file) != 0) return -1;
  return fileno(file);
}

CASE(second_page_of_a_loop_is_replaced) {
  const int first = file_with_loop(1), second = file_with_loop(7);
  void* memory = mmap(nullptr, 2 * kPage, PROT_READ | PROT_EXEC, MAP_PRIVATE, first, 0);
  EXPECT(memory != MAP_FAILED);
  if (memory == MAP_FAILED) return;
  auto* const pages = static_cast<uint8_t*>(memory);
  const auto function = reinterpret_cast<uint64_t (*)(uint64_t)>(pages + kBegin);
  EXPECT_EQ(function(100), 100u);
  void* again = mmap(pages + kPage, kPage, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, second, kPage);
  EXPECT(again == pages + kPage);
  EXPECT_EQ(function(100), 700u);
  munmap(memory, 2 * kPage);
}

volatile int ticks;
volatile uint64_t low, high, strays;

void tick(int, siginfo_t*, void* context) {
  const auto pc = static_cast<uint64_t>(reg(context, REG_RIP));
  if (low != 0 && (pc < low || pc >= high)) strays = strays + 1;
  ticks = ticks + 1;
}

// The timer finds the thread anywhere in the loop.
CASE(timer_in_a_loop_that_jumps) {
  install(SIGALRM, tick);
  ticks = 0;
  strays = 0;
  uint64_t sum = 0;
  const itimerval often{{0, 1000}, {0, 1000}}, never{};
  setitimer(ITIMER_REAL, &often, nullptr);
  asm volatile(
      "lea 1f(%%rip), %%rax\n mov %%rax, %1\n lea 9f(%%rip), %%rax\n mov %%rax, %2\n xor %%ebx, %%ebx\n"
      "1: jmp 2f\n .skip 100, 0xcc\n"
      "2: inc %%rbx\n jmp 3f\n ud2\n"
      "3: cmpl $20, %3\n jb 1b\n"
      "9: movq $0, %1\n mov %%rbx, %0\n"
      : "=m"(sum), "=m"(low), "=m"(high)
      : "m"(ticks)
      : "rax", "rbx", "memory", "cc");
  setitimer(ITIMER_REAL, &never, nullptr);
  EXPECT(sum > 0);
  EXPECT_EQ(strays, 0u);
  EXPECT(ticks >= 20);
}

}  // namespace

TEST_MAIN()

// The flags register as a whole, single steps that the program asks for, and what system calls do to
// registers.
#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

#include "case.h"
#include "signal_tools.h"

namespace {

using Word = uint64_t;
using test::install;
using test::reg;

CASE(flags_by_pushf_and_popf) {
  for (Word set : {0x202u, 0x203u, 0x246u, 0xa97u, 0xed7u, 0x602u}) {
    Word read = 0;
    asm volatile("sub $128, %%rsp\n push %1\n popf\n pushf\n pop %0\n cld\n add $128, %%rsp"
                 : "=&r"(read)
                 : "r"(set)
                 : "memory", "cc");
    EXPECT_EQ(read, set);
  }
  // Alignment checks and the identification flag can be set by programs.
  Word read = 0;
  asm volatile(R"(sub $128, %%rsp
    pushf
    orq $0x200000, (%%rsp)
    popf
    pushf
    pop %0
    push $0x202
    popf
    add $128, %%rsp)"
               : "=&r"(read)::"memory", "cc");
  EXPECT_EQ(read & 0x200000, 0x200000u);
}

CASE(flags_by_lahf_and_sahf) {
  Word result = 0;
  asm volatile("mov $0xd700, %%eax\n sahf\n mov $0, %%eax\n lahf\n mov %%rax, %0"
               : "=r"(result)::"rax", "cc");
  EXPECT_EQ(result, 0xd700u);
  asm volatile("mov $0, %%eax\n sahf\n lahf\n mov %%rax, %0" : "=r"(result)::"rax", "cc");
  EXPECT_EQ(result, 0x200u);
}

CASE(pushf_sizes) {
  Word moved = 0, value = 0;
  asm volatile(R"(sub $128, %%rsp
    mov %%rsp, %0
    xor %%eax, %%eax
    stc
    pushfw
    sub %%rsp, %0
    movzwl (%%rsp), %%eax
    mov %%rax, %1
    popfw
    add $128, %%rsp)"
               : "=&r"(moved), "=&r"(value)::"rax", "memory", "cc");
  EXPECT_EQ(moved, 2u);
}

CASE(syscall_registers) {
  // rcx = address behind, r11 = flags, all others as before.
  Word rcx = 0, r11 = 0, expected = 0, sum = 0, rax = 0;
  asm volatile(R"(
    mov $1, %%ebx
    mov $2, %%edx
    mov $3, %%esi
    mov $4, %%edi
    mov $5, %%r8d
    mov $6, %%r9d
    mov $7, %%r10d
    mov $8, %%r12d
    mov $9, %%r13d
    mov $39, %%eax
    cmp %%eax, %%eax
    stc
    syscall
  1: mov %%rax, %4
    lea 1b(%%rip), %%rax
    mov %%rcx, %0
    mov %%r11, %1
    mov %%rax, %2
    lea (%%rbx,%%rdx), %%rax
    add %%rsi, %%rax
    add %%rdi, %%rax
    add %%r8, %%rax
    add %%r9, %%rax
    add %%r10, %%rax
    add %%r12, %%rax
    add %%r13, %%rax
    mov %%rax, %3)"
               : "=m"(rcx), "=m"(r11), "=m"(expected), "=m"(sum), "=m"(rax)::"rax", "rbx", "rcx", "rdx",
                 "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "memory", "cc");
  EXPECT_EQ(rcx, expected);
  EXPECT_EQ(r11 & 0xad5, 0x245u);
  EXPECT_EQ(sum, 45u);
  EXPECT_EQ(rax, static_cast<Word>(getpid()));
}

CASE(syscall_keeps_flags) {
  Word flags = 0;
  asm volatile(
      "sub $128, %%rsp\n mov $39, %%eax\n push $0xad7\n popf\n syscall\n pushf\n pop %0\n cld\n add $128, "
      "%%rsp"
      : "=&r"(flags)::"rax", "rcx", "r11", "memory", "cc");
  EXPECT_EQ(flags & 0xad5, 0xad5u & 0xad5);
}

CASE(unknown_system_calls) {
  Word result = 0;
  asm volatile("syscall" : "=a"(result) : "a"(9999) : "rcx", "r11", "memory");
  EXPECT_EQ(result, static_cast<Word>(-ENOSYS));
  asm volatile("syscall" : "=a"(result) : "a"(-1ll) : "rcx", "r11", "memory");
  EXPECT_EQ(result, static_cast<Word>(-ENOSYS));
  asm volatile("syscall" : "=a"(result) : "a"(0x100000000 + SYS_getpid) : "rcx", "r11", "memory");
  // The kernel takes eax alone.
  EXPECT_EQ(result, static_cast<Word>(getpid()));
}

// The old system calls by int 0x80; not every kernel has them.
CASE(int_80) {
  pid_t child = fork();
  if (child == 0) {
    int result = 0;
    asm volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    _exit(result == getpid() ? 0 : result == -ENOSYS ? 2 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status) || WEXITSTATUS(status) == 2) SKIP("this kernel has no 32-bit system calls");
  EXPECT_EQ(WEXITSTATUS(status), 0);
  // r8 to r11 are kept or cleared as the kernel likes; all else stays, and 32-bit arguments are used.
  Word rbx = 0xffffffff00000001, result = 0;
  asm volatile("int $0x80" : "=a"(result), "+b"(rbx) : "a"(20) : "r8", "r9", "r10", "r11", "memory");
  EXPECT_EQ(result, static_cast<Word>(getpid()));
  EXPECT_EQ(rbx, 0xffffffff00000001u);
}

volatile int steps;
volatile Word step_pcs[64];
void count_step(int, siginfo_t* information, void* context) {
  EXPECT_EQ(information->si_code, TRAP_TRACE);
  if (steps < 64) step_pcs[steps] = static_cast<Word>(reg(context, REG_RIP));
  steps = steps + 1;
  // The flag is clear in the handler, and set again by the return.
  Word flags;
  asm volatile("sub $128, %%rsp\n pushf\n pop %0\n add $128, %%rsp" : "=r"(flags)::"memory");
  EXPECT_EQ(flags & 0x100, 0u);
}

CASE(trap_flag) {
  // The program steps itself: one SIGTRAP behind each instruction, the first behind the one after popf.
  install(SIGTRAP, count_step);
  steps = 0;
  Word start = 0;
  asm volatile(R"(
    sub $128, %%rsp
    lea 1f(%%rip), %0
    pushf
    orq $0x100, (%%rsp)
    popf
  1: nop
    mov $5, %%eax
    jmp 2f
    nop
  2: call 3f
    jmp 4f
  3: ret
  4: pushf
    andq $~0x100, (%%rsp)
    popf
    nop
    add $128, %%rsp)"
               : "=r"(start)::"rax", "memory", "cc");
  EXPECT_EQ(steps, 9);
  EXPECT_EQ(step_pcs[0], start + 1);
  EXPECT_EQ(step_pcs[1], start + 6);
  EXPECT_EQ(step_pcs[2], start + 9);
}

CASE(trap_flag_from_handler) {
  // A handler sets the flag in its frame: steps begin behind the first instruction after the return.
  static volatile int stop_after;
  install(SIGTRAP, [](int, siginfo_t*, void* context) {
    steps = steps + 1;
    if (steps >= stop_after) reg(context, REG_EFL) &= ~0x100;
  });
  install(SIGUSR1, [](int, siginfo_t*, void* context) { reg(context, REG_EFL) |= 0x100; });
  steps = 0;
  stop_after = 40;
  raise(SIGUSR1);
  EXPECT(steps <= 40);
  volatile int x = 0;
  for (int i = 0; i < 100; ++i) x = x + i;
  EXPECT_EQ(steps, 40);
  EXPECT_EQ(x, 4950);
}

// What the handler finds at each step.
volatile Word step_counts[64], step_flags[64];
void note_step(int, siginfo_t*, void* context) {
  if (steps < 64) {
    step_pcs[steps] = static_cast<Word>(reg(context, REG_RIP));
    step_counts[steps] = static_cast<Word>(reg(context, REG_RCX));
    step_flags[steps] = static_cast<Word>(reg(context, REG_EFL)) & 0x100;
  }
  steps = steps + 1;
}

// Offsets of the steps from `start`; 99 behind the last. The flag is set at all but the last.
void expect_steps(Word start, std::initializer_list<Word> offsets) {
  EXPECT_EQ(steps, static_cast<int>(offsets.size()));
  int i = 0;
  for (const Word offset : offsets) {
    EXPECT_EQ(step_pcs[i], start + offset);
    EXPECT_EQ(step_flags[i], i + 1 == static_cast<int>(offsets.size()) ? 0u : 0x100u);
    ++i;
  }
  steps = 0;
}

#define STEP_BEGIN "sub $128, %%rsp\n lea 1f(%%rip), %0\n pushf\n orq $0x100, (%%rsp)\n popf\n 1: "
#define STEP_END "\n pushf\n andq $~0x100, (%%rsp)\n popf\n add $128, %%rsp"

CASE(trap_flag_at_system_calls) {
  // No trap behind the call; r11 holds the flag.
  install(SIGTRAP, note_step);
  steps = 0;
  Word start = 0, flags = 0;
  asm volatile(STEP_BEGIN "mov $39, %%eax\n syscall\n nop\n mov %%r11, %1" STEP_END
               : "=&r"(start), "=&r"(flags)::"rax", "rcx", "r11", "memory", "cc");
  EXPECT_EQ(flags & 0x100, 0x100u);
  expect_steps(start, {5, 8, 11, 12, 20, 21});
}

CASE(trap_flag_in_repeated_instructions) {
  // A trap behind each iteration, with rcx of then.
  install(SIGTRAP, note_step);
  steps = 0;
  Word start = 0;
  char from[4] = {1, 2, 3, 4}, to[4] = {};
  asm volatile(STEP_BEGIN "rep movsb\n nop" STEP_END
               : "=&r"(start)
               : "c"(3), "S"(from), "D"(to)
               : "memory", "cc");
  EXPECT_EQ(step_counts[0], 2u);
  EXPECT_EQ(step_counts[1], 1u);
  EXPECT_EQ(step_counts[2], 0u);
  EXPECT_EQ(to[2], 3);
  EXPECT_EQ(to[3], 0);
  expect_steps(start, {0, 0, 2, 3, 4, 12, 13});
  // It ends at the first difference.
  to[1] = 9;
  asm volatile(STEP_BEGIN "repe cmpsb\n nop" STEP_END
               : "=&r"(start)
               : "c"(4), "S"(from), "D"(to)
               : "memory", "cc");
  EXPECT_EQ(step_counts[1], 2u);
  expect_steps(start, {0, 2, 3, 4, 12, 13});
  asm volatile(STEP_BEGIN "repne scasb\n nop" STEP_END
               : "=&r"(start)
               : "c"(4), "D"(to), "a"(9)
               : "memory", "cc");
  expect_steps(start, {0, 2, 3, 4, 12, 13});
  // None at all is one step.
  asm volatile(STEP_BEGIN "rep stosb\n nop" STEP_END
               : "=&r"(start)
               : "c"(0), "D"(to), "a"(9)
               : "memory", "cc");
  expect_steps(start, {2, 3, 4, 12, 13});
}

CASE(trap_flag_in_a_repeated_fault) {
  // rcx is whole in the handler of a fault within.
  static volatile Word count_in_fault;
  install(SIGTRAP, note_step);
  install(SIGSEGV, [](int, siginfo_t*, void* context) {
    count_in_fault = static_cast<Word>(reg(context, REG_RCX));
    EXPECT_EQ(static_cast<Word>(reg(context, REG_EFL)) & 0x100, 0x100u);
    reg(context, REG_RIP) += 2;
  });
  auto* pages =
      static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mprotect(pages + 4096, 4096, PROT_NONE);
  steps = 0;
  Word start = 0;
  asm volatile(STEP_BEGIN "rep stosb\n nop" STEP_END
               : "=&r"(start)
               : "c"(10), "D"(pages + 4094), "a"(9)
               : "memory", "cc");
  EXPECT_EQ(count_in_fault, 8u);
  EXPECT_EQ(pages[4095], 9);
  expect_steps(start, {0, 0, 3, 4, 12, 13});
  munmap(pages, 8192);
}

CASE(trap_flag_seen_by_the_program) {
  // pushf pushes it; a load of the stack segment lets no trap come behind itself; int3 tells its own.
  install(SIGTRAP, note_step);
  steps = 0;
  Word start = 0, flags = 0;
  asm volatile(STEP_BEGIN "pushf\n pop %1\n nop" STEP_END : "=&r"(start), "=&r"(flags)::"memory", "cc");
  EXPECT_EQ(flags & 0x100, 0x100u);
  EXPECT_EQ(steps, 6);
  steps = 0;
  asm volatile(STEP_BEGIN "mov %%ss, %%eax\n mov %%eax, %%ss\n nop\n nop" STEP_END
               : "=&r"(start)::"rax", "memory", "cc");
  expect_steps(start, {2, 5, 6, 7, 15, 16});
  asm volatile(STEP_BEGIN "int3\n nop" STEP_END : "=&r"(start)::"memory", "cc");
  expect_steps(start, {1, 2, 3, 11, 12});
}

CASE(trap_flag_with_other_signals) {
  // Each step comes once, whatever comes between.
  static volatile int alarms;
  install(SIGTRAP, [](int, siginfo_t*, void*) { steps = steps + 1; });
  install(SIGUSR1, [](int, siginfo_t*, void*) { alarms = alarms + 1; });
  pid_t self = getpid();
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 300 && kill(self, SIGUSR1) == 0; ++i) usleep(100);
    _exit(0);
  }
  steps = 0;
  Word start = 0, done = 0;
  asm volatile(STEP_BEGIN R"(
    mov $3000, %%ecx
    xor %%edx, %%edx
  2: lea 1(%%rdx), %%rdx
    push %%rdx
    pop %%rax
    call 3f
    jmp 4f
  3: ret
  4: dec %%ecx
    jnz 2b
    mov %%rdx, %1)" STEP_END
               : "=&r"(start), "=&r"(done)::"rax", "rcx", "rdx", "memory", "cc");
  EXPECT_EQ(done, 3000u);
  EXPECT_EQ(steps, 2 + 3000 * 8 + 1 + 3);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT(alarms > 0);
}

CASE(breakpoints_written_into_code) {
  // What a debugger does: int3 over the first byte, and the byte put back in the handler with pc set back.
  static uint8_t* code;
  code = static_cast<uint8_t*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  const uint8_t original[] = {0xb8, 7, 0, 0, 0, 0xc3};
  memcpy(code, original, sizeof original);
  auto function = reinterpret_cast<int (*)()>(code);
  EXPECT_EQ(function(), 7);
  static volatile int hits;
  hits = 0;
  install(SIGTRAP, [](int, siginfo_t*, void* context) {
    hits = hits + 1;
    code[0] = 0xb8;
    reg(context, REG_RIP) -= 1;
  });
  for (int i = 0; i < 20; ++i) {
    code[0] = 0xcc;
    EXPECT_EQ(function(), 7);
  }
  EXPECT_EQ(hits, 20);
  munmap(code, 4096);
}

CASE(cpuid_and_time_stamp_faults) {
  // PR_TSC_SIGSEGV makes rdtsc fault, as some replay tools want it.
  pid_t child = fork();
  if (child == 0) {
    static volatile int faults;
    install(SIGSEGV, [](int, siginfo_t*, void* context) {
      faults = faults + 1;
      reg(context, REG_RIP) += 2;
    });
    if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0) != 0) _exit(2);
    asm volatile("rdtsc" ::: "rax", "rdx");
    asm volatile("rdtsc" ::: "rax", "rdx");
    _exit(faults == 2 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) SKIP("no PR_SET_TSC");
  EXPECT_EQ(status, 0);
}

CASE(transactions) {
  // xbegin aborts at once or is refused: never half a transaction.
  unsigned a = 7, b = 0, c = 0, d = 0;
  asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  if ((b & (1u << 11)) == 0) SKIP("no RTM");
  volatile int x = 0;
  unsigned status = ~0u;
  asm volatile(".byte 0xc7, 0xf8, 0, 0, 0, 0" : "+a"(status)::"memory");
  if (status == ~0u) {
    x = x + 1;
    asm volatile(".byte 0x0f, 0x01, 0xd5" ::: "memory");
    EXPECT_EQ(x, 1);
  }
}

CASE(far_forms) {
  // A far return to the same code segment, and iretq.
  Word result = 0;
  asm volatile(R"(
    sub $128, %%rsp
    mov %%cs, %%eax
    push %%rax
    lea 1f(%%rip), %%rax
    push %%rax
    mov $1, %0
    lretq
    mov $2, %0
  1: mov %%rsp, %%rbx
    mov %%ss, %%eax
    push %%rax
    push %%rbx
    pushf
    mov %%cs, %%eax
    push %%rax
    lea 2f(%%rip), %%rax
    push %%rax
    iretq
    mov $3, %0
  2: add $128, %%rsp)"
               : "=&r"(result)::"rax", "rbx", "memory", "cc");
  EXPECT_EQ(result, 1u);
}

}  // namespace

TEST_MAIN()

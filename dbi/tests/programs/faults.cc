// Synchronous signals: the handler must see the program's own pc and registers, and what it changes there
// must take effect; whatever an engine had moved around for the instruction must not show.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "case.h"
#include "signal_tools.h"

namespace {

using Word = uint64_t;
using test::install;
using test::reg;
using test::restore_default;

// Filled in by the handlers.
struct Seen {
  volatile int count, signal, code, error, trap;
  volatile Word address, pc;
  greg_t registers[NGREG];
} seen;
Word resume_at;

void record(int signal, siginfo_t* information, void* context) {
  seen.count = seen.count + 1;
  seen.signal = signal;
  seen.code = information->si_code;
  seen.address = reinterpret_cast<Word>(information->si_addr);
  seen.pc = static_cast<Word>(reg(context, REG_RIP));
  seen.error = static_cast<int>(reg(context, REG_ERR));
  seen.trap = static_cast<int>(reg(context, REG_TRAPNO));
  memcpy(seen.registers, static_cast<ucontext_t*>(context)->uc_mcontext.gregs, sizeof seen.registers);
  if (resume_at != 0) reg(context, REG_RIP) = static_cast<greg_t>(resume_at);
}

// All registers hold known values when the instruction at `pc` faults; goes on at `after`.
#define KNOWN_REGISTERS                                                                                      \
  "mov $0x1001, %%ebx\n mov $0x1002, %%ecx\n mov $0x1003, %%edx\n mov $0x1004, %%esi\n mov $0x1005, %%edi\n" \
  "mov $0x1008, %%r8d\n mov $0x1009, %%r9d\n mov $0x100a, %%r10d\n mov $0x100b, %%r11d\n mov $0x100c, "      \
  "%%r12d\n"                                                                                                 \
  "mov $0x100d, %%r13d\n mov $0x100e, %%r14d\n mov $0x100f, %%r15d\n xor %%eax, %%eax\n"
#define CLOBBERS                                                                                            \
  "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", \
      "cc"

#define FAULT_AT(pc, after, instruction)                                                              \
  asm volatile(                                                                                       \
      "lea 8f(%%rip), %%rax\n mov %%rax, %0\n lea 9f(%%rip), %%rax\n mov %%rax, %1\n" KNOWN_REGISTERS \
      "8: " instruction "\n 9:"                                                                       \
      : "=m"(pc), "=m"(after)::CLOBBERS)

void check_known_registers() {
  EXPECT_EQ(seen.registers[REG_RBX], 0x1001);
  EXPECT_EQ(seen.registers[REG_RCX], 0x1002);
  EXPECT_EQ(seen.registers[REG_RDX], 0x1003);
  EXPECT_EQ(seen.registers[REG_RSI], 0x1004);
  EXPECT_EQ(seen.registers[REG_RDI], 0x1005);
  EXPECT_EQ(seen.registers[REG_R8], 0x1008);
  EXPECT_EQ(seen.registers[REG_R9], 0x1009);
  EXPECT_EQ(seen.registers[REG_R10], 0x100a);
  EXPECT_EQ(seen.registers[REG_R11], 0x100b);
  EXPECT_EQ(seen.registers[REG_R12], 0x100c);
  EXPECT_EQ(seen.registers[REG_R13], 0x100d);
  EXPECT_EQ(seen.registers[REG_R14], 0x100e);
  EXPECT_EQ(seen.registers[REG_R15], 0x100f);
  EXPECT_EQ(seen.registers[REG_EFL] & 0x8d5, 0x44);  // of xor eax, eax
}

CASE(segv_load) {
  install(SIGSEGV, record);
  Word pc = 0;
  seen = {};
  FAULT_AT(pc, resume_at, "mov 0x10(%%rax), %%rax");
  EXPECT_EQ(seen.count, 1);
  EXPECT_EQ(seen.signal, SIGSEGV);
  EXPECT_EQ(seen.code, SEGV_MAPERR);
  EXPECT_EQ(seen.address, 0x10u);
  EXPECT_EQ(seen.pc, pc);
  EXPECT_EQ(seen.error, 4);
  EXPECT_EQ(seen.trap, 14);
  EXPECT_EQ(seen.registers[REG_RAX], 0);
  check_known_registers();
}

CASE(segv_store) {
  install(SIGSEGV, record);
  Word pc = 0;
  seen = {};
  FAULT_AT(pc, resume_at, "lock addq $1, 0x20(%%rax)");
  EXPECT_EQ(seen.address, 0x20u);
  EXPECT_EQ(seen.pc, pc);
  EXPECT_EQ(seen.error, 6);
  check_known_registers();
}

CASE(segv_non_canonical) {
  install(SIGSEGV, record);
  Word pc = 0;
  seen = {};
  FAULT_AT(pc, resume_at, "bts $63, %%rax\n 8: mov (%%rax), %%rax");
  EXPECT_EQ(seen.count, 1);
  EXPECT_EQ(seen.code, SI_KERNEL);
  EXPECT_EQ(seen.address, 0u);
  EXPECT_EQ(seen.trap, 13);
}

CASE(segv_stack_instructions) {
  // push, pop, call, ret on a stack that is not there: rsp as it was before.
  install(SIGSEGV, record, SA_ONSTACK);
  static uint8_t stack[65536];
  stack_t alternate{};
  alternate.ss_sp = stack;
  alternate.ss_size = sizeof stack;
  sigaltstack(&alternate, nullptr);
  Word pc = 0, rsp = 0;
#define STACK_FAULT(instruction)                                                                  \
  seen = {};                                                                                      \
  asm volatile(                                                                                   \
      "lea 8f(%%rip), %%rax\n mov %%rax, %0\n lea 7f(%%rip), %%rax\n mov %%rax, %1\n"             \
      "mov %%rsp, %2\n" KNOWN_REGISTERS "mov %%rsp, %%rax\n mov $0x5000, %%esp\n 8: " instruction \
      "\n 7: mov %%rax, %%rsp"                                                                    \
      : "=m"(pc), "=m"(resume_at), "=m"(rsp)::CLOBBERS);                                          \
  EXPECT_EQ(seen.count, 1);                                                                       \
  EXPECT_EQ(seen.pc, pc);                                                                         \
  EXPECT_EQ(seen.registers[REG_RSP], 0x5000);                                                     \
  check_known_registers();
  STACK_FAULT("push %%rbx")
  STACK_FAULT("pop %%rbx")
  STACK_FAULT("push $5")
  STACK_FAULT("call 6f\n 6: nop")
  STACK_FAULT("call *%%r15")
  STACK_FAULT("ret")
  STACK_FAULT("ret $16")
  STACK_FAULT("pushf")
  STACK_FAULT("popf")
  STACK_FAULT("push %%fs:0")
  alternate.ss_flags = SS_DISABLE;
  sigaltstack(&alternate, nullptr);
}

CASE(segv_jump_to_nowhere) {
  // The fault is at the target: pc = where was jumped to.
  install(SIGSEGV, record);
  Word pc = 0;
  seen = {};
  FAULT_AT(pc, resume_at, "jmp *%%rbx");
  EXPECT_EQ(seen.count, 1);
  EXPECT_EQ(seen.pc, 0x1001u);
  EXPECT_EQ(seen.address, 0x1001u);
  EXPECT_EQ(seen.error & 0x14, 0x14);
  check_known_registers();
  // A call has pushed its return address by then.
  Word pushed = 0, expected = 0;
  seen = {};
  asm volatile("sub $128, %%rsp\n lea 9f(%%rip), %%rax\n mov %%rax, %0\n mov %%rax, %1\n" KNOWN_REGISTERS
               "call *%%rcx\n 9: pop %%rax\n add $128, %%rsp\n mov %%rax, %2"
               : "=m"(resume_at), "=m"(expected), "=m"(pushed)::CLOBBERS);
  EXPECT_EQ(seen.count, 1);
  EXPECT_EQ(seen.pc, 0x1002u);
  EXPECT_EQ(pushed, expected);
  check_known_registers();
}

CASE(segv_non_canonical_jump) {
  install(SIGSEGV, record);
  Word pc = 0;
  seen = {};
  // The branch itself faults, and has done nothing.
  Word rsp = 0;
#define NOWHERE(before, branch)                                                                         \
  seen = {};                                                                                            \
  asm volatile(                                                                                         \
      "sub $128, %%rsp\n lea 8f(%%rip), %%rax\n mov %%rax, %0\n lea 7f(%%rip), %%rax\n mov %%rax, %1\n" \
      "mov %%rsp, %2\n" KNOWN_REGISTERS "movabs $0x8000000000000000, %%rax\n" before "\n 8: " branch    \
      "\n 7: mov %2, %%rsp\n add $128, %%rsp"                                                           \
      : "=m"(pc), "=m"(resume_at), "=m"(rsp)::CLOBBERS);                                                \
  EXPECT_EQ(seen.count, 1);                                                                             \
  EXPECT_EQ(seen.code, SI_KERNEL);                                                                      \
  EXPECT_EQ(seen.trap, 13);                                                                             \
  EXPECT_EQ(seen.address, 0u);                                                                          \
  EXPECT_EQ(seen.pc, pc);                                                                               \
  check_known_registers();
  NOWHERE("nop", "jmp *%%rax")
  EXPECT_EQ(seen.registers[REG_RSP], rsp);
  NOWHERE("nop", "call *%%rax")
  EXPECT_EQ(seen.registers[REG_RSP], rsp);
  NOWHERE("push %%rax", "jmp *(%%rsp)")
  EXPECT_EQ(seen.registers[REG_RSP], rsp - 8);
  NOWHERE("push %%rax", "call *(%%rsp)")
  EXPECT_EQ(seen.registers[REG_RSP], rsp - 8);
  NOWHERE("push %%rax", "ret")
  EXPECT_EQ(seen.registers[REG_RSP], rsp - 8);
  NOWHERE("push %%rax", "ret $24")
  EXPECT_EQ(seen.registers[REG_RSP], rsp - 8);
}

CASE(segv_jump_to_data) {
  install(SIGSEGV, record);
  auto* page =
      static_cast<uint8_t*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  page[0] = 0xc3;
  seen = {};
  asm volatile("lea 9f(%%rip), %%rax\n mov %%rax, %0\n jmp *%1\n 9:"
               : "=m"(resume_at)
               : "b"(page)
               : "rax", "memory");
  EXPECT_EQ(seen.count, 1);
  EXPECT_EQ(seen.code, SEGV_ACCERR);
  EXPECT_EQ(seen.pc, reinterpret_cast<Word>(page));
  munmap(page, 4096);
}

CASE(segv_in_rep) {
  // rep movsb into a guard page: rcx, rsi, rdi say how far it came.
  install(SIGSEGV, record);
  auto* page =
      static_cast<uint8_t*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mprotect(page + 4096, 4096, PROT_NONE);
  seen = {};
  static uint8_t source[4096];
  Word pc = 0;
  asm volatile(
      "lea 8f(%%rip), %%rax\n mov %%rax, %1\n lea 9f(%%rip), %%rax\n mov %%rax, %0\n 8: rep movsb\n 9:"
      : "=m"(resume_at), "=m"(pc)
      : "D"(page + 4000), "S"(source), "c"(1000)
      : "rax", "memory");
  EXPECT_EQ(seen.count, 1);
  EXPECT_EQ(seen.pc, pc);
  EXPECT_EQ(seen.registers[REG_RCX], 1000 - 96);
  EXPECT_EQ(seen.registers[REG_RDI], reinterpret_cast<greg_t>(page + 4096));
  EXPECT_EQ(seen.registers[REG_RSI], reinterpret_cast<greg_t>(source + 96));
  munmap(page, 8192);
}

uint8_t* protected_page;
void unprotect(int signal, siginfo_t* information, void* context) {
  record(signal, information, context);
  mprotect(protected_page, 4096, PROT_READ | PROT_WRITE);
}

CASE(segv_repaired_and_repeated) {
  // The handler makes the page accessible; the instruction runs again, as garbage collectors do it.
  install(SIGSEGV, unprotect);
  resume_at = 0;
  protected_page = static_cast<uint8_t*>(mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  for (int i = 0; i < 200; ++i) {
    mprotect(protected_page, 4096, PROT_NONE);
    seen = {};
    Word counter = 5;
    asm volatile("push %%rbx\n lock xadd %0, (%1)\n pop %%rbx"
                 : "+r"(counter)
                 : "r"(protected_page)
                 : "memory", "cc");
    EXPECT_EQ(seen.count, 1);
    EXPECT_EQ(seen.code, SEGV_ACCERR);
    EXPECT_EQ(seen.address, reinterpret_cast<Word>(protected_page));
  }
  Word total;
  memcpy(&total, protected_page, 8);
  EXPECT_EQ(total, 1000u);
  munmap(protected_page, 4096);
}

void change_registers(int, siginfo_t*, void* context) {
  reg(context, REG_RIP) = static_cast<greg_t>(resume_at);
  const int order[] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_R8,
                       REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  for (int i = 0; i < 14; ++i) reg(context, order[i]) = 0x7000 + i;
  reg(context, REG_EFL) |= 0x841;
}

CASE(handler_changes_registers) {
  install(SIGSEGV, change_registers);
  static Word out[16];
  Word unused = 0;
  asm volatile("lea 9f(%%rip), %%rax\n mov %%rax, %0\n" KNOWN_REGISTERS R"(
    mov (%%rax), %%rax
    ud2
  9: pushf
    mov %%rax, %1
    lea %1, %%rax
    mov %%rbx, 8(%%rax)
    mov %%rcx, 16(%%rax)
    mov %%rdx, 24(%%rax)
    mov %%rsi, 32(%%rax)
    mov %%rdi, 40(%%rax)
    mov %%r8, 48(%%rax)
    mov %%r9, 56(%%rax)
    mov %%r10, 64(%%rax)
    mov %%r11, 72(%%rax)
    mov %%r12, 80(%%rax)
    mov %%r13, 88(%%rax)
    mov %%r14, 96(%%rax)
    mov %%r15, 104(%%rax)
    pop 112(%%rax))"
               : "=m"(resume_at), "=m"(out[0]), "=m"(unused)::CLOBBERS);
  for (int i = 0; i < 14; ++i) EXPECT_EQ(out[i], 0x7000u + static_cast<unsigned>(i));
  EXPECT_EQ(out[14] & 0x8d5, 0x845u);
}

void change_vectors(int, siginfo_t*, void* context) {
  auto* state = static_cast<ucontext_t*>(context)->uc_mcontext.fpregs;
  EXPECT_EQ(state->_xmm[3].element[0], 0x33333333u);
  state->_xmm[3].element[0] = 0x44444444;
  // The handler's own use of vectors must not be seen outside.
  asm volatile("pcmpeqd %%xmm5, %%xmm5\n pxor %%xmm6, %%xmm6" ::: "xmm5", "xmm6");
  reg(context, REG_RIP) = static_cast<greg_t>(resume_at);
}

CASE(handler_changes_vectors) {
  install(SIGSEGV, change_vectors);
  uint32_t three = 0, five = 0;
  asm volatile(R"(
    lea 9f(%%rip), %%rax
    mov %%rax, %0
    mov $0x33333333, %%eax
    movd %%eax, %%xmm3
    mov $0x55555555, %%eax
    movd %%eax, %%xmm5
    xor %%eax, %%eax
    mov (%%rax), %%rax
  9: movd %%xmm3, %1
    movd %%xmm5, %2)"
               : "=m"(resume_at), "=r"(three), "=r"(five)::"rax", "xmm3", "xmm5", "memory", "cc");
  EXPECT_EQ(three, 0x44444444u);
  EXPECT_EQ(five, 0x55555555u);
}

#define SIMPLE_FAULT(name, number, instruction, wanted_code, wanted_trap) \
  CASE(name) {                                                            \
    install(number, record);                                              \
    Word pc = 0;                                                          \
    seen = {};                                                            \
    FAULT_AT(pc, resume_at, instruction);                                 \
    EXPECT_EQ(seen.count, 1);                                             \
    EXPECT_EQ(seen.signal, number);                                       \
    EXPECT_EQ(seen.pc, pc);                                               \
    EXPECT_EQ(seen.code, wanted_code);                                    \
    EXPECT_EQ(seen.trap, wanted_trap);                                    \
    EXPECT_EQ(seen.registers[REG_R15], 0x100f);                           \
    EXPECT_EQ(seen.registers[REG_R8], 0x1008);                            \
  }

SIMPLE_FAULT(fpe_divide_by_zero, SIGFPE, "div %%eax", FPE_INTDIV, 0)
SIMPLE_FAULT(fpe_divide_memory, SIGFPE, "idivl zero_word(%%rip)", FPE_INTDIV, 0)
SIMPLE_FAULT(ill_ud2, SIGILL, "ud2", ILL_ILLOPN, 6)
SIMPLE_FAULT(ill_ud1, SIGILL, "ud1 %%eax, %%eax", ILL_ILLOPN, 6)
SIMPLE_FAULT(ill_invalid, SIGILL, ".byte 0x06", ILL_ILLOPN, 6)
SIMPLE_FAULT(ill_lock_mov, SIGILL, ".byte 0xf0, 0x89, 0xc0", ILL_ILLOPN, 6)
SIMPLE_FAULT(segv_hlt, SIGSEGV, "hlt", SI_KERNEL, 13)
SIMPLE_FAULT(segv_port, SIGSEGV, "in %%dx, %%al", SI_KERNEL, 13)
SIMPLE_FAULT(segv_movaps, SIGSEGV, "movaps unaligned+1(%%rip), %%xmm0", SI_KERNEL, 13)

asm(".data\n .p2align 4\n zero_word: .quad 0, 0\n unaligned: .quad 0, 0, 0, 0\n .text");

CASE(trap_int3) {
  // A trap: pc is behind the instruction.
  install(SIGTRAP, record);
  Word pc = 0, after = 0;
  seen = {};
  resume_at = 0;
  FAULT_AT(pc, after, "int3");
  EXPECT_EQ(seen.count, 1);
  EXPECT_EQ(seen.signal, SIGTRAP);
  EXPECT_EQ(seen.pc, after);
  EXPECT_EQ(seen.code, SI_KERNEL);
  EXPECT_EQ(seen.trap, 3);
  check_known_registers();
  seen = {};
  FAULT_AT(pc, after, ".byte 0xcd, 0x03");
  EXPECT_EQ(seen.count, 1);
  EXPECT_EQ(seen.pc, after);
}

CASE(fpe_from_vector) {
  install(SIGFPE, record);
  Word pc = 0;
  seen = {};
  const unsigned open = 0x1f80 & ~0x200u;
  const unsigned closed = 0x1f80;
  asm volatile("ldmxcsr %0" ::"m"(open));
  FAULT_AT(pc, resume_at,
           "pxor %%xmm0, %%xmm0\n mov $1, %%eax\n cvtsi2sd %%eax, %%xmm1\n 8: divsd %%xmm0, %%xmm1");
  asm volatile("ldmxcsr %0" ::"m"(closed));
  EXPECT_EQ(seen.count, 1);
  EXPECT_EQ(seen.code, FPE_FLTDIV);
}

CASE(bus_behind_the_file) {
  install(SIGBUS, record);
  char name[] = "/tmp/fault-XXXXXX";
  int file = mkstemp(name);
  unlink(name);
  EXPECT_EQ(ftruncate(file, 100), 0);
  auto* page = static_cast<uint8_t*>(mmap(nullptr, 8192, PROT_READ, MAP_SHARED, file, 0));
  seen = {};
  Word pc = 0;
  asm volatile(
      "lea 8f(%%rip), %%rax\n mov %%rax, %1\n lea 9f(%%rip), %%rax\n mov %%rax, %0\n 8: mov (%%rbx), %%al\n "
      "9:"
      : "=m"(resume_at), "=m"(pc)
      : "b"(page + 4096)
      : "rax", "memory");
  EXPECT_EQ(seen.count, 1);
  EXPECT_EQ(seen.code, BUS_ADRERR);
  EXPECT_EQ(seen.address, reinterpret_cast<Word>(page + 4096));
  EXPECT_EQ(seen.pc, pc);
  munmap(page, 8192);
  close(file);
}

sigjmp_buf back;
void jump_back(int, siginfo_t*, void*) {
  siglongjmp(back, 1);
}

CASE(fault_and_longjmp) {
  install(SIGSEGV, jump_back);
  volatile int caught = 0;
  for (int volatile i = 0; i < 5000;) {
    i = i + 1;
    if (sigsetjmp(back, 1) == 0) {
      *reinterpret_cast<volatile int*>(8) = 1;
    } else {
      caught = caught + 1;
    }
  }
  EXPECT_EQ(caught, 5000);
}

CASE(fault_in_the_middle_of_a_block) {
  // Stores before the fault have happened, those behind it have not.
  install(SIGSEGV, record);
  static volatile Word before, behind;
  before = 0;
  behind = 0;
  seen = {};
  Word pc = 0;
  asm volatile(
      "lea 8f(%%rip), %%rax\n mov %%rax, %1\n lea 9f(%%rip), %%rax\n mov %%rax, %0\n xor %%eax, %%eax\n"
      "movq $1, %2\n incq %2\n 8: mov (%%rax), %%rbx\n movq $1, %3\n 9:"
      : "=m"(resume_at), "=m"(pc), "+m"(before), "+m"(behind)::"rax", "rbx", "memory", "cc");
  EXPECT_EQ(seen.pc, pc);
  EXPECT_EQ(before, 2u);
  EXPECT_EQ(behind, 0u);
}

// The default action ends the process with the right signal.
template <typename Body>
void dies_by(int signal, Body body) {
  pid_t child = fork();
  if (child == 0) {
    restore_default(signal);
    body();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), signal);
}

CASE(default_actions) {
  dies_by(SIGSEGV, [] { *reinterpret_cast<volatile int*>(8) = 1; });
  dies_by(SIGFPE, [] { asm volatile("xor %%ecx, %%ecx\n div %%ecx" ::: "rax", "rcx", "rdx"); });
  dies_by(SIGILL, [] { asm volatile("ud2"); });
  dies_by(SIGTRAP, [] { asm volatile("int3"); });
  dies_by(SIGABRT, [] { abort(); });
  dies_by(SIGTERM, [] { raise(SIGTERM); });
  dies_by(SIGKILL, [] { raise(SIGKILL); });
  dies_by(SIGUSR1, [] { raise(SIGUSR1); });
  // A fault while its signal is blocked or ignored kills too.
  dies_by(SIGSEGV, [] {
    test::block(SIGSEGV);
    *reinterpret_cast<volatile int*>(8) = 1;
  });
  dies_by(SIGSEGV, [] {
    signal(SIGSEGV, SIG_IGN);
    *reinterpret_cast<volatile int*>(8) = 1;
  });
  // And a fault inside its own handler.
  dies_by(SIGSEGV, [] {
    install(SIGSEGV, [](int, siginfo_t*, void*) { *reinterpret_cast<volatile int*>(16) = 1; });
    *reinterpret_cast<volatile int*>(8) = 1;
  });
}

}  // namespace

TEST_MAIN()

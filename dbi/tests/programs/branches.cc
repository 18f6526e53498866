// Every form of call, jump and return, and what they leave on the stack and in the flags.
#include "case.h"

namespace {

using Word = uint64_t;

// Targets that report who they are: rax = number, nothing else changed.
asm(R"(
  .text
  .p2align 4
target_1: mov $1, %eax
  ret
target_2: mov $2, %eax
  ret
target_pops_16: mov $3, %eax
  ret $16
target_returns_address: mov (%rsp), %rax
  ret
target_endbr: endbr64
  mov $4, %eax
  ret
  .data
  .p2align 3
pointer_1: .quad target_1
pointer_2: .quad target_2
table: .quad target_1, target_2, target_pops_16
  .text
)");

CASE(call_relative) {
  Word result = 0;
  asm volatile("sub $128, %%rsp\n call target_1\n add $128, %%rsp" : "=a"(result)::"memory", "cc");
  EXPECT_EQ(result, 1u);
}

CASE(call_register) {
  Word result = 0;
  asm volatile("sub $128, %%rsp\n lea target_2(%%rip), %%rbx\n call *%%rbx\n add $128, %%rsp"
               : "=a"(result)::"rbx", "memory", "cc");
  EXPECT_EQ(result, 2u);
  asm volatile("sub $128, %%rsp\n lea target_1(%%rip), %%rax\n call *%%rax\n add $128, %%rsp"
               : "=a"(result)::"memory", "cc");
  EXPECT_EQ(result, 1u);
  asm volatile("sub $128, %%rsp\n lea target_1(%%rip), %%r11\n call *%%r11\n add $128, %%rsp"
               : "=a"(result)::"r11", "memory", "cc");
  EXPECT_EQ(result, 1u);
  asm volatile("sub $128, %%rsp\n lea target_2(%%rip), %%rcx\n call *%%rcx\n add $128, %%rsp"
               : "=a"(result)::"rcx", "memory", "cc");
  EXPECT_EQ(result, 2u);
}

CASE(call_notrack) {
  Word result = 0;
  asm volatile("sub $128, %%rsp\n lea target_endbr(%%rip), %%r9\n notrack call *%%r9\n add $128, %%rsp"
               : "=a"(result)::"r9", "memory", "cc");
  EXPECT_EQ(result, 4u);
  asm volatile("lea 1f(%%rip), %%r9\n mov $7, %%eax\n notrack jmp *%%r9\n mov $8, %%eax\n 1:"
               : "=a"(result)::"r9", "cc");
  EXPECT_EQ(result, 7u);
}

CASE(call_memory) {
  Word result = 0;
  asm volatile("sub $128, %%rsp\n call *pointer_1(%%rip)\n add $128, %%rsp" : "=a"(result)::"memory", "cc");
  EXPECT_EQ(result, 1u);
  asm volatile(
      "sub $128, %%rsp\n lea table(%%rip), %%rbx\n mov $1, %%ecx\n call *(%%rbx,%%rcx,8)\n add $128, %%rsp"
      : "=a"(result)::"rbx", "rcx", "memory", "cc");
  EXPECT_EQ(result, 2u);
  asm volatile("sub $128, %%rsp\n lea table(%%rip), %%r13\n call *8(%%r13)\n add $128, %%rsp"
               : "=a"(result)::"r13", "memory", "cc");
  EXPECT_EQ(result, 2u);
  asm volatile("sub $128, %%rsp\n lea table+4096(%%rip), %%r12\n call *-4096(%%r12)\n add $128, %%rsp"
               : "=a"(result)::"r12", "memory", "cc");
  EXPECT_EQ(result, 1u);
}

// The address is computed with rsp as it was before the push.
CASE(call_through_stack) {
  Word result = 0, moved = 0;
  asm volatile(R"(
    sub $256, %%rsp
    mov %%rsp, %%rdx
    lea target_1(%%rip), %%rax
    mov %%rax, (%%rsp)
    lea target_2(%%rip), %%rax
    mov %%rax, 8(%%rsp)
    call *(%%rsp)
    mov %%rax, %%rbx
    call *8(%%rsp)
    shl $8, %%rax
    or %%rax, %%rbx
    sub %%rsp, %%rdx
    add $256, %%rsp)"
               : "=b"(result), "=d"(moved)::"rax", "memory", "cc");
  EXPECT_EQ(result, 0x201u);
  EXPECT_EQ(moved, 0u);
}

CASE(jump_through_stack) {
  Word result = 0;
  asm volatile(R"(
    sub $256, %%rsp
    lea 1f(%%rip), %%rax
    mov %%rax, 16(%%rsp)
    mov $5, %%eax
    jmp *16(%%rsp)
    mov $6, %%eax
  1: add $256, %%rsp)"
               : "=a"(result)::"memory", "cc");
  EXPECT_EQ(result, 5u);
}

CASE(call_pushes_the_real_address) {
  Word pushed = 0, expected = 0;
  asm volatile("sub $128, %%rsp\n call target_returns_address\n 1: lea 1b(%%rip), %%rbx\n add $128, %%rsp"
               : "=a"(pushed), "=b"(expected)::"memory", "cc");
  EXPECT_EQ(pushed, expected);
  asm volatile("sub $128, %%rsp\n call 1f\n 1: pop %%rax\n lea 1b(%%rip), %%rbx\n add $128, %%rsp"
               : "=a"(pushed), "=b"(expected)::"memory", "cc");
  EXPECT_EQ(pushed, expected);
  asm volatile(R"(sub $128, %%rsp
    lea target_returns_address(%%rip), %%rax
    call *%%rax
    1: lea 1b(%%rip), %%rbx
    add $128, %%rsp)"
               : "=a"(pushed), "=b"(expected)::"memory", "cc");
  EXPECT_EQ(pushed, expected);
}

CASE(return_with_immediate) {
  Word result = 0, moved = 0;
  asm volatile(R"(
    sub $128, %%rsp
    mov %%rsp, %%rdx
    push $11
    push $12
    call target_pops_16
    sub %%rsp, %%rdx
    add $128, %%rsp)"
               : "=a"(result), "=d"(moved)::"memory", "cc");
  EXPECT_EQ(result, 3u);
  EXPECT_EQ(moved, 0u);
}

// A return that is a jump: the address pushed by hand.
CASE(return_to_pushed_address) {
  Word result = 0;
  asm volatile(R"(
    sub $128, %%rsp
    lea 1f(%%rip), %%rax
    push %%rax
    mov $9, %%eax
    ret
    mov $10, %%eax
  1: add $128, %%rsp)"
               : "=a"(result)::"memory", "cc");
  EXPECT_EQ(result, 9u);
  asm volatile(R"(
    sub $128, %%rsp
    lea 1f(%%rip), %%rax
    sub $40, %%rsp
    push %%rax
    mov $9, %%eax
    repz ret $40
    mov $10, %%eax
  1: add $128, %%rsp)"
               : "=a"(result)::"memory", "cc");
  EXPECT_EQ(result, 9u);
}

// The return address is overwritten by the callee.
CASE(return_address_changed) {
  Word result = 0;
  asm volatile(R"(
    sub $128, %%rsp
    xor %%eax, %%eax
    call 2f
    or $1, %%eax
    jmp 3f
  1: or $2, %%eax
    jmp 3f
  2: lea 1b(%%rip), %%rbx
    mov %%rbx, (%%rsp)
    ret
  3: add $128, %%rsp)"
               : "=a"(result)::"rbx", "memory", "cc");
  EXPECT_EQ(result, 2u);
}

CASE(count_jumps) {
  Word result = 0, count = 0;
  asm volatile("xor %%eax, %%eax\n mov $10, %%ecx\n 1: inc %%eax\n loop 1b"
               : "=a"(result), "=c"(count)::"cc");
  EXPECT_EQ(result, 10u);
  EXPECT_EQ(count, 0u);
  // loope and loopne: until the flag or the count says stop.
  asm volatile("xor %%eax, %%eax\n mov $10, %%ecx\n 1: inc %%eax\n cmp $4, %%eax\n loopne 1b"
               : "=a"(result), "=c"(count)::"cc");
  EXPECT_EQ(result, 4u);
  EXPECT_EQ(count, 6u);
  asm volatile("mov $3, %%eax\n mov $10, %%ecx\n 1: dec %%eax\n cmp $0, %%eax\n loope 1b"
               : "=a"(result), "=c"(count)::"cc");
  EXPECT_EQ(result, 2u);
  EXPECT_EQ(count, 9u);
  asm volatile("mov $0x100000001, %%rcx\n xor %%eax, %%eax\n 1: inc %%eax\n addr32 loop 1b"
               : "=a"(result), "=c"(count)::"cc");
  EXPECT_EQ(result, 1u);
  EXPECT_EQ(count, 0u);
  asm volatile("mov $0x100000000, %%rcx\n mov $1, %%eax\n jrcxz 1f\n mov $2, %%eax\n 1:"
               : "=a"(result), "=c"(count)::"cc");
  EXPECT_EQ(result, 2u);
  EXPECT_EQ(count, 0x100000000u);
  asm volatile("mov $0x100000000, %%rcx\n mov $1, %%eax\n jecxz 1f\n mov $2, %%eax\n 1:"
               : "=a"(result)::"rcx", "cc");
  EXPECT_EQ(result, 1u);
}

// loop and jrcxz leave all flags as they are.
CASE(count_jumps_keep_flags) {
  Word flags = 0;
  asm volatile(R"(
    sub $128, %%rsp
    mov $5, %%ecx
    xor %%eax, %%eax
    stc
  1: loop 1b
    jrcxz 2f
    clc
  2: pushf
    pop %%rax
    add $128, %%rsp)"
               : "=a"(flags)::"rcx", "memory", "cc");
  EXPECT_EQ(flags & 0x8d5, 0x45u);  // carry, zero, parity of the xor
}

// Flags live across calls, returns and indirect jumps, where an engine is tempted to use them.
CASE(flags_live_across_transfers) {
  for (Word value = 0; value < 64; ++value) {
    const Word wanted = ((value & 1) != 0 ? 0x1 : 0) | ((value & 2) != 0 ? 0x4 : 0) |
                        ((value & 4) != 0 ? 0x10 : 0) | ((value & 8) != 0 ? 0x40 : 0) |
                        ((value & 16) != 0 ? 0x80 : 0) | ((value & 32) != 0 ? 0x800 : 0);
    Word flags = wanted | 0x202;
    asm volatile(R"(
      sub $128, %%rsp
      lea pointer_1(%%rip), %%rbx
      lea 1f(%%rip), %%rdx
      push %0
      popf
      call target_1
      call *(%%rbx)
      jmp *%%rdx
      ud2
    1: jmp 2f
    2: pushf
      pop %0
      add $128, %%rsp)"
                 : "+r"(flags)::"rax", "rbx", "rdx", "memory", "cc");
    EXPECT_EQ(flags & 0x8d5, wanted);
  }
}

CASE(all_conditions) {
  // For all 32 states of the five condition flags the 16 conditions, by jcc short, jcc near, setcc, cmovcc.
  for (Word state = 0; state < 32; ++state) {
    const bool c = (state & 1) != 0, p = (state & 2) != 0, z = (state & 4) != 0, s = (state & 8) != 0,
               o = (state & 16) != 0;
    Word flags = (c ? 0x1 : 0) | (p ? 0x4 : 0) | (z ? 0x40 : 0) | (s ? 0x80 : 0) | (o ? 0x800 : 0) | 0x202;
    const bool expected[16] = {o, !o, c, !c, z,      !z,     c || z,      !(c || z),
                               s, !s, p, !p, s != o, s == o, z || s != o, !z && s == o};
#define CONDITION(number, name)                                               \
  {                                                                           \
    Word by_short = 0, by_near = 0, by_move = 0;                              \
    uint8_t by_set = 0;                                                       \
    asm volatile("sub $128, %%rsp\n push %4\n popf\n j" name                  \
                 " 1f\n jmp 2f\n 1: mov $1, %0\n 2:"                          \
                 "push %4\n popf\n .byte 0x0f, 0x80 + " #number               \
                 "\n .long 5\n jmp 4f\n nop; nop; nop\n"                      \
                 "3: mov $1, %1\n 4: push %4\n popf\n set" name               \
                 " %2\n mov $1, %%eax\n push %4\n popf\n"                     \
                 "cmov" name " %%rax, %3\n add $128, %%rsp"                   \
                 : "+r"(by_short), "+r"(by_near), "+r"(by_set), "+r"(by_move) \
                 : "r"(flags)                                                 \
                 : "rax", "memory", "cc");                                    \
    EXPECT_EQ(by_short, expected[number]);                                    \
    EXPECT_EQ(by_near, expected[number]);                                     \
    EXPECT_EQ(by_set, expected[number]);                                      \
    EXPECT_EQ(by_move, expected[number]);                                     \
  }
    CONDITION(0, "o")
    CONDITION(1, "no")
    CONDITION(2, "b")
    CONDITION(3, "ae")
    CONDITION(4, "e")
    CONDITION(5, "ne")
    CONDITION(6, "be")
    CONDITION(7, "a")
    CONDITION(8, "s")
    CONDITION(9, "ns")
    CONDITION(10, "p")
    CONDITION(11, "np")
    CONDITION(12, "l")
    CONDITION(13, "ge")
    CONDITION(14, "le")
    CONDITION(15, "g")
#undef CONDITION
  }
}

CASE(branch_hints_and_prefixes) {
  Word result = 0;
  // Branch hints (2E, 3E), BND (F2), and REX before jumps change nothing.
  asm volatile(R"(
    xor %%eax, %%eax
    cmp %%eax, %%eax
    .byte 0x2e, 0x74, 0x02
    jmp 9f
    or $1, %%eax
    cmp %%ecx, %%ecx
    .byte 0x3e, 0x0f, 0x84
    .long 2
    jmp 9f
    or $2, %%eax
    .byte 0xf2, 0xeb, 0x02
    jmp 9f
    or $4, %%eax
    .byte 0x48, 0xe9
    .long 2
    jmp 9f
    or $8, %%eax
    lea 1f(%%rip), %%rbx
    .byte 0xf2, 0xff, 0xe3
    jmp 9f
  1: or $16, %%eax
  9:)"
               : "=a"(result)::"rbx", "cc");
  EXPECT_EQ(result, 31u);
}

CASE(jump_into_the_middle) {
  // The bytes of one instruction are another one when entered at the second byte.
  Word first = 0, second = 0;
  asm volatile(R"(
    xor %%ecx, %%ecx
    xor %%edx, %%edx
    lea 1f(%%rip), %%rbx
    jmp *%%rbx
  1: .byte 0xb8
  2: .byte 0xb9, 0x11, 0x22, 0x33
    .byte 0x90
    test %%edx, %%edx
    jnz 3f
    inc %%edx
    mov %%rax, %0
    lea 2b(%%rip), %%rbx
    jmp *%%rbx
  3: mov %%rcx, %1)"
               : "=&r"(first), "=&r"(second)::"rax", "rbx", "rcx", "rdx", "cc");
  EXPECT_EQ(first, 0x332211b9u);
  EXPECT_EQ(second, 0x90332211u);
}

__attribute__((noinline)) Word fibonacci(Word n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

CASE(recursion) {
  EXPECT_EQ(fibonacci(24), 46368u);
}

// Each 16 bytes one small function: more targets than any inline cache holds.
asm(R"(
  .text
  .p2align 4
many_targets:
  .set number, 0
  .rept 3000
  .p2align 4
  .byte 0x8d, 0x87  # lea number(%rdi), %eax
  .long number
  ret
  .set number, number + 1
  .endr
  .p2align 4
)");

CASE(many_indirect_targets) {
  constexpr int kTargets = 3000;
  Word base = 0;
  asm volatile("lea many_targets(%%rip), %0" : "=r"(base));
  Word sum = 0;
  uint32_t random = 1;
  for (int i = 0; i < 60000; ++i) {
    random = random * 1664525 + 1013904223;
    const Word target = (random >> 8) % kTargets;
    auto* function = reinterpret_cast<int (*)(int)>(base + target * 16);
    sum += static_cast<Word>(function(i)) - static_cast<Word>(i) - target;
  }
  EXPECT_EQ(sum, 0u);
}

CASE(call_next_to_return) {
  // Deep chains of calls that return with unequal depth.
  Word result = 0;
  asm volatile(R"(
    sub $128, %%rsp
    xor %%eax, %%eax
    mov $200, %%ecx
  1: call 2f
    dec %%ecx
    jnz 1b
    jmp 4f
  2: call 3f
  3: inc %%eax
    ret
  4: add $128, %%rsp)"
               : "=a"(result)::"rcx", "memory", "cc");
  EXPECT_EQ(result, 400u);
}

}  // namespace

TEST_MAIN()

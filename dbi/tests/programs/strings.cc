// String instructions, with and without REP, both directions, all sizes; stack instructions in their odd
// forms; exchanges and wide compares; the red zone.
#include <immintrin.h>

#include "case.h"

namespace {

using Word = uint64_t;

uint8_t from[4096], to[4096], model[4096];

void fill() {
  uint32_t random = 7;
  for (unsigned i = 0; i < sizeof from; ++i) {
    random = random * 1664525 + 1013904223;
    from[i] = static_cast<uint8_t>(random >> 24);
    to[i] = model[i] = static_cast<uint8_t>(random >> 16);
  }
}

struct Ends {
  Word rdi, rsi, rcx, rax, flags;
};

#define RUN(before, instruction)                                                                         \
  [](Word rdi, Word rsi, Word rcx, Word rax) {                                                           \
    Ends out{};                                                                                          \
    asm volatile("sub $128, %%rsp\n" before "\n" instruction "\n pushf\n cld\n pop %4\n add $128, %%rsp" \
                 : "+D"(rdi), "+S"(rsi), "+c"(rcx), "+a"(rax), "=r"(out.flags)::"memory", "cc");         \
    out.rdi = rdi;                                                                                       \
    out.rsi = rsi;                                                                                       \
    out.rcx = rcx;                                                                                       \
    out.rax = rax;                                                                                       \
    return out;                                                                                          \
  }

const Word kFrom = reinterpret_cast<Word>(from), kTo = reinterpret_cast<Word>(to);

CASE(move_forward) {
  const struct {
    Ends (*run)(Word, Word, Word, Word);
    Word size;
  } kinds[] = {{RUN("cld", "rep movsb"), 1},
               {RUN("cld", "rep movsw"), 2},
               {RUN("cld", "rep movsl"), 4},
               {RUN("cld", "rep movsq"), 8}};
  for (auto [run, size] : kinds) {
    for (Word count : {0, 1, 2, 3, 7, 100, 400}) {
      fill();
      memcpy(model + 5, from + 3, count * size);
      Ends ends = run(kTo + 5, kFrom + 3, count, 0);
      EXPECT_EQ(memcmp(to, model, sizeof to), 0);
      EXPECT_EQ(ends.rcx, 0u);
      EXPECT_EQ(ends.rdi, kTo + 5 + count * size);
      EXPECT_EQ(ends.rsi, kFrom + 3 + count * size);
    }
  }
}

CASE(move_backward) {
  const struct {
    Ends (*run)(Word, Word, Word, Word);
    Word size;
  } kinds[] = {{RUN("std", "rep movsb"), 1},
               {RUN("std", "rep movsw"), 2},
               {RUN("std", "rep movsl"), 4},
               {RUN("std", "rep movsq"), 8}};
  for (auto [run, size] : kinds) {
    for (Word count : {0, 1, 5, 100}) {
      fill();
      if (count != 0)
        memcpy(model + 3000 - (count - 1) * size, from + 2000 - (count - 1) * size, count * size);
      Ends ends = run(kTo + 3000, kFrom + 2000, count, 0);
      EXPECT_EQ(memcmp(to, model, sizeof to), 0);
      EXPECT_EQ(ends.rdi, kTo + 3000 - count * size);
      EXPECT_EQ(ends.flags & 0x400, 0x400u);
    }
  }
}

CASE(move_overlapping) {
  fill();
  memcpy(to, "abcdefgh", 8);
  RUN("cld", "rep movsb")(kTo + 1, kTo, 40, 0);
  for (int i = 0; i <= 40; ++i) EXPECT_EQ(to[i], 'a');
}

CASE(store) {
  fill();
  memset(model + 100, 0x5a, 300);
  Ends ends = RUN("cld", "rep stosb")(kTo + 100, 0, 300, 0x5a);
  EXPECT_EQ(memcmp(to, model, sizeof to), 0);
  EXPECT_EQ(ends.rdi, kTo + 400);
  for (int i = 0; i < 30; ++i) memcpy(model + 800 - 8 * i, "\1\2\3\4\5\6\7\10", 8);
  RUN("std", "rep stosq")(kTo + 800, 0, 30, 0x0807060504030201);
  EXPECT_EQ(memcmp(to, model, sizeof to), 0);
  ends = RUN("cld", "stosw")(kTo, 0, 44, 0x1234);
  EXPECT_EQ(to[0], 0x34);
  EXPECT_EQ(ends.rcx, 44u);
  EXPECT_EQ(ends.rdi, kTo + 2);
}

CASE(load) {
  fill();
  Ends ends = RUN("cld", "rep lodsb")(0, kFrom, 10, 0x1100);
  EXPECT_EQ(ends.rax, 0x1100u | from[9]);
  EXPECT_EQ(ends.rsi, kFrom + 10);
  ends = RUN("std", "lodsl")(0, kFrom + 8, 10, ~0ull);
  uint32_t word;
  memcpy(&word, from + 8, 4);
  EXPECT_EQ(ends.rax, word);
  EXPECT_EQ(ends.rsi, kFrom + 4);
}

CASE(scan_and_compare) {
  memset(from, 'x', sizeof from);
  from[777] = 0;
  Ends ends = RUN("cld", "repne scasb")(kFrom, 0, ~0ull, 0);
  EXPECT_EQ(ends.rdi, kFrom + 778);
  EXPECT_EQ(~0ull - ends.rcx, 778u);
  EXPECT_EQ(ends.flags & 0x40, 0x40u);
  ends = RUN("cld", "repe scasb")(kFrom, 0, 2000, 'x');
  EXPECT_EQ(ends.rdi, kFrom + 778);
  EXPECT_EQ(ends.flags & 0x40, 0u);
  memcpy(to, from, sizeof to);
  to[500] = 'y';
  ends = RUN("cld", "repe cmpsb")(kTo, kFrom, 4096, 0);
  EXPECT_EQ(ends.rsi, kFrom + 501);
  EXPECT_EQ(ends.rcx, 4096u - 501);
  EXPECT_EQ(ends.flags & 1, 1u);
  ends = RUN("cld", "repne cmpsq")(kTo, kFrom, 100, 0);
  EXPECT_EQ(ends.rcx, 99u);
  // With a count of 0 nothing happens and the flags stay as they were.
  ends = RUN("cld\n xor %%ebx, %%ebx\n stc", "repe cmpsb")(1, 2, 0, 0);
  EXPECT_EQ(ends.flags & 0x41, 0x41u);
  EXPECT_EQ(ends.rdi, 1u);
}

CASE(short_addresses) {
  // With 67 the count is ecx; the upper half of rcx must not count.
  Ends ends = RUN("cld", "addr32 rep stosb")(5, 0, 0x100000000, 0);
  EXPECT_EQ(ends.rcx, 0x100000000u);
}

CASE(repeat_prefix_without_meaning) {
  Word result = 5;
  asm volatile("rep; nop\n rep; mov $6, %0\n repne; add $1, %0\n pause" : "+r"(result)::"cc");
  EXPECT_EQ(result, 7u);
}

CASE(push_and_pop_of_rsp) {
  Word pushed = 0, popped = 0, top = 0;
  asm volatile(R"(
    sub $128, %%rsp
    mov %%rsp, %2
    push %%rsp
    mov (%%rsp), %0
    add $8, %%rsp
    lea 64(%%rsp), %%rax
    mov %%rsp, %%rbx
    push %%rax
    pop %%rsp
    mov %%rsp, %1
    mov %%rbx, %%rsp
    add $128, %%rsp)"
               : "=&r"(pushed), "=&r"(popped), "=&r"(top)::"rax", "rbx", "memory", "cc");
  EXPECT_EQ(pushed, top);
  EXPECT_EQ(popped, top + 64);
}

CASE(push_and_pop_of_stack_memory) {
  // push computes its address with the old rsp, pop with the new one.
  Word a = 0, b = 0, c = 0;
  asm volatile(R"(
    sub $256, %%rsp
    movq $11, (%%rsp)
    movq $22, 8(%%rsp)
    movq $33, 16(%%rsp)
    push 8(%%rsp)
    pop %0
    push $44
    pop (%%rsp)
    mov (%%rsp), %1
    push $55
    pop 16(%%rsp)
    mov 16(%%rsp), %2
    add $256, %%rsp)"
               : "=&r"(a), "=&r"(b), "=&r"(c)::"memory", "cc");
  EXPECT_EQ(a, 22u);
  EXPECT_EQ(b, 44u);
  EXPECT_EQ(c, 55u);
}

CASE(push_sizes) {
  Word a = 0, b = 0, moved = 0;
  asm volatile(R"(
    sub $256, %%rsp
    mov %%rsp, %%rdx
    movq $-1, -8(%%rsp)
    pushw $0x1234
    mov %%rdx, %2
    sub %%rsp, %2
    mov -6(%%rsp), %0
    popw %%ax
    push $-2
    pop %1
    add $256, %%rsp)"
               : "=&r"(a), "=&r"(b), "=&r"(moved)::"rax", "rdx", "memory", "cc");
  EXPECT_EQ(moved, 2u);
  EXPECT_EQ(a, 0x1234ffffffffffffu);
  EXPECT_EQ(b, static_cast<Word>(-2));
}

CASE(enter_and_leave) {
  Word frame = 0, below = 0, saved = 0, after = 0, before = 0;
  asm volatile(R"(
    sub $256, %%rsp
    mov %%rbp, %%r8
    mov %%rsp, %4
    mov $0x1234, %%ebp
    enter $32, $0
    mov %%rbp, %0
    mov %%rsp, %1
    mov (%%rbp), %2
    leave
    mov %%rsp, %3
    cmp $0x1234, %%rbp
    je 1f
    xor %3, %3
  1: mov %%r8, %%rbp
    add $256, %%rsp)"
               : "=&r"(frame), "=&r"(below), "=&r"(saved), "=&r"(after), "=&r"(before)::"r8", "memory", "cc");
  EXPECT_EQ(frame, before - 8);
  EXPECT_EQ(below, frame - 32);
  EXPECT_EQ(saved, 0x1234u);
  EXPECT_EQ(after, before);
}

CASE(enter_with_levels) {
  Word depth = 0;
  asm volatile(R"(
    sub $512, %%rsp
    mov %%rbp, %%r8
    mov %%rsp, %%r9
    lea -64(%%rsp), %%rbp
    mov %%rsp, %%rbp
    enter $16, $3
    mov %%r9, %0
    sub %%rsp, %0
    mov %%r9, %%rsp
    mov %%r8, %%rbp
    add $512, %%rsp)"
               : "=&r"(depth)::"r8", "r9", "memory", "cc");
  EXPECT_EQ(depth, 8u + 3 * 8 + 16);
}

CASE(red_zone) {
  // 128 bytes below rsp belong to the function, across jumps of all kinds.
  Word sum = 0;
  asm volatile(R"(
    sub $256, %%rsp
    mov $16, %%ecx
  1: mov %%rcx, -128-8(%%rsp,%%rcx,8)
    dec %%ecx
    jnz 1b
    lea 2f(%%rip), %%rax
    jmp *%%rax
  2: mov $16, %%ecx
    xor %%eax, %%eax
  3: add -128-8(%%rsp,%%rcx,8), %%rax
    mov %%fs:0, %%rdx
    rdfsbase %%rdx
    dec %%ecx
    jnz 3b
    jrcxz 4f
    ud2
  4: add $256, %%rsp)"
               : "=a"(sum)::"rcx", "rdx", "memory", "cc");
  EXPECT_EQ(sum, 136u);
}

CASE(exchanges) {
  alignas(16) Word pair[2] = {1, 2};
  Word a = 1, d = 2;
  uint8_t equal = 0;
  asm volatile("lock cmpxchg16b %3\n setz %2"
               : "+a"(a), "+d"(d), "=r"(equal), "+m"(pair)
               : "b"(3ull), "c"(4ull)
               : "cc");
  EXPECT_EQ(equal, 1);
  EXPECT_EQ(pair[0], 3u);
  EXPECT_EQ(pair[1], 4u);
  asm volatile("cmpxchg16b %3\n setz %2"
               : "+a"(a), "+d"(d), "=r"(equal), "+m"(pair)
               : "b"(5ull), "c"(6ull)
               : "cc");
  EXPECT_EQ(equal, 0);
  EXPECT_EQ(a, 3u);
  EXPECT_EQ(d, 4u);
  asm volatile("mov $7, %%eax\n xor %%edx, %%edx\n cmpxchg8b %0" : "+m"(pair[0])::"rax", "rdx", "cc");
  Word x = 5;
  asm volatile("xchg %0, %1\n lock xadd %0, %1" : "+r"(x), "+m"(pair[1]));
  EXPECT_EQ(pair[1], 9u);
  EXPECT_EQ(x, 5u);
}

CASE(table_lookup) {
  fill();
  Word result = 0x100;
  asm volatile("xlatb" : "+a"(result) : "b"(from) : "memory");
  EXPECT_EQ(result, 0x100u | from[0]);
}

asm(R"(
  .data
  .p2align 6
relative_data: .quad 0x1111111111111111, 0x2222222222222222, 0, 0
  .text
)");

CASE(rip_relative) {
  // The displacement is counted from the end of the instruction, immediates included.
  Word a = 0, b = 0, c = 0, flags = 0;
  asm volatile(R"(
    mov relative_data(%%rip), %0
    movq $0x33, relative_data+16(%%rip)
    cmpb $0x33, relative_data+16(%%rip)
    sete %%al
    movzbl %%al, %%eax
    mov %%rax, %3
    imul $3, relative_data(%%rip), %1
    shlq $4, relative_data+16(%%rip)
    addl $1, relative_data+24(%%rip)
    lea relative_data+8(%%rip), %%rax
    mov (%%rax), %2
    pshufd $0x1b, relative_data(%%rip), %%xmm0
    movq %%xmm0, %%rax
    add %%rax, %2
    testw $0x1111, relative_data(%%rip)
    lea (%%rip), %%rax)"
               : "=&r"(a), "=&r"(b), "=&r"(c), "=&r"(flags)::"rax", "xmm0", "memory", "cc");
  EXPECT_EQ(a, 0x1111111111111111u);
  EXPECT_EQ(b, 0x3333333333333333u);
  EXPECT_EQ(c, 0x4444444444444444u);
  EXPECT_EQ(flags, 1u);
  Word d = 0, e = 1;
  // With 67 the sum is cut to 32 bits.
  asm volatile("lea relative_data(%%rip), %0\n .byte 0x67\n lea relative_data(%%rip), %1"
               : "=&r"(d), "=&r"(e));
  EXPECT_EQ(e, d & 0xffffffff);
}

CASE(rip_itself) {
  Word first = 0, second = 0;
  asm volatile("lea (%%rip), %0\n 1: lea 1b(%%rip), %1" : "=&r"(first), "=&r"(second));
  EXPECT_EQ(first, second);
}

}  // namespace

TEST_MAIN()

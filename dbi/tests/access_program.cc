// A program without a C library, of which every access to memory can be told in advance: what inspect_test.py
// compares with a single-stepper. It ends with exit code 7.
namespace {

using Word = unsigned long;

long system_call(long number, long a, long b) {
  long result;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b) : "rcx", "r11", "memory");
  return result;
}

struct Pair {
  Word first, second;
};

Word table[64];
alignas(32) char from[256], to[256];
Pair pairs[16];
Word block[8];  // what fs points to

__attribute__((noinline)) Word sum(const Word* values, int count) {
  Word total = 0;
  for (int i = 0; i < count; ++i) total += values[i];
  return total;
}

__attribute__((noinline)) Word recurse(int depth) {
  volatile Word local = static_cast<Word>(depth);
  return depth == 0 ? local : recurse(depth - 1) + local;
}

__attribute__((noinline)) void strings() {
  for (int i = 0; i < 256; ++i) from[i] = static_cast<char>(i * 7);
  char* destination = to;
  const char* source = from;
  Word count = 37;
  asm volatile("rep movsb" : "+D"(destination), "+S"(source), "+c"(count) : : "memory");
  count = 0;
  asm volatile("rep movsb" : "+D"(destination), "+S"(source), "+c"(count) : : "memory");
  count = 9;
  asm volatile("rep stosq" : "+D"(destination), "+c"(count) : "a"(0x1122334455667788) : "memory");
  destination = to;
  source = from;
  count = 256;
  asm volatile("repe cmpsb" : "+D"(destination), "+S"(source), "+c"(count) : : "memory", "cc");
  destination = to;
  count = 256;
  asm volatile("repne scasb" : "+D"(destination), "+c"(count) : "a"(0x23) : "memory", "cc");
  Word loaded;
  source = from;
  asm volatile("lodsq; movsl; lodsb" : "=&a"(loaded), "+S"(source), "+D"(destination) : : "memory");
}

__attribute__((noinline)) void forms() {
  Word value = 5, other = 0;
  asm volatile(
      "pushq %[table]\n popq 8+%[table]\n"  // two accesses each
      "pushfq\n popfq\n"
      "lock xaddq %[value], 16+%[table]\n"
      "movq $3, %%rax\n lock cmpxchgq %[value], 24+%[table]\n"
      "movq 24+%[table], %%rax\n cmpxchgq %[value], 24+%[table]\n"
      "xchgq %[value], 32+%[table]\n"
      "incb 41+%[table]\n notw 42+%[table]\n shlq $3, 48+%[table]\n"
      "cmpq %%rax, %%rax\n cmovneq 56+%[table], %[other]\n cmoveq 64+%[table], %[other]\n"
      "setne 72+%[table]\n sete 73+%[table]\n"
      "movzbl 73+%[table], %%eax\n movslq 72+%[table], %%rax\n"
      "cmpxchg16b %[pair]\n"
      "testb $1, 73+%[table]\n cmpw $5, 74+%[table]\n"
      : [value] "+r"(value), [other] "+r"(other)
      : [table] "m"(table[0]), [pair] "m"(*reinterpret_cast<Pair(*)[1]>(&pairs[0]))
      : "rax", "memory", "cc");
  asm volatile(
      "movups %[from], %%xmm1\n movaps %%xmm1, %[to]\n movsd 16+%[from], %%xmm2\n movss %%xmm2, 20+%[to]\n"
      "addps 32+%[from], %%xmm1\n movdqu %%xmm1, 48+%[to]\n cvtsi2sdq %[table], %%xmm3\n pushq %%rbp\n"
      "movq %%rsp, %%rbp\n leave\n"
      :
      : [from] "m"(from), [to] "m"(to), [table] "m"(table[0])
      : "xmm1", "xmm2", "xmm3", "memory");
}

__attribute__((noinline)) void segment() {
  constexpr long kArchPrctl = 158, kSetFs = 0x1002;
  block[2] = 77;
  system_call(kArchPrctl, kSetFs, reinterpret_cast<long>(block));
  Word value;
  asm volatile("movq %%fs:16, %0\n addq $1, %%fs:24\n" : "=r"(value) : : "memory", "cc");
  table[1] = value;
}

Word (*volatile pointer)(const Word*, int) = sum;

}  // namespace

extern "C" [[noreturn]] __attribute__((force_align_arg_pointer)) void _start() {
  for (int i = 0; i < 64; ++i) table[i] = static_cast<Word>(i) * 0x0101010101010101;
  for (int round = 0; round < 3; ++round) {
    table[0] += pointer(table, 64);
    table[1] += recurse(10);
    for (int i = 0; i < 16; ++i) pairs[i] = {table[i], table[i + 1]};
    strings();
    forms();
  }
  segment();
  constexpr long kExitGroup = 231;
  system_call(kExitGroup, 7, 0);
  __builtin_unreachable();
}

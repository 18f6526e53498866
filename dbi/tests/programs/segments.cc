// fs and gs: every kind of access, and every way to change their bases. An engine that keeps its own fs base
// must rewrite all of them.
#include <asm/prctl.h>
#include <errno.h>
#include <pthread.h>

#include "case.h"

namespace {

using Word = uint64_t;

// Raw memory that fs or gs is pointed at for some instructions.
alignas(64) uint8_t block[512];

Word raw_arch_prctl(Word code, Word argument) {
  Word result = 158;
  asm volatile("syscall" : "+a"(result) : "D"(code), "S"(argument) : "rcx", "r11", "memory");
  return result;
}

Word read_fs() {
  Word base;
  asm volatile("rdfsbase %0" : "=r"(base));
  return base;
}

Word read_gs() {
  Word base;
  asm volatile("rdgsbase %0" : "=r"(base));
  return base;
}

void fill() {
  for (unsigned i = 0; i < sizeof block; ++i) block[i] = static_cast<uint8_t>(i * 7 + 3);
}

Word word_at(unsigned offset) {
  Word word;
  memcpy(&word, block + offset, 8);
  return word;
}

CASE(bases_agree) {
  Word self = 0, fs = 0, gs = 1;
  asm volatile("mov %%fs:0, %0" : "=r"(self));
  EXPECT_EQ(raw_arch_prctl(ARCH_GET_FS, reinterpret_cast<Word>(&fs)), 0u);
  EXPECT_EQ(raw_arch_prctl(ARCH_GET_GS, reinterpret_cast<Word>(&gs)), 0u);
  EXPECT_EQ(self, fs);
  EXPECT_EQ(read_fs(), fs);
  EXPECT_EQ(gs, 0u);
  EXPECT_EQ(read_gs(), 0u);
}

CASE(selectors) {
  uint16_t fs = 7, gs = 7;
  asm volatile("mov %%fs, %0\n mov %%gs, %1" : "=r"(fs), "=r"(gs));
  EXPECT_EQ(fs, 0);
  EXPECT_EQ(gs, 0);
}

CASE(arch_prctl_errors) {
  EXPECT_EQ(raw_arch_prctl(ARCH_SET_FS, 1ull << 63), static_cast<Word>(-EPERM));
  EXPECT_EQ(raw_arch_prctl(ARCH_GET_FS, 16), static_cast<Word>(-EFAULT));
  EXPECT_EQ(raw_arch_prctl(0x7777, 16), static_cast<Word>(-EINVAL));
}

// While fs points into `block` nothing else may run that uses it: `body` is assembler in which rdi, rsi, rax,
// rbx, rcx, rdx and xmm0 are free; then rax holds the result. r8 = block + 64 = the base of the segment.
#define WITH_SEGMENT(segment, result, body)                                                    \
  asm volatile("rd" segment                                                                    \
               "base %%r9\n lea block_start(%%rip), %%r8\n mov (%%r8), %%r8\n add $64, %%r8\n" \
               "wr" segment "base %%r8\n xor %%eax, %%eax\n" body "\n wr" segment "base %%r9"  \
               : "=&a"(result)::"rbx", "rcx", "rdx", "rdi", "rsi", "r8", "r9", "xmm0", "memory", "cc")

extern "C" {
__attribute__((used, visibility("hidden"))) uint8_t* block_start = nullptr;
}

#define BOTH(check) check("fs") check("gs")

CASE(loads) {
  block_start = block;
  fill();
  Word result = 0;
#define CHECK_LOADS(s)                                                                            \
  WITH_SEGMENT(s, result, "mov %%" s ":0, %%rax");                                                \
  EXPECT_EQ(result, word_at(64));                                                                 \
  WITH_SEGMENT(s, result, "mov %%" s ":-8, %%rax");                                               \
  EXPECT_EQ(result, word_at(56));                                                                 \
  WITH_SEGMENT(s, result, "mov $16, %%ebx\n mov %%" s ":(%%rbx), %%rax");                         \
  EXPECT_EQ(result, word_at(80));                                                                 \
  WITH_SEGMENT(s, result, "mov $16, %%eax\n mov %%" s ":8(%%rax,%%rax,2), %%rax");                \
  EXPECT_EQ(result, word_at(64 + 56));                                                            \
  WITH_SEGMENT(s, result, "mov $16, %%ebx\n movzbl %%" s ":3(,%%rbx,4), %%eax");                  \
  EXPECT_EQ(result, block[64 + 67]);                                                              \
  WITH_SEGMENT(s, result, "mov $-8, %%rbx\n movslq %%" s ":(%%rbx), %%rax");                      \
  EXPECT_EQ(result, static_cast<Word>(static_cast<int32_t>(word_at(56))));                        \
  WITH_SEGMENT(s, result, "movabs %%" s ":24, %%rax");                                            \
  EXPECT_EQ(result, word_at(88));                                                                 \
  WITH_SEGMENT(s, result, "mov $0x1122334400000010, %%rbx\n addr32 mov %%" s ":(%%ebx), %%rax");  \
  EXPECT_EQ(result, word_at(80));                                                                 \
  WITH_SEGMENT(s, result, "mov %%" s ":1, %%ah");                                                 \
  EXPECT_EQ(result, static_cast<Word>(block[65]) << 8);                                           \
  WITH_SEGMENT(s, result, "movq %%" s ":40, %%xmm0\n movq %%xmm0, %%rax");                        \
  EXPECT_EQ(result, word_at(104));                                                                \
  WITH_SEGMENT(s, result, "movdqu %%" s ":32, %%xmm0\n pextrq $1, %%xmm0, %%rax");                \
  EXPECT_EQ(result, word_at(104));                                                                \
  WITH_SEGMENT(s, result, "mov $1, %%eax\n add %%" s ":8, %%rax");                                \
  EXPECT_EQ(result, word_at(72) + 1);                                                             \
  WITH_SEGMENT(s, result, "popcnt %%" s ":8, %%rax");                                             \
  EXPECT_EQ(result, static_cast<Word>(__builtin_popcountll(word_at(72))));                        \
  WITH_SEGMENT(s, result, ".byte 0x64\n lea 8(%%rax), %%rax\n .byte 0x65\n lea 8(%%rax), %%rax"); \
  EXPECT_EQ(result, 16u);
  BOTH(CHECK_LOADS)
}

CASE(stores) {
  block_start = block;
  Word result = 0;
#define CHECK_STORES(s)                                                                         \
  fill();                                                                                       \
  WITH_SEGMENT(s, result, "mov $-2, %%rbx\n mov %%rbx, %%" s ":16");                            \
  EXPECT_EQ(word_at(80), static_cast<Word>(-2));                                                \
  WITH_SEGMENT(s, result, "movb $9, %%" s ":3\n movw $0x1234, %%" s ":4\n movl $5, %%" s ":8"); \
  EXPECT_EQ(block[67], 9);                                                                      \
  EXPECT_EQ(block[68], 0x34);                                                                   \
  EXPECT_EQ(block[72], 5);                                                                      \
  WITH_SEGMENT(s, result, "movq $-1, %%" s ":24");                                              \
  EXPECT_EQ(word_at(88), ~0ull);                                                                \
  WITH_SEGMENT(s, result, "mov $77, %%eax\n movabs %%rax, %%" s ":32");                         \
  EXPECT_EQ(word_at(96), 77u);                                                                  \
  WITH_SEGMENT(s, result, "movq %%r8, %%xmm0\n movntdq %%xmm0, %%" s ":48\n sfence");           \
  EXPECT_EQ(word_at(112), reinterpret_cast<Word>(block + 64));                                  \
  WITH_SEGMENT(s, result, "stc\n setc %%" s ":1\n mov %%rsp, %%" s ":64\n mov %%rsp, %%rax");   \
  EXPECT_EQ(block[65], 1);                                                                      \
  EXPECT_EQ(word_at(128), result);
  BOTH(CHECK_STORES)
}

CASE(read_modify_write) {
  block_start = block;
  Word result = 0;
#define CHECK_MODIFY(s)                                                                                 \
  memset(block, 0, sizeof block);                                                                       \
  WITH_SEGMENT(s, result, "incl %%" s ":0\n addq $41, %%" s ":0\n mov %%" s ":0, %%rax");               \
  EXPECT_EQ(result, 42u);                                                                               \
  WITH_SEGMENT(s, result, "mov $3, %%eax\n lock xadd %%rax, %%" s ":0");                                \
  EXPECT_EQ(result, 42u);                                                                               \
  EXPECT_EQ(word_at(64), 45u);                                                                          \
  WITH_SEGMENT(s, result, "mov $7, %%eax\n xchg %%rax, %%" s ":0");                                     \
  EXPECT_EQ(result, 45u);                                                                               \
  WITH_SEGMENT(s, result, "mov $7, %%eax\n mov $8, %%ecx\n lock cmpxchg %%rcx, %%" s ":0\n setz %%al"); \
  EXPECT_EQ(result & 0xff, 1u);                                                                         \
  EXPECT_EQ(word_at(64), 8u);                                                                           \
  WITH_SEGMENT(s, result,                                                                               \
               "xor %%edx, %%edx\n mov $8, %%eax\n mov $5, %%ebx\n mov $6, %%ecx\n"                     \
               "lock cmpxchg16b %%" s ":0\n setz %%al");                                                \
  EXPECT_EQ(word_at(64), 5u);                                                                           \
  EXPECT_EQ(word_at(72), 6u);                                                                           \
  WITH_SEGMENT(s, result, "lock btsq $5, %%" s ":0\n setc %%al\n shlq %%" s ":8\n notb %%" s ":16");    \
  EXPECT_EQ(word_at(64), 37u);                                                                          \
  EXPECT_EQ(word_at(72), 12u);                                                                          \
  EXPECT_EQ(block[80], 0xff);
  BOTH(CHECK_MODIFY)
}

CASE(stack_forms) {
  block_start = block;
  Word result = 0;
#define CHECK_STACK(s)                                                                       \
  fill();                                                                                    \
  WITH_SEGMENT(s, result, "sub $128, %%rsp\n push %%" s ":8\n pop %%rax\n add $128, %%rsp"); \
  EXPECT_EQ(result, word_at(72));                                                            \
  WITH_SEGMENT(s, result, "sub $128, %%rsp\n push $99\n pop %%" s ":8\n add $128, %%rsp");   \
  EXPECT_EQ(word_at(72), 99u);                                                               \
  WITH_SEGMENT(s, result,                                                                    \
               "sub $128, %%rsp\n lea 1f(%%rip), %%rbx\n mov %%rbx, %%" s                    \
               ":0\n"                                                                        \
               "call *%%" s ":0\n jmp 2f\n 1: mov $4, %%eax\n ret\n 2: add $128, %%rsp");    \
  EXPECT_EQ(result, 4u);                                                                     \
  WITH_SEGMENT(s, result,                                                                    \
               "lea 1f(%%rip), %%rbx\n mov %%rbx, %%" s                                      \
               ":0\n"                                                                        \
               "jmp *%%" s ":0\n mov $1, %%eax\n 1: or $2, %%eax");                          \
  EXPECT_EQ(result, 2u);
  BOTH(CHECK_STACK)
}

CASE(string_forms) {
  // The segment applies to the source, rsi, never to rdi.
  block_start = block;
  Word result = 0;
#define CHECK_STRINGS(s)                                                         \
  fill();                                                                        \
  WITH_SEGMENT(s, result, "mov $8, %%esi\n " s " lodsq");                        \
  EXPECT_EQ(result, word_at(72));                                                \
  WITH_SEGMENT(s, result,                                                        \
               "mov $8, %%esi\n lea 128(%%r8), %%rdi\n mov $5, %%ecx\n rep " s   \
               " movsb\n"                                                        \
               "mov %%rsi, %%rax");                                              \
  EXPECT_EQ(result, 13u);                                                        \
  EXPECT_EQ(memcmp(block + 72, block + 192, 5), 0);                              \
  WITH_SEGMENT(s, result,                                                        \
               "mov $8, %%esi\n lea 128(%%r8), %%rdi\n mov $50, %%ecx\n repe " s \
               " cmpsb\n"                                                        \
               "mov %%rcx, %%rax");                                              \
  EXPECT_EQ(result, 44u);                                                        \
  WITH_SEGMENT(s, result, "mov $8, %%ebx\n mov $3, %%eax\n " s " xlatb");        \
  EXPECT_EQ(result, block[64 + 11]);
  BOTH(CHECK_STRINGS)
}

CASE(vector_forms) {
  if (!__builtin_cpu_supports("avx2")) SKIP("no AVX2");
  block_start = block;
  fill();
  Word result = 0;
#define CHECK_VECTORS(s)                                                                  \
  WITH_SEGMENT(s, result,                                                                 \
               "vmovdqu %%" s                                                             \
               ":8, %%ymm0\n vextracti128 $1, %%ymm0, %%xmm0\n vmovq %%xmm0, %%rax\n"     \
               "vzeroupper");                                                             \
  EXPECT_EQ(result, word_at(88));                                                         \
  WITH_SEGMENT(s, result,                                                                 \
               "mov $16, %%ebx\n vmovq %%rbx, %%xmm0\n vpcmpeqd %%xmm1, %%xmm1, %%xmm1\n" \
               "vpgatherqq %%xmm1, %%" s ":8(,%%xmm0,2), %%xmm2\n vmovq %%xmm2, %%rax");  \
  EXPECT_EQ(result, word_at(64 + 40));
  BOTH(CHECK_VECTORS)
}

CASE(gs_base_by_system_call) {
  fill();
  EXPECT_EQ(raw_arch_prctl(ARCH_SET_GS, reinterpret_cast<Word>(block)), 0u);
  Word loaded = 0, told = 0;
  asm volatile("mov %%gs:8, %0" : "=r"(loaded));
  EXPECT_EQ(loaded, word_at(8));
  EXPECT_EQ(read_gs(), reinterpret_cast<Word>(block));
  EXPECT_EQ(raw_arch_prctl(ARCH_GET_GS, reinterpret_cast<Word>(&told)), 0u);
  EXPECT_EQ(told, reinterpret_cast<Word>(block));
  EXPECT_EQ(raw_arch_prctl(ARCH_SET_GS, 0), 0u);
  EXPECT_EQ(read_gs(), 0u);
}

CASE(gs_base_by_instruction) {
  fill();
  asm volatile("wrgsbase %0" ::"r"(block + 16));
  Word loaded = 0, told = 0;
  asm volatile("mov %%gs:8, %0" : "=r"(loaded));
  EXPECT_EQ(loaded, word_at(24));
  EXPECT_EQ(raw_arch_prctl(ARCH_GET_GS, reinterpret_cast<Word>(&told)), 0u);
  EXPECT_EQ(told, reinterpret_cast<Word>(block + 16));
  asm volatile(
      "mov $0x1111111122222222, %%rax\n wrgsbase %%eax\n rdgsbase %%rbx\n mov %%rbx, %0\n"
      "mov $-1, %%rbx\n rdgsbase %%ebx\n mov %%rbx, %1"
      : "=r"(loaded), "=r"(told)::"rax", "rbx");
  EXPECT_EQ(loaded, 0x22222222u);
  EXPECT_EQ(told, 0x22222222u);
  asm volatile("wrgsbase %0" ::"r"(0ull));
}

CASE(fs_base_by_system_call) {
  // Points fs elsewhere and back without any library call between.
  fill();
  Word loaded = 0, error = 1;
  asm volatile(R"(
    rdfsbase %%r12
    mov $0x1002, %%edi
    mov %2, %%rsi
    mov $158, %%eax
    syscall
    mov %%fs:8, %%rbx
    mov %%rax, %%r13
    mov $0x1002, %%edi
    mov %%r12, %%rsi
    mov $158, %%eax
    syscall
    or %%rax, %%r13
    mov %%rbx, %0
    mov %%r13, %1)"
               : "=&r"(loaded), "=&r"(error)
               : "r"(block)
               : "rax", "rbx", "rcx", "r11", "r12", "r13", "rdi", "rsi", "memory", "cc");
  EXPECT_EQ(error, 0u);
  EXPECT_EQ(loaded, word_at(8));
}

thread_local int counter = 5;
void* run_thread(void*) {
  for (int i = 0; i < 1000; ++i) ++counter;
  return reinterpret_cast<void*>(static_cast<Word>(counter));
}

CASE(thread_locals) {
  pthread_t threads[8];
  for (pthread_t& thread : threads) EXPECT_EQ(pthread_create(&thread, nullptr, run_thread, nullptr), 0);
  for (pthread_t& thread : threads) {
    void* result = nullptr;
    pthread_join(thread, &result);
    EXPECT_EQ(reinterpret_cast<Word>(result), 1005u);
  }
  EXPECT_EQ(counter, 5);
}

// Each thread has its own gs base.
void* keep_gs(void* argument) {
  Word bad = 0;
  asm volatile("wrgsbase %0" ::"r"(argument));
  for (int i = 0; i < 2000; ++i) {
    bad += read_gs() != reinterpret_cast<Word>(argument);
    if (i % 100 == 0) sched_yield();
  }
  return reinterpret_cast<void*>(bad);
}

CASE(gs_base_per_thread) {
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) EXPECT_EQ(pthread_create(&threads[i], nullptr, keep_gs, block + 8 * i), 0);
  for (pthread_t& thread : threads) {
    void* result = nullptr;
    pthread_join(thread, &result);
    EXPECT_EQ(reinterpret_cast<Word>(result), 0u);
  }
  EXPECT_EQ(read_gs(), 0u);
}

}  // namespace

TEST_MAIN()

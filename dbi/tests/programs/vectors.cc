// Vector and floating-point state: what an engine must keep when it runs code of its own between two
// instructions. AVX2 and AVX-512 with gather and scatter, x87, MMX, and the save instructions.
#include <fenv.h>
#include <immintrin.h>
#include <math.h>

#include "case.h"

namespace {

using Word = uint64_t;

alignas(64) uint8_t area[8192];
alignas(64) int32_t table32[1024];
alignas(64) int64_t table64[1024];

void fill() {
  for (int i = 0; i < 1024; ++i) {
    table32[i] = i * 3 + 1;
    table64[i] = i * 5ll + 2;
  }
}

#define NEEDS(feature) \
  if (!__builtin_cpu_supports(feature)) SKIP("no " feature)

__attribute__((target("avx2"))) CASE(gather_avx2) {
  NEEDS("avx2");
  fill();
  __m256i index = _mm256_setr_epi32(0, 5, 1023, 77, 77, 3, 512, 9);
  __m256i mask = _mm256_setr_epi32(-1, 0, -1, -1, 0, -1, -1, -1);
  __m256i result = _mm256_mask_i32gather_epi32(_mm256_set1_epi32(-7), table32, index, mask, 4);
  alignas(32) int32_t values[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(values), result);
  const int32_t expected[8] = {1, -7, 3070, 232, -7, 10, 1537, 28};
  EXPECT_EQ(memcmp(values, expected, sizeof values), 0);
  // The mask register is zero afterwards.
  Word left = 1;
  asm volatile(R"(
    vpcmpeqd %%ymm1, %%ymm1, %%ymm1
    vpxor %%xmm2, %%xmm2, %%xmm2
    vpgatherdd %%ymm1, (%1,%%ymm2,4), %%ymm0
    vptest %%ymm1, %%ymm1
    setnz %%al
    movzbl %%al, %%eax
    mov %%rax, %0
    vzeroupper)"
               : "=r"(left)
               : "r"(table32)
               : "rax", "xmm0", "xmm1", "xmm2", "memory", "cc");
  EXPECT_EQ(left, 0u);
  __m256i wide = _mm256_i64gather_epi64(reinterpret_cast<const long long*>(table64),
                                        _mm256_setr_epi64x(1, 2, 1000, 0), 8);
  alignas(32) int64_t wides[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(wides), wide);
  EXPECT_EQ(wides[2], 5002);
  EXPECT_EQ(wides[3], 2);
}

__attribute__((target("avx512f"))) CASE(gather_scatter_avx512) {
  NEEDS("avx512f");
  fill();
  __m512i index =
      _mm512_setr_epi32(0, 64, 128, 192, 256, 320, 384, 448, 512, 576, 640, 704, 768, 832, 896, 960);
  __m512i result = _mm512_mask_i32gather_epi32(_mm512_set1_epi32(-1), 0x5a5a, index, table32, 4);
  alignas(64) int32_t values[16];
  _mm512_store_si512(values, result);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(values[i], ((0x5a5a >> i) & 1) != 0 ? i * 192 + 1 : -1);
  _mm512_mask_i32scatter_epi32(table32, 0xff00, index, _mm512_set1_epi32(99), 4);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(table32[i * 64], i >= 8 ? 99 : i * 192 + 1);
  // Elements with equal addresses: the last one stays.
  _mm512_i32scatter_epi32(table32, _mm512_setzero_si512(),
                          _mm512_setr_epi32(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16), 4);
  EXPECT_EQ(table32[0], 16);
}

__attribute__((target("avx512f,avx512bw"))) CASE(masks_avx512) {
  NEEDS("avx512bw");
  alignas(64) uint8_t out[64];
  memset(out, 1, sizeof out);
  __mmask64 mask = 0xf0f0f0f0f0f0f0f0;
  _mm512_mask_storeu_epi8(out, mask, _mm512_set1_epi8(7));
  for (int i = 0; i < 64; ++i) EXPECT_EQ(out[i], (i & 4) != 0 ? 7 : 1);
  Word sum = 0;
  for (int i = 0; i < 1000; ++i) {
    __mmask64 less = _mm512_cmplt_epi8_mask(_mm512_set1_epi8(static_cast<char>(i)), _mm512_loadu_si512(out));
    sum += static_cast<Word>(__builtin_popcountll(less));
  }
  Word model = 0;
  for (int i = 0; i < 1000; ++i)
    for (int k = 0; k < 64; ++k) model += static_cast<int8_t>(i) < static_cast<int8_t>(out[k]);
  EXPECT_EQ(sum, model);
}

// All sixteen ymm registers live across calls, indirect jumps, segment accesses and a system call.
CASE(upper_halves_live) {
  NEEDS("avx2");
  for (unsigned i = 0; i < 512; ++i) area[i] = static_cast<uint8_t>(i * 13 + 1);
  memset(area + 512, 0, 512);
  asm volatile(R"(
    .set n, 0
    .rept 1
    vmovdqu (%0), %%ymm0
    vmovdqu 32(%0), %%ymm1
    vmovdqu 64(%0), %%ymm2
    vmovdqu 96(%0), %%ymm3
    vmovdqu 128(%0), %%ymm4
    vmovdqu 160(%0), %%ymm5
    vmovdqu 192(%0), %%ymm6
    vmovdqu 224(%0), %%ymm7
    vmovdqu 256(%0), %%ymm8
    vmovdqu 288(%0), %%ymm9
    vmovdqu 320(%0), %%ymm10
    vmovdqu 352(%0), %%ymm11
    vmovdqu 384(%0), %%ymm12
    vmovdqu 416(%0), %%ymm13
    vmovdqu 448(%0), %%ymm14
    vmovdqu 480(%0), %%ymm15
    .endr
    sub $128, %%rsp
    lea 1f(%%rip), %%rdx
    jmp *%%rdx
  1: mov %%fs:0, %%rdx
    call 2f
    jmp 3f
  2: ret
  3: mov $39, %%eax
    syscall
    add $128, %%rsp
    vmovdqu %%ymm0, 512(%0)
    vmovdqu %%ymm1, 544(%0)
    vmovdqu %%ymm2, 576(%0)
    vmovdqu %%ymm3, 608(%0)
    vmovdqu %%ymm4, 640(%0)
    vmovdqu %%ymm5, 672(%0)
    vmovdqu %%ymm6, 704(%0)
    vmovdqu %%ymm7, 736(%0)
    vmovdqu %%ymm8, 768(%0)
    vmovdqu %%ymm9, 800(%0)
    vmovdqu %%ymm10, 832(%0)
    vmovdqu %%ymm11, 864(%0)
    vmovdqu %%ymm12, 896(%0)
    vmovdqu %%ymm13, 928(%0)
    vmovdqu %%ymm14, 960(%0)
    vmovdqu %%ymm15, 992(%0)
    vzeroupper)" ::"b"(area)
               : "rax", "rcx", "rdx", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
                 "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
  EXPECT_EQ(memcmp(area, area + 512, 512), 0);
}

CASE(high_registers_live) {
  NEEDS("avx512f");
  for (unsigned i = 0; i < 512; ++i) area[i] = static_cast<uint8_t>(i * 17 + 1);
  memset(area + 512, 0, 512);
  asm volatile(R"(
    vmovdqu64 (%0), %%zmm16
    vmovdqu64 64(%0), %%zmm31
    vmovdqu64 128(%0), %%zmm0
    vmovdqu64 192(%0), %%zmm15
    mov $0x5aa5, %%eax
    kmovw %%eax, %%k1
    kmovw %%eax, %%k7
    sub $128, %%rsp
    call 2f
    jmp 3f
  2: lea 4f(%%rip), %%rdx
    jmp *%%rdx
  4: mov %%fs:0, %%rdx
    ret
  3: mov $39, %%eax
    syscall
    add $128, %%rsp
    vmovdqu64 %%zmm16, 512(%0)
    vmovdqu64 %%zmm31, 576(%0)
    vmovdqu64 %%zmm0, 640(%0)
    vmovdqu64 %%zmm15, 704(%0)
    kmovw %%k1, 768(%0)
    kmovw %%k7, 770(%0)
    vzeroupper)" ::"b"(area)
               : "rax", "rcx", "rdx", "r11", "memory", "cc");
  EXPECT_EQ(memcmp(area, area + 512, 256), 0);
  EXPECT_EQ(area[768], 0xa5);
  EXPECT_EQ(area[771], 0x5a);
}

CASE(x87_stack_live) {
  double result = 0;
  uint16_t control = 0, status = 0;
  asm volatile(R"(
    fninit
    fld1
    fldpi
    fldl2e
    fldz
    sub $128, %%rsp
    call 2f
    jmp 3f
  2: ret
  3: lea 4f(%%rip), %%rax
    jmp *%%rax
  4: add $128, %%rsp
    fnstsw %2
    faddp
    faddp
    faddp
    fnstcw %1
    fstpl %0)"
               : "=m"(result), "=m"(control), "=m"(status)::"rax", "memory", "cc");
  EXPECT(fabs(result - (1 + M_PI + M_LOG2E)) < 1e-12);
  EXPECT_EQ(control, 0x37f);
  EXPECT_EQ((status >> 11) & 7, 4);
  long double value = 1;
  for (int i = 1; i < 25; ++i) value *= i;
  EXPECT_EQ(static_cast<Word>(value / 1e15L), 620448401u);
  // The pointer to the last floating-point instruction is the program's own.
  struct {
    uint32_t control, status, tag;
    uint32_t rest[4];
  } environment;
  asm volatile("fninit\n fld1\n fstp %%st(0)\n fnstenv %0" : "=m"(environment));
  EXPECT_EQ(environment.tag & 0xffff, 0xffffu);
}

CASE(x87_all_environments) {
  memset(area, 0, 512);
  double value = 0;
  asm volatile("fninit\n fldpi\n fld1\n fnsave (%1)\n frstor (%1)\n fstp %%st(0)\n fstpl %0"
               : "=m"(value)
               : "r"(area)
               : "memory");
  EXPECT(value == M_PI);
  uint16_t control = 0x27f, read = 0;
  asm volatile("fldcw %1\n fnstcw %0\n fninit" : "=m"(read) : "m"(control));
  EXPECT_EQ(read, 0x27f);
}

CASE(mmx) {
  Word result = 0;
  asm volatile(R"(
    mov $0x0102030405060708, %%rax
    movq %%rax, %%mm0
    movq %%mm0, %%mm7
    paddb %%mm0, %%mm7
    movq2dq %%mm7, %%xmm0
    movq %%xmm0, %%rax
    mov %%rax, %0
    emms)"
               : "=r"(result)::"rax", "xmm0", "memory");
  EXPECT_EQ(result, 0x020406080a0c0e10u);
}

CASE(save_legacy) {
  memset(area, 0, 2048);
  asm volatile(R"(
    mov $0x1122334455667788, %%rax
    movq %%rax, %%xmm3
    fninit
    fldpi
    fxsave64 (%0)
    pxor %%xmm3, %%xmm3
    fninit
    fxrstor64 (%0)
    movq %%xmm3, 1024(%0)
    fstpl 1032(%0))" ::"r"(area)
               : "rax", "xmm3", "memory");
  Word word;
  double pi;
  memcpy(&word, area + 1024, 8);
  memcpy(&pi, area + 1032, 8);
  EXPECT_EQ(word, 0x1122334455667788u);
  EXPECT(pi == M_PI);
}

#define SAVE_CASE(name, save, restore)                                                               \
  CASE(name) {                                                                                       \
    NEEDS("avx2");                                                                                   \
    memset(area, 0, sizeof area);                                                                    \
    asm volatile("vpcmpeqd %%ymm5, %%ymm5, %%ymm5\n mov $7, %%eax\n xor %%edx, %%edx\n" save         \
                 " (%0)\n vpxor %%ymm5, %%ymm5, %%ymm5\n mov $7, %%eax\n xor %%edx, %%edx\n" restore \
                 " (%0)\n vmovdqu %%ymm5, 4096(%0)\n vzeroupper" ::"r"(area)                         \
                 : "rax", "rdx", "xmm5", "memory", "cc");                                            \
    for (int i = 0; i < 32; ++i) EXPECT_EQ(area[4096 + i], 0xff);                                    \
  }
SAVE_CASE(save_all, "xsave64", "xrstor64")
SAVE_CASE(save_changed, "xsaveopt64", "xrstor64")
SAVE_CASE(save_compacted, "xsavec64", "xrstor64")

CASE(rounding_mode_kept) {
  const unsigned before = _mm_getcsr();
  _MM_SET_ROUNDING_MODE(_MM_ROUND_UP);
  volatile float a = 1, b = 3;
  volatile float up = a / b;
  for (int i = 0; i < 100; ++i) snprintf(reinterpret_cast<char*>(area), 64, "%d %g", i, 0.1 * i);
  _MM_SET_ROUNDING_MODE(_MM_ROUND_DOWN);
  volatile float down = a / b;
  EXPECT(up > down);
  EXPECT_EQ(_mm_getcsr() & 0x6000u, 0x2000u);
  _mm_setcsr(before);
  feclearexcept(FE_ALL_EXCEPT);
  volatile double zero = 0, one = 1;
  volatile double infinite = one / zero;
  EXPECT(isinf(infinite));
  EXPECT((fetestexcept(FE_ALL_EXCEPT) & FE_DIVBYZERO) != 0);
  feclearexcept(FE_ALL_EXCEPT);
}

CASE(processor_features) {
  // The program is told the same about the processor by all ways.
  unsigned a = 1, b = 0, c = 0, d = 0, low = 0, high = 0;
  asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  EXPECT((c & (1u << 27)) != 0);
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  EXPECT_EQ(low & 3, 3u);
}

__attribute__((target("rdrnd"))) CASE(random_and_time) {
  unsigned long long number = 0;
  unsigned a = 1, b = 0, c = 0, d = 0;
  asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  if ((c & (1u << 30)) != 0) {
    int ok = 0;
    for (int i = 0; i < 100 && ok == 0; ++i) ok = _rdrand64_step(&number);
    EXPECT_EQ(ok, 1);
  }
  Word last = 0;
  for (int i = 0; i < 1000; ++i) {
    unsigned processor;
    const Word now = i % 2 != 0 ? __rdtsc() : __rdtscp(&processor);
    EXPECT(now >= last);
    last = now;
  }
}

}  // namespace

TEST_MAIN()

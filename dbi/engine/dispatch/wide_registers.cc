#include "engine/dispatch/wide_registers.h"

#include <cstring>

#include "engine/dispatch/context.h"

namespace isotach::dbi {
namespace {

// Each of the registers needs instructions of its own.
#define ISOTACH_FIRST_8(one) one(0) one(1) one(2) one(3) one(4) one(5) one(6) one(7)
#define ISOTACH_LOW_16(one) ISOTACH_FIRST_8(one) one(8) one(9) one(10) one(11) one(12) one(13) one(14) one(15)
#define ISOTACH_HIGH_16(one)                                                                              \
  one(16) one(17) one(18) one(19) one(20) one(21) one(22) one(23) one(24) one(25) one(26) one(27) one(28) \
      one(29) one(30) one(31)

using Half = uint8_t[16];
using Upper = uint8_t[32];
using Whole = uint8_t[64];

// Bits 128 to 255.
__attribute__((target("avx"))) void get_half(unsigned number, Half& to) {
  switch (number) {
#define ISOTACH_ONE(n)                                           \
  case n:                                                        \
    asm volatile("vextractf128 $1, %%ymm" #n ", %0" : "=m"(to)); \
    break;
    ISOTACH_LOW_16(ISOTACH_ONE)
#undef ISOTACH_ONE
    default:
      break;
  }
}

// Clears what is above.
__attribute__((target("avx"))) void set_half(unsigned number, const Half& from) {
  switch (number) {
#define ISOTACH_ONE(n)                                                       \
  case n:                                                                    \
    asm volatile("vinsertf128 $1, %0, %%ymm" #n ", %%ymm" #n : : "m"(from)); \
    break;
    ISOTACH_LOW_16(ISOTACH_ONE)
#undef ISOTACH_ONE
    default:
      break;
  }
}

// Bits 256 to 511.
__attribute__((target("avx512f"))) void get_upper(unsigned number, Upper& to) {
  switch (number) {
#define ISOTACH_ONE(n)                                            \
  case n:                                                         \
    asm volatile("vextractf64x4 $1, %%zmm" #n ", %0" : "=m"(to)); \
    break;
    ISOTACH_LOW_16(ISOTACH_ONE)
#undef ISOTACH_ONE
    default:
      break;
  }
}

__attribute__((target("avx512f"))) void set_upper(unsigned number, const Upper& from) {
  switch (number) {
#define ISOTACH_ONE(n)                                                        \
  case n:                                                                     \
    asm volatile("vinsertf64x4 $1, %0, %%zmm" #n ", %%zmm" #n : : "m"(from)); \
    break;
    ISOTACH_LOW_16(ISOTACH_ONE)
#undef ISOTACH_ONE
    default:
      break;
  }
}

// Those of which the context has nothing.
__attribute__((target("avx512f"))) void get_whole(unsigned number, Whole& to) {
  switch (number) {
#define ISOTACH_ONE(n)                                  \
  case n:                                               \
    asm volatile("vmovups %%zmm" #n ", %0" : "=m"(to)); \
    break;
    ISOTACH_HIGH_16(ISOTACH_ONE)
#undef ISOTACH_ONE
    default:
      break;
  }
}

__attribute__((target("avx512f"))) void set_whole(unsigned number, const Whole& from) {
  switch (number) {
#define ISOTACH_ONE(n)                                  \
  case n:                                               \
    asm volatile("vmovups %0, %%zmm" #n : : "m"(from)); \
    break;
    ISOTACH_HIGH_16(ISOTACH_ONE)
#undef ISOTACH_ONE
    default:
      break;
  }
}

bool has_avx() {
  return __builtin_cpu_supports("avx") != 0;
}
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") != 0;
}

}  // namespace

bool has_mask_registers() {
  return has_avx512();
}

__attribute__((target("avx512bw"))) uint64_t read_mask_register(unsigned number) {
  uint64_t value = 0;
  if (!has_avx512()) return 0;
  const bool is_wide = __builtin_cpu_supports("avx512bw") != 0;
  switch (number) {
#define ISOTACH_ONE(n)                                    \
  case n:                                                 \
    if (is_wide) {                                        \
      asm volatile("kmovq %%k" #n ", %0" : "=r"(value));  \
    } else {                                              \
      asm volatile("kmovw %%k" #n ", %k0" : "=r"(value)); \
    }                                                     \
    break;
    ISOTACH_FIRST_8(ISOTACH_ONE)
#undef ISOTACH_ONE
    default:
      break;
  }
  return value;
}

__attribute__((target("avx512bw"))) void write_mask_register(unsigned number, uint64_t value) {
  if (!has_avx512()) return;
  const bool is_wide = __builtin_cpu_supports("avx512bw") != 0;
  switch (number) {
#define ISOTACH_ONE(n)                                  \
  case n:                                               \
    if (is_wide) {                                      \
      asm volatile("kmovq %0, %%k" #n : : "r"(value));  \
    } else {                                            \
      asm volatile("kmovw %k0, %%k" #n : : "r"(value)); \
    }                                                   \
    break;
    ISOTACH_FIRST_8(ISOTACH_ONE)
#undef ISOTACH_ONE
    default:
      break;
  }
}

void read_vector(const ThreadContext& context, unsigned number, size_t size, uint8_t* to) {
  Whole all{};
  if (number >= 16) {
    if (has_avx512()) get_whole(number, all);
  } else {
    std::memcpy(all, context.vectors[number], sizeof(Half));
    if (size > 16 && has_avx()) get_half(number, reinterpret_cast<Half&>(all[16]));
    if (size > 32 && has_avx512()) get_upper(number, reinterpret_cast<Upper&>(all[32]));
  }
  std::memcpy(to, all, size);
}

void write_vector(ThreadContext& context, unsigned number, size_t size, const uint8_t* from) {
  Whole all;
  read_vector(context, number, sizeof all, all);
  std::memcpy(all, from, size);
  if (number >= 16) {
    if (has_avx512()) set_whole(number, all);
    return;
  }
  std::memcpy(context.vectors[number], all, sizeof(Half));
  if (size <= 16) return;
  if (has_avx()) set_half(number, reinterpret_cast<const Half&>(all[16]));
  if (has_avx512()) set_upper(number, reinterpret_cast<const Upper&>(all[32]));
}

ElementForm element_form(const DecodedInstruction& instruction) {
  const MemoryOperand& one = instruction.memory[0];
  ElementForm form{};
  form.displacement = one.displacement;
  form.base = one.base;
  form.index = static_cast<uint8_t>(one.index);
  form.index_bytes = one.index_bytes;
  form.scale = one.scale;
  form.mask = one.mask;
  form.mask_is_vector = one.mask_is_vector;
  form.count = instruction.memory_count;
  form.size = static_cast<uint8_t>(one.size);
  form.segment = one.segment;
  form.address32 = one.address32;
  return form;
}

extern "C" void isotach_find_elements(ThreadContext* context, const ElementForm* form) {
  Whole indices, masks;
  read_vector(*context, form->index, sizeof indices, indices);
  if (form->mask_is_vector) read_vector(*context, form->mask, sizeof masks, masks);
  const uint64_t mask = form->mask_is_vector ? 0 : read_mask_register(form->mask);
  const uint64_t base = form->base >= 0 ? context->registers[form->base] : 0;
  uint64_t segment = 0;
  if (form->segment != Segment::none)
    segment = form->segment == Segment::fs ? context->program_fs : context->program_gs;
  for (unsigned i = 0; i < form->count; ++i) {
    int64_t index = 0;
    if (form->index_bytes == 4) {
      int32_t narrow;
      std::memcpy(&narrow, indices + 4 * i, sizeof narrow);
      index = narrow;
    } else {
      std::memcpy(&index, indices + 8 * i, sizeof index);
    }
    uint64_t address =
        base + static_cast<uint64_t>(index) * form->scale + static_cast<uint64_t>(form->displacement);
    if (form->address32) address = static_cast<uint32_t>(address);
    context->element_addresses[i] = segment + address;
    context->element_on[i] = form->mask_is_vector ? masks[form->size * (i + 1u) - 1] >> 7 : mask >> i & 1;
  }
}

extern "C" void isotach_copy_wide(ThreadContext* context, uint32_t what) {
  read_vector(*context, what & 0xff, what >> 16, context->wide_copies[what >> 8 & 0xff]);
}

extern "C" void isotach_copy_wide_back(ThreadContext* context, uint32_t what) {
  write_vector(*context, what & 0xff, what >> 16, context->wide_copies[what >> 8 & 0xff]);
}

}  // namespace isotach::dbi

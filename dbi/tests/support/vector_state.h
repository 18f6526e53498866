// Vector and mask registers of a stopped thread, from what the kernel gives of its state (XSAVE, standard
// format).
#pragma once

#include <cpuid.h>
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include <cstdint>
#include <cstring>

namespace test {

struct VectorState {
  uint8_t vectors[32][64] = {};
  uint64_t masks[8] = {};
};

// False: the kernel does not tell.
inline bool read_vector_state(int thread, VectorState& state) {
  static uint8_t area[16384];
  iovec buffer{area, sizeof area};
  if (ptrace(static_cast<__ptrace_request>(PTRACE_GETREGSET), thread, NT_X86_XSTATE, &buffer) != 0)
    return false;
  uint64_t present = 0;  // parts that are not in their initial state, which is 0
  std::memcpy(&present, area + 512, sizeof present);
  const auto part = [&](unsigned number) -> const uint8_t* {
    unsigned size = 0, offset = 0, c = 0, d = 0;
    if ((present >> number & 1) == 0 || __get_cpuid_count(13, number, &size, &offset, &c, &d) == 0)
      return nullptr;
    return size != 0 && offset + size <= buffer.iov_len ? area + offset : nullptr;
  };
  if ((present & 2) != 0)
    for (unsigned i = 0; i < 16; ++i) std::memcpy(state.vectors[i], area + 160 + 16 * i, 16);
  if (const uint8_t* halves = part(2))
    for (unsigned i = 0; i < 16; ++i) std::memcpy(state.vectors[i] + 16, halves + 16 * i, 16);
  if (const uint8_t* masks = part(5)) std::memcpy(state.masks, masks, sizeof state.masks);
  if (const uint8_t* uppers = part(6))
    for (unsigned i = 0; i < 16; ++i) std::memcpy(state.vectors[i] + 32, uppers + 32 * i, 32);
  if (const uint8_t* high = part(7)) std::memcpy(state.vectors[16], high, 16 * 64);
  return true;
}

}  // namespace test

#include "engine/dispatch/emulate.h"

#include <signal.h>
#include <sys/syscall.h>

#include <cstring>

#include "engine/decode/scan.h"
#include "engine/dispatch/context.h"
#include "engine/dispatch/signals.h"
#include "engine/dispatch/single_step.h"
#include "engine/os/raw_syscall.h"
#include "engine/os/stop.h"

namespace isotach::dbi {
namespace {

constexpr uint64_t kUserFlags = 0x244cd5;  // those that popf and iretq change, but for the trap flag

// rdfsbase /0, rdgsbase /1, wrfsbase /2, wrgsbase /3: F3 0F AE, register form
bool emulate_segment_base(ThreadContext& context, const uint8_t* bytes, const Scan& scan) {
  const uint8_t modrm = bytes[scan.modrm_offset];
  const unsigned what = modrm >> 3 & 7;
  const unsigned reg = (modrm & 7u) | (scan.rex & 1u) << 3;
  const bool is_wide = (scan.rex & 8) != 0;
  uint64_t& base = (what & 1) == 0 ? context.program_fs : context.program_gs;
  uint64_t& value = context.registers[reg];
  if (what < 2) {
    value = is_wide ? base : static_cast<uint32_t>(base);
  } else {
    const uint64_t wanted = is_wide ? value : static_cast<uint32_t>(value);
    const auto top = static_cast<int64_t>(wanted) >> 47;
    if (top != 0 && top != -1) {
      raise_fault(context, SIGSEGV, SI_KERNEL, 0);
      return false;
    }
    base = wanted;
  }
  context.pc += scan.length;
  return true;
}

// A transaction that always aborts: eax tells no reason, control goes to the fallback.
void emulate_xbegin(ThreadContext& context, const uint8_t* bytes, const Scan& scan) {
  int64_t displacement;
  if (scan.immediate_size == 2) {
    int16_t value;
    std::memcpy(&value, bytes + scan.length - 2, 2);
    displacement = value;
  } else {
    int32_t value;
    std::memcpy(&value, bytes + scan.length - 4, 4);
    displacement = value;
  }
  context.registers[rax] = 0;
  context.pc += scan.length + static_cast<uint64_t>(displacement);
}

// int 0x80: the 32-bit table of system calls, with 32-bit arguments.
void emulate_int80(ThreadContext& context, const Scan& scan) {
  uint64_t* r = context.registers;
  uint64_t result = r[rax];
  register uint64_t argument6 asm("r8") = r[rbp];
  asm volatile(
      "push %%rbp\n\t"
      "push %%rbx\n\t"
      "mov %[b], %%rbx\n\t"
      "mov %%r8, %%rbp\n\t"
      "int $0x80\n\t"
      "pop %%rbx\n\t"
      "pop %%rbp"
      : "+a"(result), "+r"(argument6)
      : [b] "r"(r[rbx]), "c"(r[rcx]), "d"(r[rdx]), "S"(r[rsi]), "D"(r[rdi])
      : "r9", "r10", "r11", "memory", "cc");
  r[rax] = result;
  context.pc += scan.length;
}

void load_flags(ThreadContext& context, uint64_t flags) {
  context.flags = (flags & kUserFlags) | 0x202;
  set_trap_flag(context, flags);
}

// popf and popfw.
bool emulate_popf(ThreadContext& context, const uint8_t* bytes, const Scan& scan) {
  size_t size = 8;
  for (unsigned i = 0; i < scan.prefix_length; ++i) {
    if (bytes[i] == 0x66 && (scan.rex & 8) == 0) size = 2;
  }
  uint64_t value = size == 2 ? context.flags & ~uint64_t{0xffff} : 0;
  if (!isotach_safe_copy(&value, reinterpret_cast<const void*>(context.registers[rsp]), size)) {
    raise_fault(context, SIGSEGV, SEGV_MAPERR, context.registers[rsp]);
    return false;
  }
  load_flags(context, value);
  context.registers[rsp] += size;
  context.pc += scan.length;
  return true;
}

enum class FarReturn : uint8_t { done, faulted, unknown };

// retf and iretq within the program's own code segment.
FarReturn emulate_far_return(ThreadContext& context, const Scan& scan) {
  constexpr uint64_t kCodeSegment = 0x33, kStackSegment = 0x2b;
  const bool is_iret = scan.opcode == 0xcf;
  const bool is_retf = scan.opcode == 0xcb || scan.opcode == 0xca;
  if (scan.map != 0 || (scan.rex & 8) == 0 || (!is_iret && !is_retf)) return FarReturn::unknown;
  uint64_t words[5] = {};  // rip, cs; of iretq also flags, rsp, ss
  const size_t size = is_iret ? 40 : 16;
  if (!isotach_safe_copy(words, reinterpret_cast<const void*>(context.registers[rsp]), size)) {
    raise_fault(context, SIGSEGV, SEGV_MAPERR, context.registers[rsp]);
    return FarReturn::faulted;
  }
  if (words[1] != kCodeSegment || (is_iret && words[4] != kStackSegment)) return FarReturn::unknown;
  context.pc = words[0];
  if (is_iret) {
    load_flags(context, words[2]);
    context.registers[rsp] = words[3];
  } else {
    context.registers[rsp] += size + scan.immediate16;
  }
  return FarReturn::done;
}

}  // namespace

bool emulate_instruction(ThreadContext& context, unsigned length) {
  uint8_t bytes[16] = {};
  std::memcpy(bytes, reinterpret_cast<const void*>(context.pc), length);
  const Scan scan = scan_instruction(bytes, length, context.pc);
  if (scan.map == 1 && scan.opcode == 0xae) return emulate_segment_base(context, bytes, scan);
  if (scan.map == 0 && scan.opcode == 0x9d) return emulate_popf(context, bytes, scan);
  if (scan.map == 0 && scan.opcode == 0xc7) {
    emulate_xbegin(context, bytes, scan);
    return true;
  }
  if (scan.map == 0 && scan.opcode == 0xcd) {
    emulate_int80(context, scan);
    return true;
  }
  const FarReturn result = emulate_far_return(context, scan);
  if (result == FarReturn::unknown) {
    // Others leave 64-bit mode or this code segment; nothing that runs here does that.
    warn("a far transfer is not supported", context.pc);
    raise_fault(context, SIGILL, ILL_ILLOPN, context.pc);
  }
  return result == FarReturn::done;
}

}  // namespace isotach::dbi

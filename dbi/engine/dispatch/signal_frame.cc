#include "engine/dispatch/signal_frame.h"

#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>

#include <cstring>

#include "engine/dispatch/context.h"
#include "engine/dispatch/single_step.h"
#include "engine/os/raw_syscall.h"

namespace isotach::dbi {
namespace {

// The frame as the kernel lays it out; ucontext_t of libc is longer than the kernel's.
struct KernelUserContext {
  uint64_t flags;
  uint64_t link;
  stack_t stack;
  greg_t registers[23];
  uint64_t floating_point;
  uint64_t reserved[8];
  uint64_t mask;
};
struct Frame {
  uint64_t return_address;
  KernelUserContext user;
  siginfo_t info;
};
static_assert(sizeof(KernelUserContext) == 304 && sizeof(Frame) == 440);

constexpr uint64_t kRedZone = 128;
constexpr uint64_t kUserContextFlags = 1 | 2 | 4;  // UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS
constexpr uint32_t kMagic1 = 0x46505853, kMagic2 = 0x46505845;
constexpr unsigned kSoftwareBytes = 464;  // offset in the FXSAVE area of what the kernel says about the rest
constexpr unsigned kVectorsAt = 160;
constexpr size_t kMaximumState = 8192;
constexpr int kAutoDisarm = static_cast<int>(0x80000000u);

struct SoftwareBytes {
  uint32_t magic1;
  uint32_t extended_size;
  uint64_t features;
  uint32_t state_size;
  uint32_t padding[7];
};

struct ExtendedState {
  uint64_t features;
  uint32_t size;
};

__attribute__((target("xsave"))) ExtendedState detect() {
  unsigned a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0) return {0, 512};
  // x87, SSE, AVX and AVX-512. Protection keys and tile data are left in the registers.
  const uint64_t features = _xgetbv(0) & 0xe7;
  uint32_t size = 512 + 64;
  for (unsigned i = 2; i < 8; ++i) {
    if ((features >> i & 1) == 0) continue;
    __cpuid_count(0xd, i, a, b, c, d);
    if (b + a > size) size = b + a;
  }
  return {features, size};
}

const ExtendedState& extended_state() {
  static const ExtendedState state = detect();
  return state;
}

// The program's whole floating point state. Its low vectors and MXCSR are in the context, the rest in the
// processor.
__attribute__((target("xsave"))) void save_state(const ThreadContext& context, uint8_t* area) {
  const ExtendedState& state = extended_state();
  std::memset(area, 0, state.size);
  if (state.features != 0) {
    _xsave64(area, state.features);
    area[512] |= 3;  // x87 and SSE parts are written below, whatever the processor thinks
  }
  uint32_t has_x87;
  std::memcpy(&has_x87, context.x87 + 24, 4);
  if (has_x87 != 0) {
    std::memcpy(area, context.x87, kVectorsAt);
  } else {
    const uint16_t control = 0x37f;
    std::memset(area, 0, kVectorsAt);
    std::memcpy(area, &control, 2);
  }
  std::memcpy(area + 24, &context.mxcsr, 4);
  const uint32_t mxcsr_mask = 0xffff;
  std::memcpy(area + 28, &mxcsr_mask, 4);
  std::memcpy(area + kVectorsAt, context.vectors, sizeof context.vectors);
}

__attribute__((target("xsave"), noinline)) void load_state(ThreadContext& context, uint8_t* area) {
  const ExtendedState& state = extended_state();
  std::memcpy(context.vectors, area + kVectorsAt, sizeof context.vectors);
  std::memcpy(&context.mxcsr, area + 24, 4);
  context.mxcsr &= 0xffff;
  uint32_t has_x87;
  std::memcpy(&has_x87, context.x87 + 24, 4);
  if (has_x87 != 0) {
    std::memcpy(context.x87, area, 512);
    std::memcpy(context.x87 + 24, &context.mxcsr, 4);
  }
  uint64_t present = 0;
  std::memcpy(&present, area + 512, 8);
  if ((state.features & ~uint64_t{3}) != 0) {
    // The parts above: what is not present becomes initial.
    present &= state.features;
    std::memset(area + 520, 0, 56);
    std::memcpy(area + 512, &present, 8);
    std::memcpy(area + 24, &context.host_mxcsr, 4);
    _xrstor64(area, state.features & ~uint64_t{3});
    asm volatile("" ::
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                       "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
  }
}

bool is_on_stack(const stack_t& stack, uint64_t sp) {
  const auto low = reinterpret_cast<uint64_t>(stack.ss_sp);
  return (stack.ss_flags & (SS_DISABLE | kAutoDisarm)) == 0 && sp > low && sp - low <= stack.ss_size;
}

constexpr int kOrder[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                          REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

}  // namespace

bool make_signal_frame(ThreadContext& context, const SignalAction& action, const siginfo_t& info,
                       uint64_t mask, const FaultRegisters& fault) {
  SignalState& signals = *context.signals;
  const ExtendedState& extended = extended_state();
  if (extended.size + 4 > kMaximumState) return false;
  uint64_t sp = context.registers[rsp] - kRedZone;
  stack_t& stack = signals.program_stack;
  if ((action.flags & SA_ONSTACK) != 0 && (stack.ss_flags & SS_DISABLE) == 0 &&
      !is_on_stack(stack, context.registers[rsp])) {
    sp = reinterpret_cast<uint64_t>(stack.ss_sp) + stack.ss_size;
  }

  alignas(64) uint8_t area[kMaximumState];
  save_state(context, area);
  SoftwareBytes software{};
  software.magic1 = kMagic1;
  software.features = extended.features | 3;
  software.state_size = extended.size;
  software.extended_size = extended.size + 4;
  std::memcpy(area + kSoftwareBytes, &software, sizeof software);
  std::memcpy(area + extended.size, &kMagic2, 4);
  const uint64_t state_at = (sp - (extended.size + 4)) & ~uint64_t{63};
  const uint64_t frame_at = ((state_at - sizeof(Frame)) & ~uint64_t{15}) - 8;

  Frame frame{};
  frame.return_address = action.restorer;
  frame.user.flags = kUserContextFlags;
  frame.user.stack = stack;
  for (unsigned i = 0; i < 16; ++i) {
    frame.user.registers[kOrder[i]] = static_cast<greg_t>(context.registers[i]);
  }
  frame.user.registers[REG_RIP] = static_cast<greg_t>(context.pc);
  frame.user.registers[REG_EFL] = static_cast<greg_t>(flags_with_trap(context));
  frame.user.registers[REG_CSGSFS] = 0x33 | greg_t{0x2b} << 48;
  frame.user.registers[REG_ERR] = fault.error;
  frame.user.registers[REG_TRAPNO] = fault.trap;
  frame.user.registers[REG_CR2] = fault.address;
  frame.user.registers[REG_OLDMASK] = static_cast<greg_t>(mask);
  frame.user.floating_point = state_at;
  frame.user.mask = mask;
  frame.info = info;
  if (!isotach_safe_copy(reinterpret_cast<void*>(state_at), area, extended.size + 4) ||
      !isotach_safe_copy(reinterpret_cast<void*>(frame_at), &frame, sizeof frame)) {
    return false;
  }
  if ((stack.ss_flags & kAutoDisarm) != 0) {
    stack = {};
    stack.ss_flags = SS_DISABLE;
  }
  context.registers[rdi] = static_cast<uint64_t>(info.si_signo);
  context.registers[rsi] = frame_at + offsetof(Frame, info);
  context.registers[rdx] = frame_at + offsetof(Frame, user);
  context.registers[rax] = 0;
  context.registers[rsp] = frame_at;
  context.pc = action.handler;
  context.flags &= ~uint64_t{0x400 | 0x10000};
  set_trap_flag(context, 0);
  return true;
}

bool read_signal_frame(ThreadContext& context, uint64_t& mask) {
  Frame frame;
  const uint64_t frame_at = context.registers[rsp] - 8;
  if (!isotach_safe_copy(&frame, reinterpret_cast<void*>(frame_at), sizeof frame)) return false;
  if (frame.user.floating_point != 0) {
    alignas(64) uint8_t area[kMaximumState];
    const ExtendedState& extended = extended_state();
    std::memset(area, 0, sizeof area);
    if (!isotach_safe_copy(area, reinterpret_cast<void*>(frame.user.floating_point), 512)) return false;
    SoftwareBytes software;
    std::memcpy(&software, area + kSoftwareBytes, sizeof software);
    if (software.magic1 == kMagic1 && software.state_size <= extended.size &&
        !isotach_safe_copy(area, reinterpret_cast<void*>(frame.user.floating_point), software.state_size)) {
      return false;
    }
    load_state(context, area);
  }
  for (unsigned i = 0; i < 16; ++i) {
    context.registers[i] = static_cast<uint64_t>(frame.user.registers[kOrder[i]]);
  }
  context.pc = static_cast<uint64_t>(frame.user.registers[REG_RIP]);
  constexpr uint64_t kChangeable = 0x240dd5 & ~kTrapFlag;  // FIX_EFLAGS
  const auto flags = static_cast<uint64_t>(frame.user.registers[REG_EFL]);
  context.flags = (context.flags & ~kChangeable) | (flags & kChangeable);
  set_trap_flag(context, flags);
  context.signals->program_stack = frame.user.stack;
  context.signals->program_stack.ss_flags &= ~SS_ONSTACK;
  mask = frame.user.mask;
  return true;
}

}  // namespace isotach::dbi

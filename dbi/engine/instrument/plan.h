// What a tool asked to be done at each instruction of a trace that is about to be translated: plain data
// between the API, which fills it in, and the emitter, which turns it into code.
//
// A trace is as Pin defines it: it is entered at the top only, goes on behind conditional branches that are
// not taken, and ends at the first unconditional transfer of control, or at a limit. Its parts are basic
// blocks.
//
// One address may have several versions of a trace, for each of which the tool is asked anew. What follows a
// trace has its version, unless the tool wants another one. Indirect branches find version 0 by themselves;
// from and to others the dispatcher leads.
//
// Thread rules: a plan belongs to the thread that translates; the translation lock is held.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/decode/instruction.h"
#include "engine/decode/scan.h"
#include "engine/instrument/short_list.h"

namespace isotach::dbi {

struct ThreadContext;

// Registers of the program as arguments name them. General registers have their machine numbers, 0 to 15.
namespace plan_register {
inline constexpr uint16_t kPc = 16;  // address of the instruction; after it: where the program goes
inline constexpr uint16_t kFlags = 17;
inline constexpr uint16_t kFsBase = 18;
inline constexpr uint16_t kGsBase = 19;
inline constexpr uint16_t kSegment = 20;  // to 25: cs, ss, ds, es, fs, gs selectors
inline constexpr uint16_t kMxcsr = 26;
inline constexpr uint16_t kVector = 32;        // to 63; the argument's size tells xmm, ymm, zmm
inline constexpr uint16_t kMask = 64;          // to 71: k0 to k7
inline constexpr uint16_t kStackFloat = 72;    // to 79: st0 to st7; size 8: mm0 to mm7 (not by stack top)
inline constexpr uint16_t kFloatControl = 80;  // to 87: fcw, fsw, ftw, fop, fip, fcs, fdp, fds
inline constexpr uint16_t kX87 = 88;           // the whole FXSAVE area
inline constexpr uint16_t kTool = 96;          // to 127: registers that tools claim; ThreadContext keeps them
}  // namespace plan_register

// Where the value of one argument of an analysis routine comes from. An address, size or register of a call
// with Place::after is that of before the instruction for memory_... and that of after it for the registers.
enum class ArgumentKind : uint8_t {
  constant,        // value: IARG_ADDRINT, IARG_PTR, IARG_UINT32, IARG_BOOL, IARG_INST_PTR
  register_value,  // value: plan_register, of `size` bytes; up to 8 bytes are passed, wider ones by reference
  register_const_reference,  // address of a copy
  register_reference,        // address of a copy that is written back
  memory_address,            // value: index of the memory operand, as instruction.h counts them
  memory_size,               // value: index; only where instruction.h does not know it (xsave)
  thread_id,                 // dense number of the thread
  thread_context,            // ThreadContext*
  context,                   // CONTEXT*; value: 0 read only, 1 what is written to it takes effect
  branch_taken,              // 0 or 1
  branch_target,             // address where the transfer goes if taken
  fall_through,              // address behind the instruction
  rep_count,                 // REP instructions: value of rcx as iterations left
  first_repetition,          // 1 at the first iteration of a REP instruction
  executing,                 // 0 when predicated off
  return_address,            // what [rsp] holds at routine entry
  function_argument,         // value: n-th integer argument at routine entry; n >= 6: [rsp+8+(n-6)*8]
  function_argument_reference,
  call_site_argument,  // the same before a call instruction; n >= 6: [rsp+(n-6)*8]
  call_site_argument_reference,
  function_result,  // rax
  function_result_reference,
  system_call_number,
  system_call_argument,  // value: n
  system_call_argument_reference,
  system_call_result,
  system_call_errno,
  time_stamp,         // rdtsc
  original_function,  // address that calls what RTN_Replace replaced
  all_accesses,       // MemoryAccesses* of the instruction
  operand_accesses,   // value: place in the list of operands; MemoryAccesses* of its elements
  last_kind
};

struct Argument {
  ArgumentKind kind = ArgumentKind::constant;
  uint8_t size = 8;        // bytes that the routine's parameter has
  bool high_byte = false;  // register_value of ah, ch, dh or bh; `value` is 0 to 3
  uint32_t offset = 0;     // of a buffer's record: where the value goes, `size` bytes of it
  uint64_t value = 0;
};

using ArgumentList = ShortList<Argument, 6>;

enum class Place : uint8_t { before, after, taken_branch, anywhere };

struct Call {
  enum class Step : uint8_t {
    plain,
    condition,  // INS_InsertIfCall: its result decides whether the next `then` is called
    then,
    buffer,  // INS_InsertFillBuffer: `arguments` are stored as a record of buffer `buffer`
    version_case,
  };
  uint64_t routine = 0;  // address of the analysis routine
  ArgumentList arguments;
  Place place = Place::before;
  Step step = Step::plain;
  bool predicated = false;       // only where the instruction's condition (cmov, rep with count 0) holds
  bool after_condition = false;  // buffer: only if the condition before it held
  bool fast_linkage = false;
  bool returns_all = false;       // in the place of a function: rdx, xmm0 and xmm1 are results too
  bool returns_value = false;     // IARG_RETURN_REGS: into `return_register`
  uint16_t return_register = 0;   // plan_register; general registers and kTool ones
  uint8_t return_size = 8;        // in bytes; 4: the upper half becomes 0, as the processor has it
  bool return_high_byte = false;  // ah, ch, dh, bh
  int32_t order = 0;              // IARG_CALL_ORDER: lower is earlier; equal: as inserted
  uint32_t buffer = 0;
  // version_case: where the plan_register `case_register` is `case_value`, the instruction is run in the
  // trace of that version instead.
  uint16_t case_register = 0;
  uint16_t case_version = 0;
  int32_t case_value = 0;
};

// What becomes of an instruction itself.
struct Changes {
  bool removed = false;  // INS_Delete
  // INS_InsertDirectJump, INS_InsertIndirectJump: goes there instead (after the instruction's before calls).
  bool redirected = false;
  bool redirect_after = false;  // after the instruction, not before it
  uint64_t redirect_target = 0;
  int16_t redirect_register = -1;  // plan_register: a general register or a kTool one
  // INS_RewriteMemoryOperand: this plan_register, likewise, holds the address of the operand that is written
  // out.
  int16_t rewrite_register = -1;

  [[nodiscard]] bool any() const { return removed || redirected || rewrite_register >= 0; }
  // Adds what `other` asks for.
  void add(const Changes& other) {
    removed |= other.removed;
    if (other.redirected) {
      redirected = true;
      redirect_after = other.redirect_after;
      redirect_target = other.redirect_target;
      redirect_register = other.redirect_register;
    }
    if (other.rewrite_register >= 0) rewrite_register = other.rewrite_register;
  }
};

struct PlannedInstruction : Changes {
  uint64_t address = 0;
  Scan scan;
  const uint8_t* bytes =
      nullptr;              // where they can be read while the trace is translated: not always `address`
  std::vector<Call> calls;  // in the order in which they were inserted
  DecodedInstruction* decoded = nullptr;  // made when somebody asks: see decoded()
};

// Instructions in their order. What is cleared is kept, so that those of the next trace need no memory.
class PlannedInstructions {
 public:
  PlannedInstruction& emplace_back() {
    if (size_ == all_.size()) {
      ++size_;
      return all_.emplace_back();
    }
    PlannedInstruction& one = all_[size_++];
    one.calls.clear();
    static_cast<Changes&>(one) = {};
    one.decoded = nullptr;
    return one;
  }
  void push_back(const PlannedInstruction& one) { emplace_back() = one; }
  void clear() { size_ = 0; }
  // To fewer.
  void resize(size_t size) { size_ = size; }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  PlannedInstruction* begin() { return all_.data(); }
  PlannedInstruction* end() { return all_.data() + size_; }
  const PlannedInstruction* begin() const { return all_.data(); }
  const PlannedInstruction* end() const { return all_.data() + size_; }
  PlannedInstruction& operator[](size_t i) { return all_[i]; }
  const PlannedInstruction& operator[](size_t i) const { return all_[i]; }
  PlannedInstruction& front() { return all_.front(); }
  PlannedInstruction& back() { return all_[size_ - 1]; }
  const PlannedInstruction& front() const { return all_.front(); }
  const PlannedInstruction& back() const { return all_[size_ - 1]; }

 private:
  std::vector<PlannedInstruction> all_;
  size_t size_ = 0;
};

struct PlannedBlock {
  uint32_t first = 0, count = 0;  // instructions of the trace
  int32_t next_version = -1;      // BBL_SetTargetVersion; -1: the trace's own
};

struct TracePlan {
  uint64_t address = 0;
  uint16_t version = 0;
  PlannedInstructions instructions;
  std::vector<PlannedBlock> blocks;
  bool compares = false;      // the unit is to compare the program's bytes each time it is entered
  bool is_original = false;   // begins with a function that a tool has replaced, and is to run it
  bool is_step = false;       // one instruction, after which the dispatcher is to act
  bool instrumented = false;  // some instruction has calls, is removed or redirected
  std::shared_ptr<DecodedPool> pool = std::make_shared<DecodedPool>();  // to be cleared with the plan
};

// The instruction in full; made at the first look.
inline const DecodedInstruction& decoded(const TracePlan& plan, PlannedInstruction& instruction) {
  if (instruction.decoded == nullptr) {
    instruction.decoded = &plan.pool->decode(instruction.bytes, instruction.scan.length, instruction.address);
  }
  return *instruction.decoded;
}

// What the emitter calls between decoding and emitting when a tool is loaded. Set once, before the program
// runs.
using Instrumenter = void (*)(ThreadContext&, TracePlan&);

}  // namespace isotach::dbi

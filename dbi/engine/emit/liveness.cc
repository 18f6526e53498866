#include "engine/emit/liveness.h"

#include <algorithm>

#include "engine/dispatch/context.h"

namespace isotach::dbi {
namespace {

// What compilers write between registers; all else counts as able to fault.
bool may_fault(const Scan& scan, const uint8_t* bytes) {
  if (scan.vector_prefix || scan.map > 1) return true;
  const uint8_t opcode = scan.opcode;
  if (scan.modrm_offset != 0) {
    if (scan.map == 0 && opcode == 0x8d) return false;
    const bool is_register = bytes[scan.modrm_offset] >> 6 == 3;
    if (!is_register) return true;
    if (scan.map == 1) {
      return !((opcode >= 0x40 && opcode <= 0x4f) || (opcode >= 0x90 && opcode <= 0x9f) || opcode == 0xaf ||
               (opcode >= 0xb6 && opcode <= 0xb7) || (opcode >= 0xbe && opcode <= 0xbf));
    }
    return !(opcode < 0x40 || opcode == 0x63 || opcode == 0x69 || opcode == 0x6b ||
             (opcode >= 0x80 && opcode <= 0x8b) || opcode == 0xc0 || opcode == 0xc1 || opcode == 0xc6 ||
             opcode == 0xc7 || (opcode >= 0xd0 && opcode <= 0xd3));
  }
  if (scan.map != 0) return true;
  const bool is_arithmetic = opcode < 0x40 && ((opcode & 7) == 4 || (opcode & 7) == 5);
  return !(is_arithmetic || (opcode >= 0x90 && opcode <= 0x99) || opcode == 0xa8 || opcode == 0xa9 ||
           (opcode >= 0xb0 && opcode <= 0xbf));
}

// Whether a call can see more of the program than where its memory operands lie.
bool sees_registers(const Call& call) {
  return std::any_of(call.arguments.begin(), call.arguments.end(), [](const Argument& argument) {
    switch (argument.kind) {
      case ArgumentKind::constant:
      case ArgumentKind::memory_address:
      case ArgumentKind::memory_size:
      case ArgumentKind::thread_id:
      case ArgumentKind::fall_through:
      case ArgumentKind::branch_taken:
      case ArgumentKind::executing:
      case ArgumentKind::first_repetition:
      case ArgumentKind::time_stamp:
        return false;
      default:
        return true;
    }
  });
}

struct Seen {
  bool before = false, after = false;
};

Seen seen_by_calls(const PlannedInstruction& instruction) {
  Seen seen;
  for (const Call& call : instruction.calls) {
    if (sees_registers(call)) (call.place == Place::after ? seen.after : seen.before) = true;
  }
  return seen;
}

}  // namespace

void compute_liveness(const TracePlan& plan, Liveness& out) {
  const size_t count = plan.instructions.size();
  out.registers.assign(count + 1, 0xffff);
  out.at_faults.assign(count + 1, 0xffff);
  out.flags.assign(count + 1, kStatusFlags);
  out.touched.assign(count, 0xffff);
  for (size_t i = count; i-- > 0;) {
    const PlannedInstruction& instruction = plan.instructions[i];
    const Scan& scan = instruction.scan;
    const Seen seen = seen_by_calls(instruction);
    if (seen.after) {
      out.registers[i + 1] = out.at_faults[i + 1] = 0xffff;
      out.flags[i + 1] = kStatusFlags;
    }
    uint16_t registers = 0xffff, at_faults = 0xffff;
    uint32_t flags = kStatusFlags;
    if (scan.flow == Flow::next && !instruction.any()) {
      const RegisterUse use = general_register_use(scan, instruction.bytes);
      out.touched[i] = use.touched;
      registers = static_cast<uint16_t>((out.registers[i + 1] & ~use.written) | use.read);
      if (!may_fault(scan, instruction.bytes))
        at_faults = static_cast<uint16_t>((out.at_faults[i + 1] & ~use.written) | use.read);
      flags = (out.flags[i + 1] & ~scan.flags_written) | (scan.flags_read & kStatusFlags);
    }
    if (seen.before) {
      registers = at_faults = 0xffff;
      flags = kStatusFlags;
    }
    out.registers[i] = static_cast<uint16_t>(registers | 1u << rsp);
    out.at_faults[i] = static_cast<uint16_t>(at_faults | 1u << rsp);
    out.flags[i] = flags;
  }
}

}  // namespace isotach::dbi

#include "engine/emit/inline.h"

#include <cstring>
#include <unordered_map>

#include "engine/decode/instruction.h"
#include "engine/dispatch/context.h"
#include "engine/dispatch/signals.h"

namespace isotach::dbi {
namespace {

constexpr unsigned kMaximumInstructions = 24;
constexpr uint16_t kCalleeSaved = 1u << rbx | 1u << rbp | 1u << r12 | 1u << r13 | 1u << r14 | 1u << r15;

bool is_endbr64(const uint8_t* bytes) {
  static constexpr uint8_t kEndbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
  return std::memcmp(bytes, kEndbr64, 4) == 0;
}

uint64_t rip_target(const PlannedInstruction& instruction) {
  int32_t displacement;
  std::memcpy(&displacement, instruction.bytes + instruction.scan.displacement_offset, 4);
  return instruction.address + instruction.scan.length + static_cast<uint64_t>(int64_t{displacement});
}

// add qword ptr [memory], imm8 / imm32 / reg, inc: what is added. False: it is something else.
bool is_add_to_memory(const PlannedInstruction& instruction, InlineBody& body) {
  const Scan& scan = instruction.scan;
  if (scan.map != 0 || (scan.rex & 8) == 0 || scan.modrm_offset == 0 || scan.vector_prefix) return false;
  const uint8_t modrm = instruction.bytes[scan.modrm_offset];
  if (modrm >> 6 == 3) return false;
  const uint8_t extension = modrm >> 3 & 7;
  if (scan.opcode == 0x83 && extension == 0) {
    body.addend = static_cast<int8_t>(instruction.bytes[scan.immediate_offset]);
    return true;
  }
  if (scan.opcode == 0x81 && extension == 0) {
    std::memcpy(&body.addend, instruction.bytes + scan.immediate_offset, 4);
    return true;
  }
  if (scan.opcode == 0xff && extension == 0) {
    body.addend = 1;
    return true;
  }
  if (scan.opcode == 0x01) {
    const unsigned reg = extension | (scan.rex >> 2 & 1u) << 3;
    if (reg != rdi) return false;
    body.addend_register = rdi;
    return true;
  }
  return false;
}

bool has_lock_prefix(const PlannedInstruction& instruction) {
  for (unsigned i = 0; i < instruction.scan.prefix_length; ++i) {
    if (instruction.bytes[i] == 0xf0) return true;
  }
  return false;
}

// mov edi, edi: the upper half of a 32 bit argument is cut off. Arguments come that way already.
bool is_move_of_argument(const PlannedInstruction& instruction) {
  return instruction.scan.length == 2 && instruction.bytes[0] == 0x89 && instruction.bytes[1] == 0xff;
}

// Moves, by name: a shift by cl may change flags without always doing so, so the masks of Scan do not tell.
bool leaves_flags_alone(const Scan& scan) {
  if (scan.vector_prefix) return false;
  const uint8_t opcode = scan.opcode;
  if (scan.map == 1)
    return opcode == 0xb6 || opcode == 0xb7 || opcode == 0xbe || opcode == 0xbf || opcode == 0x1f;
  if (scan.map != 0) return false;
  return (opcode >= 0x88 && opcode <= 0x8b) || opcode == 0x8d || opcode == 0x63 ||
         (opcode >= 0xb0 && opcode <= 0xbf) || opcode == 0xc6 || opcode == 0xc7 || opcode == 0x90;
}

void find_increment(InlineBody& body) {
  std::vector<const PlannedInstruction*> rest;
  for (const PlannedInstruction& instruction : body.instructions) {
    if (!is_move_of_argument(instruction)) rest.push_back(&instruction);
  }
  if (rest.empty() || rest.size() > 2 || !is_add_to_memory(*rest.back(), body) ||
      has_lock_prefix(*rest.back())) {
    return;
  }
  const PlannedInstruction& add = *rest.back();
  if (rest.size() == 1) {
    if (!add.scan.rip_relative) return;
    body.address = rip_target(add);
    body.is_increment = true;
    return;
  }
  // mov reg, [rip + entry of the global offset table]; add qword ptr [reg], ...
  const PlannedInstruction& load = *rest.front();
  if (load.scan.map != 0 || load.scan.opcode != 0x8b || !load.scan.rip_relative || (load.scan.rex & 8) == 0)
    return;
  const unsigned loaded = (load.bytes[load.scan.modrm_offset] >> 3 & 7) | (load.scan.rex >> 2 & 1u) << 3;
  const uint8_t modrm = add.bytes[add.scan.modrm_offset];
  if (modrm >> 6 != 0 || (modrm & 7) == 4 || (modrm & 7) == 5) return;
  if (((modrm & 7u) | (add.scan.rex & 1u) << 3) != loaded || add.scan.segment != Segment::none) return;
  std::memcpy(&body.address, reinterpret_cast<const void*>(rip_target(load)), 8);
  body.is_increment = true;
}

bool only_counters = false;

InlineBody look_at(uint64_t routine) {
  InlineBody body;
  uint64_t at = routine;
  uint8_t probe[16];
  for (unsigned count = 0; count < kMaximumInstructions; ++count) {
    if (!isotach_safe_copy(probe, reinterpret_cast<const void*>(at), sizeof probe)) return body;
    const auto* bytes = reinterpret_cast<const uint8_t*>(at);
    if (is_endbr64(bytes)) {
      at += 4;
      continue;
    }
    PlannedInstruction instruction;
    instruction.address = at;
    instruction.bytes = bytes;
    instruction.scan = scan_instruction(bytes, 15, at);
    const Scan& scan = instruction.scan;
    if (scan.flow == Flow::return_near) {
      find_increment(body);
      body.is_usable = body.is_increment || !only_counters;
      return body;
    }
    if (scan.flow != Flow::next || scan.uses_x87 || scan.is_rep_string || scan.segment == Segment::gs)
      return body;
    DecodedPool pool;
    const DecodedInstruction& full = pool.decode(bytes, scan.length, at);
    if (!full.is_valid || full.vector_read != 0 || full.vector_written != 0) return body;
    if ((full.gpr_touched & (1u << rsp | kCalleeSaved)) != 0) return body;
    // What is neither register nor memory nor flag (cpuid, xgetbv, fences) is rare: leave it to a call.
    if ((scan.flags_read & kDirection) != 0 || (scan.flags_written & kDirection) != 0) return body;
    body.touched |= static_cast<uint16_t>(full.gpr_touched);
    if (!leaves_flags_alone(scan)) body.writes_flags = true;
    body.instructions.push_back(instruction);
    at += scan.length;
  }
  return body;
}

}  // namespace

void call_all_but_counters() {
  only_counters = true;
}

const InlineBody& inline_body(uint64_t routine) {
  static std::unordered_map<uint64_t, InlineBody> bodies;  // whose elements stay where they are
  static uint64_t last_routine = 0;
  static const InlineBody* last = nullptr;
  if (last != nullptr && last_routine == routine) return *last;
  const auto [found, is_new] = bodies.try_emplace(routine);
  if (is_new) found->second = look_at(routine);
  last_routine = routine;
  last = &found->second;
  return found->second;
}

}  // namespace isotach::dbi

// Analysis routines written in place, and records of trace buffers.
#include <algorithm>

#include "engine/emit/calls.h"
#include "engine/emit/records.h"
#include "engine/instrument/buffer.h"
#include "engine/instrument/counters.h"

namespace isotach::dbi {
namespace {

constexpr uint8_t kArgumentRegisters[] = {rdi, rsi, rdx, rcx, r8, r9};

bool reaches(const Assembler& code, uint64_t address) {
  // From the end of an instruction of at most 16 bytes.
  const auto distance = static_cast<int64_t>(address - code.address());
  return distance > INT32_MIN + 64 && distance < INT32_MAX - 64;
}

// The program's registers whose value an argument needs.
uint16_t sources(const Call& call, const DecodedInstruction* instruction) {
  uint16_t mask = 0;
  for (const Argument& argument : call.arguments) {
    if (argument.kind == ArgumentKind::register_value && argument.value < 16) {
      mask |= static_cast<uint16_t>(1u << argument.value);
    }
    if (argument.kind == ArgumentKind::memory_address && instruction != nullptr) {
      const MemoryOperand& operand = instruction->memory[argument.value];
      if (operand.base >= 0 && operand.base < 16) mask |= static_cast<uint16_t>(1u << operand.base);
      if (operand.index >= 0) mask |= static_cast<uint16_t>(1u << operand.index);
    }
  }
  return mask;
}

bool wants_addresses(const Call& call) {
  return std::any_of(call.arguments.begin(), call.arguments.end(),
                     [](const Argument& a) { return a.kind == ArgumentKind::memory_address; });
}

// Low registers first: their encodings are shorter.
int dead_register(uint16_t live, uint16_t avoid) {
  for (const uint8_t reg : {rax, rcx, rdx, rsi, rdi, rbx, rbp}) {
    if (((live | avoid) >> reg & 1) == 0) return reg;
  }
  for (uint8_t reg = r8; reg <= r15; ++reg) {
    if (((live | avoid) >> reg & 1) == 0) return reg;
  }
  return -1;
}

// op [rip + x], with the displacement counted from the end of the instruction.
void rip_form(Assembler& code, std::initializer_list<uint8_t> head, uint8_t reg, uint64_t address,
              unsigned behind) {
  code.bytes(head);
  code.byte(static_cast<uint8_t>(0x05 | (reg & 7) << 3));
  code.int32(static_cast<int32_t>(address - (code.address() + 4 + behind)));
}

}  // namespace

bool CallEmitter::can_be_inlined(const Call& call, Place place) const {
  if ((call.predicated && !runs_) || call.after_condition) return false;
  // A result goes where no register of the program is.
  if (call.returns_value && (call.return_register < plan_register::kTool || call.returns_all)) return false;
  if (call.step != Call::Step::plain && call.step != Call::Step::buffer) return false;
  if (place == Place::after && wants_addresses(call)) return false;
  if (!std::all_of(call.arguments.begin(), call.arguments.end(),
                   [&](const Argument& argument) { return can_load_live(argument, place); })) {
    return false;
  }
  if (call.step == Call::Step::buffer) return true;
  return call.arguments.size() <= 6 && inline_body(call.routine).is_usable;
}

void CallEmitter::emit_increment(const InlineBody& body, int32_t addend) {
  // `after` needs the state behind the instruction; emit_inlined has seen to that.
  const uint16_t live = current_live_registers_;
  const bool flags_are_live = current_live_flags_ != 0;
  const bool is_small = addend == static_cast<int8_t>(addend);
  const auto add_constant = [&] {
    if (is_small) {
      code_.byte(static_cast<uint8_t>(addend));
    } else {
      code_.int32(addend);
    }
  };
  const std::optional<int32_t> cell = cell_of(body.address);
  if (cell && !flags_are_live) {
    // add qword ptr gs:[cell], addend
    code_.bytes({0x65, 0x48, static_cast<uint8_t>(is_small ? 0x83 : 0x81), 0x04, 0x25});
    code_.int32(*cell);
    add_constant();
    return;
  }
  const bool near = reaches(code_, body.address);
  if (near && !flags_are_live) {
    rip_form(code_, {0x48, static_cast<uint8_t>(is_small ? 0x83 : 0x81)}, 0, body.address, is_small ? 1 : 4);
    add_constant();
    return;
  }
  const auto borrow = [&](uint16_t avoid, bool& is_spilled) {
    int reg = dead_register(live, avoid);
    is_spilled = reg < 0;
    if (!is_spilled) {
      e_.lose(static_cast<uint8_t>(reg), current_index_);
    } else {
      reg = (avoid >> rax & 1) == 0 ? rax : rcx;
      code_.store_gs(static_cast<uint8_t>(reg), register_offset(static_cast<unsigned>(reg)));
    }
    return static_cast<uint8_t>(reg);
  };
  bool value_spilled = false;
  bool address_spilled = false;
  const uint8_t first = borrow(1u << rsp, value_spilled);
  uint8_t second = first;
  if (cell) {
    code_.load_gs(first, *cell);
    code_.lea(first, first, addend);
    code_.store_gs(first, *cell);
  } else if (near) {
    const auto rex = static_cast<uint8_t>(0x48 | (first >> 3 << 2));
    rip_form(code_, {rex, 0x8b}, first, body.address, 0);
    code_.lea(first, first, addend);
    rip_form(code_, {static_cast<uint8_t>(0x48 | (first >> 3 << 2)), 0x89}, first, body.address, 0);
  } else if (!flags_are_live) {
    code_.mov_reg_imm64(first, body.address);
    const bool needs_sib = (first & 7) == rsp;
    const bool needs_displacement = (first & 7) == rbp;
    code_.bytes({static_cast<uint8_t>(0x48 | (first >> 3)), static_cast<uint8_t>(is_small ? 0x83 : 0x81),
                 static_cast<uint8_t>((needs_displacement ? 0x40 : 0) | (first & 7))});
    if (needs_sib) code_.byte(0x24);
    if (needs_displacement) code_.byte(0);
    add_constant();
  } else {
    second = borrow(static_cast<uint16_t>(1u << rsp | 1u << first), address_spilled);
    code_.mov_reg_imm64(second, body.address);
    code_.load(first, second, 0);
    code_.lea(first, first, addend);
    code_.store(first, second, 0);
  }
  if (address_spilled) code_.load_gs(second, register_offset(second));
  if (value_spilled) code_.load_gs(first, register_offset(first));
}

bool plain_count_of(const PlannedInstruction& instruction, PlainCount& count) {
  if (instruction.calls.size() != 1 || instruction.removed || instruction.redirected) return false;
  if (instruction.scan.is_rep_string) return false;
  const Call& call = instruction.calls.front();
  const bool is_before = call.place == Place::before || call.place == Place::anywhere;
  if (!is_before || call.step != Call::Step::plain || call.predicated || call.returns_value) return false;
  const InlineBody& body = inline_body(call.routine);
  if (!body.is_increment) return false;
  count.counter = body.address;
  count.addend = body.addend;
  if (body.addend_register < 0) return true;
  if (call.arguments.empty() || call.arguments[0].kind != ArgumentKind::constant) return false;
  if (call.arguments[0].value > INT32_MAX) return false;
  count.addend = static_cast<int32_t>(call.arguments[0].value);
  return true;
}

void CallEmitter::emit_plain_count(const Call& call, uint16_t busy, std::optional<int32_t> addend) {
  const InlineBody& body = inline_body(call.routine);
  if (!addend)
    addend = body.addend_register < 0 ? body.addend : static_cast<int32_t>(call.arguments[0].value);
  current_index_ = index_;
  current_live_registers_ = e_.live_.registers[index_] | busy;
  current_live_flags_ = e_.live_.flags[index_];
  emit_increment(body, *addend);
}

void CallEmitter::emit_inlined(const Call& call, Place place) {
  const InlineBody& body = inline_body(call.routine);
  const uint32_t at = index_ + (place == Place::after ? 1u : 0u);
  current_index_ = at;
  current_live_registers_ = e_.live_.registers[at];
  current_live_flags_ = e_.live_.flags[at];
  if (instruction_.scan.is_rep_string) {
    // Inside the loop that a repeated instruction becomes, everything counts.
    current_live_registers_ = 0xffff;
    current_live_flags_ = kStatusFlags;
  }
  if (body.is_increment && !call.returns_value) {
    const bool by_argument = body.addend_register >= 0;
    if (!by_argument) {
      emit_increment(body, body.addend);
      return;
    }
    if (!call.arguments.empty() && call.arguments[0].kind == ArgumentKind::constant &&
        call.arguments[0].value <= INT32_MAX) {
      emit_increment(body, static_cast<int32_t>(call.arguments[0].value));
      return;
    }
  }
  const size_t count = call.arguments.size();
  uint16_t borrowed = body.touched;
  for (size_t i = 0; i < count; ++i) borrowed |= static_cast<uint16_t>(1u << kArgumentRegisters[i]);
  const bool keep_flags = body.writes_flags && current_live_flags_ != 0;
  if (keep_flags || call.returns_value) borrowed |= 1u << rax;
  const uint16_t kept =
      borrowed & (current_live_registers_ | sources(call, wants_addresses(call) ? &full() : nullptr));
  for (uint8_t reg = 0; reg < 16; ++reg) {
    if ((kept >> reg & 1) != 0) code_.store_gs(reg, register_offset(reg));
    if ((borrowed & ~current_live_registers_) >> reg & 1) e_.lose(reg, at);
  }
  if (keep_flags) {
    code_.bytes({0x9f, 0x0f, 0x90, 0xc0});  // lahf; seto al
    code_.store_gs(rax, CONTEXT_CALL_FLAGS);
  }
  for (size_t i = 0; i < count; ++i) load_argument_live(call.arguments[i], kArgumentRegisters[i], borrowed);
  const uint16_t begin = e_.here();
  for (const PlannedInstruction& instruction : body.instructions) e_.emit_copy(instruction);
  e_.tool_code_.push_back({begin, e_.here(), call.routine});
  if (call.returns_value) code_.store_gs(rax, tool_register_offset(call.return_register));
  if (keep_flags) {
    code_.load_gs(rax, CONTEXT_CALL_FLAGS);
    code_.bytes({0x04, 0x7f, 0x9e});  // add al, 127; sahf
  }
  for (uint8_t reg = 0; reg < 16; ++reg) {
    if ((kept & current_live_registers_) >> reg & 1) code_.load_gs(reg, register_offset(reg));
  }
  e_.mark(0);
}

// A record of a conditional move, which reads its flags: over it by a jump. False: it is another instruction.
bool CallEmitter::emit_record_if(const Call& call, Place place) {
  const Scan& scan = instruction_.scan;
  if (call.step != Call::Step::buffer || !call.predicated || place != Place::before) return false;
  if (scan.map != 1 || scan.vector_prefix || scan.opcode < 0x40 || scan.opcode > 0x4f) return false;
  Call always = call;
  always.predicated = false;
  if (!can_be_inlined(always, place)) return false;
  code_.bytes({0x0f, static_cast<uint8_t>(0x80 | ((scan.opcode & 15) ^ 1))});  // the opposite condition
  code_.int32(0);
  uint8_t* to_skip = code_.at();
  RecordEmitter(e_).emit_alone(always, index_, place);
  code_.land(to_skip);
  return true;
}

}  // namespace isotach::dbi

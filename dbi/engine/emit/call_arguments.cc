// The values that analysis routines are given.
#include <algorithm>
#include <cstring>
#include <iterator>

#include "engine/dispatch/engine.h"
#include "engine/dispatch/wide_registers.h"
#include "engine/emit/calls.h"
#include "engine/os/stop.h"

namespace isotach::dbi {
namespace {

// cs, ss, ds, es, fs, gs of a 64-bit program.
constexpr uint64_t kSelectors[] = {0x33, 0x2b, 0, 0, 0, 0};

constexpr uint8_t kIntegerArguments[] = {rdi, rsi, rdx, rcx, r8, r9};

// movzx to, [base + offset] of 1 or 2 bytes; mov of 4.
void load_narrow(Assembler& code, uint8_t to, uint8_t base, int32_t offset, unsigned size) {
  const auto rex = static_cast<uint8_t>(0x40 | (to >> 3 << 2) | (base >> 3));
  const auto modrm = static_cast<uint8_t>(0x80 | (to & 7) << 3 | (base & 7));
  if (size == 4) {
    code.bytes({rex, 0x8b, modrm});
  } else {
    code.bytes({rex, 0x0f, static_cast<uint8_t>(size == 1 ? 0xb6 : 0xb7), modrm});
  }
  code.int32(offset);
}

void cut_to_32_bits(Assembler& code, uint8_t reg) {
  const auto rex = static_cast<uint8_t>(0x40 | (reg >> 3 << 2) | (reg >> 3));
  code.bytes({rex, 0x89, static_cast<uint8_t>(0xc0 | (reg & 7) << 3 | (reg & 7))});
}

unsigned log2_of(unsigned scale) {
  return scale == 8 ? 3 : scale == 4 ? 2 : scale == 2 ? 1 : 0;
}

// A vector register of which the context does not hold all.
bool is_wide(const Argument& argument) {
  if (argument.kind != ArgumentKind::register_reference &&
      argument.kind != ArgumentKind::register_const_reference)
    return false;
  const uint64_t number = argument.value;
  return number >= plan_register::kVector && number < plan_register::kVector + 32 &&
         (argument.size > 16 || number >= plan_register::kVector + 16);
}

bool takes_accesses(const Call& call) {
  return std::any_of(call.arguments.begin(), call.arguments.end(), [](const Argument& argument) {
    return argument.kind == ArgumentKind::all_accesses || argument.kind == ArgumentKind::operand_accesses;
  });
}

}  // namespace

int CallEmitter::element_of(const Call& call) const {
  for (const Argument& argument : call.arguments) {
    const bool is_mask = argument.kind == ArgumentKind::executing && argument.value != 0;
    if (argument.kind != ArgumentKind::memory_address && !is_mask) continue;
    const MemoryOperand& operand = full().memory[argument.value - (is_mask ? 1 : 0)];
    if (operand.index_is_vector) return operand.element;
  }
  return -1;
}

bool CallEmitter::is_about_elements(const Calls& calls) const {
  return std::any_of(calls.begin(), calls.end(), [&](const Call* call) {
    return element_of(*call) >= 0 || (takes_accesses(*call) && full().memory[0].index_is_vector);
  });
}

// A routine of the engine, which gets the context and a number.
void CallEmitter::emit_routine(uint64_t routine, uint32_t second_argument) {
  code_.mov_reg_reg(rdi, rbx);
  code_.mov_reg_imm64(rsi, second_argument);
  code_.bytes({0xff, 0x15});  // call [rip + constant]
  code_.relative32(e_.constant(routine));
}

void CallEmitter::emit_find_elements() {
  const ElementForm form = element_form(full());
  uint64_t words[sizeof(ElementForm) / 8];
  static_assert(sizeof words == sizeof form);
  std::memcpy(words, &form, sizeof form);
  const uint64_t at = e_.constant(words[0]);
  for (size_t i = 1; i < std::size(words); ++i) e_.constant(words[i]);
  code_.mov_reg_reg(rdi, rbx);
  code_.mov_reg_imm64(rsi, at);
  code_.bytes({0xff, 0x15});
  code_.relative32(e_.constant(reinterpret_cast<uint64_t>(&isotach_find_elements)));
}

unsigned CallEmitter::wide_copy_of(const Argument& argument) {
  const auto* const known = std::find(wide_, wide_ + wide_count_, argument.value);
  return static_cast<unsigned>(known - wide_);
}

// Each register has one copy, as large as the largest argument that refers to it.
void CallEmitter::copy_wide_arguments(const Call& call, bool back) {
  if (!back) wide_count_ = 0;
  bool keeps_result = false;
  for (const Argument& argument : call.arguments) {
    if (!is_wide(argument)) continue;
    if (!back && wide_copy_of(argument) == wide_count_) {
      if (wide_count_ == std::size(wide_))
        stop("a routine has references to too many vector registers", call.routine);
      wide_[wide_count_++] = argument.value;
    }
    if (back && argument.kind != ArgumentKind::register_reference) continue;
    if (back && !keeps_result)
      code_.mov_reg_reg(r12, rax);  // of a condition; the context has the program's r12
    keeps_result |= back;
    const auto number = static_cast<unsigned>(argument.value - plan_register::kVector);
    const uint32_t what = wide_argument(number, wide_copy_of(argument), argument.size);
    emit_routine(reinterpret_cast<uint64_t>(back ? &isotach_copy_wide_back : &isotach_copy_wide), what);
  }
  if (keeps_result) code_.mov_reg_reg(rax, r12);
}

void CallEmitter::load_program_register(unsigned number, uint8_t to) {
  code_.load(to, rbx, register_offset(number));
}

void CallEmitter::load_register(const Argument& argument, uint8_t to) {
  const auto number = static_cast<unsigned>(argument.value);
  if (number < 16) {
    const int32_t offset = register_offset(number) + (argument.high_byte ? 1 : 0);
    if (argument.size >= 8) {
      code_.load(to, rbx, offset);
    } else {
      load_narrow(code_, to, rbx, offset, argument.size);
    }
    return;
  }
  switch (number) {
    case plan_register::kPc:
      code_.mov_reg_imm64(to, instruction_.address);
      return;
    case plan_register::kFlags:
      code_.load(to, rbx, CONTEXT_FLAGS);
      return;
    case plan_register::kFsBase:
      code_.load(to, rbx, CONTEXT_PROGRAM_FS);
      return;
    case plan_register::kGsBase:
      code_.load(to, rbx, CONTEXT_PROGRAM_GS);
      return;
    case plan_register::kMxcsr:
      load_narrow(code_, to, rbx, CONTEXT_MXCSR, 4);
      return;
    default:
      break;
  }
  if (number >= plan_register::kSegment && number < plan_register::kSegment + 6) {
    code_.mov_reg_imm64(to, kSelectors[number - plan_register::kSegment]);
    return;
  }
  if (number >= plan_register::kVector && number < plan_register::kVector + 16 && argument.size <= 8) {
    code_.load(to, rbx, static_cast<int32_t>(CONTEXT_VECTORS + 16 * (number - plan_register::kVector)));
    return;
  }
  if (number >= plan_register::kTool && number < plan_register::kTool + 32) {
    code_.load(to, rbx, tool_register_offset(number));
    return;
  }
  stop("an argument names a register whose value is not supported yet", number);
}

void CallEmitter::load_memory_address(const MemoryOperand& operand, uint8_t to) {
  if (operand.index_is_vector) {
    code_.load(to, rbx, CONTEXT_ELEMENT_ADDRESSES + 8 * operand.element);
    return;
  }
  int64_t displacement = operand.displacement;
  if (operand.base == kInstructionPointer) {
    code_.mov_reg_imm64(
        to, instruction_.address + instruction_.scan.length + static_cast<uint64_t>(displacement));
    displacement = 0;
  } else if (operand.base >= 0) {
    load_program_register(static_cast<unsigned>(operand.base), to);
  } else {
    code_.mov_reg_imm64(to, static_cast<uint64_t>(displacement));
    displacement = 0;
  }
  if (operand.index_is_al) {
    load_narrow(code_, rax, rbx, register_offset(rax), 1);
    code_.lea_index(to, to, rax, 0);
  } else if (operand.index >= 0) {
    load_program_register(static_cast<unsigned>(operand.index), rax);
    code_.lea_index(to, to, rax, static_cast<uint8_t>(log2_of(operand.scale)));
  }
  if (displacement != 0) code_.lea(to, to, static_cast<int32_t>(displacement));
  if (operand.address32) cut_to_32_bits(code_, to);
  if (operand.segment != Segment::none) {
    code_.load(rax, rbx, operand.segment == Segment::fs ? CONTEXT_PROGRAM_FS : CONTEXT_PROGRAM_GS);
    code_.lea_index(to, to, rax, 0);
  }
}

void CallEmitter::load_branch_target(uint8_t to) {
  const Scan& scan = instruction_.scan;
  switch (scan.flow) {
    case Flow::jump:
    case Flow::jump_if:
    case Flow::jump_if_count:
    case Flow::call:
      code_.mov_reg_imm64(to, scan.target);
      return;
    case Flow::return_near:
      load_program_register(rsp, to);
      code_.load(to, to, 0);
      return;
    case Flow::jump_indirect:
    case Flow::call_indirect: {
      const uint8_t modrm = instruction_.bytes[scan.modrm_offset];
      if (modrm >> 6 == 3) {
        load_program_register((modrm & 7u) | (scan.rex & 1u) << 3, to);
        return;
      }
      const DecodedInstruction& instruction = full();
      for (unsigned i = 0; i < instruction.memory_count; ++i) {
        if (instruction.memory[i].is_implicit) continue;
        load_memory_address(instruction.memory[i], to);
        code_.load(to, to, 0);
        return;
      }
      break;
    }
    default:
      break;
  }
  code_.mov_reg_imm64(to, instruction_.address + scan.length);
}

void CallEmitter::load_argument(const Argument& argument, uint8_t to, Place place) {
  const auto number = static_cast<unsigned>(argument.value);
  switch (argument.kind) {
    case ArgumentKind::constant:
      code_.mov_reg_imm64(to, argument.value);
      return;
    case ArgumentKind::register_value:
      load_register(argument, to);
      return;
    case ArgumentKind::register_const_reference:
    case ArgumentKind::register_reference: {
      int32_t offset = -1;
      if (number >= plan_register::kSegment && number < plan_register::kSegment + 6) {
        code_.mov_reg_imm64(to, reinterpret_cast<uint64_t>(&kSelectors[number - plan_register::kSegment]));
        return;
      }
      if (number < 16) {
        offset = register_offset(number) + (argument.high_byte ? 1 : 0);
      } else if (number == plan_register::kFlags) {
        offset = CONTEXT_FLAGS;
      } else if (number == plan_register::kPc) {
        offset = CONTEXT_PC;
      } else if (number == plan_register::kFsBase || number == plan_register::kGsBase) {
        offset = number == plan_register::kFsBase ? CONTEXT_PROGRAM_FS : CONTEXT_PROGRAM_GS;
      } else if (number == plan_register::kMxcsr) {
        offset = CONTEXT_MXCSR;
      } else if (number >= plan_register::kVector && number < plan_register::kVector + 16 &&
                 argument.size <= 16) {
        offset = static_cast<int32_t>(CONTEXT_VECTORS + 16 * (number - plan_register::kVector));
      } else if (is_wide(argument)) {
        offset = static_cast<int32_t>(CONTEXT_WIDE_COPIES + kWidestRegister * wide_copy_of(argument));
      } else if (number >= plan_register::kStackFloat && number < plan_register::kStackFloat + 8) {
        offset = static_cast<int32_t>(CONTEXT_X87 + 32 + 16 * (number - plan_register::kStackFloat));
      } else if (number == plan_register::kX87) {
        offset = CONTEXT_X87;
      } else if (number >= plan_register::kTool) {
        offset = tool_register_offset(number);
      }
      if (offset < 0) stop("an argument refers to a register that is not supported yet", number);
      code_.lea(to, rbx, offset);
      return;
    }
    case ArgumentKind::memory_address:
      if (place == Place::after && !full().memory[number].index_is_vector) {
        code_.load(to, rbx, static_cast<int32_t>(CONTEXT_ADDRESSES + 8 * number));
      } else {
        load_memory_address(full().memory[number], to);
      }
      return;
    case ArgumentKind::memory_size:
      code_.mov_reg_imm64(to, full().memory[number].size);
      return;
    case ArgumentKind::all_accesses:
    case ArgumentKind::operand_accesses:
      load_accesses(argument, to);
      return;
    case ArgumentKind::thread_id:
      code_.load(to, rbx, CONTEXT_THREAD_ID);
      return;
    case ArgumentKind::thread_context:
    case ArgumentKind::context:
      code_.mov_reg_reg(to, rbx);
      return;
    case ArgumentKind::branch_taken:
      if (place == Place::taken_branch) {
        code_.mov_reg_imm64(to, 1);
      } else {
        code_.load(to, rbx, CONTEXT_TAKEN);
      }
      return;
    case ArgumentKind::branch_target:
      load_branch_target(to);
      return;
    case ArgumentKind::fall_through:
      code_.mov_reg_imm64(to, instruction_.address + instruction_.scan.length);
      return;
    case ArgumentKind::rep_count:
      load_program_register(rcx, to);
      return;
    case ArgumentKind::first_repetition:
      code_.load(to, rbx, CONTEXT_FIRST_REPETITION);
      return;
    case ArgumentKind::executing:
      if (number != 0 && full().memory[number - 1].index_is_vector) {
        load_narrow(code_, to, rbx, static_cast<int32_t>(CONTEXT_ELEMENT_ON + 4 * (number - 1)), 4);
      } else {
        code_.load(to, rbx, CONTEXT_EXECUTING);
      }
      return;
    case ArgumentKind::return_address:
      load_program_register(rsp, to);
      code_.load(to, to, 0);
      return;
    case ArgumentKind::function_argument:
    case ArgumentKind::call_site_argument:
      if (number < 6) {
        load_program_register(kIntegerArguments[number], to);
      } else {
        const unsigned below = argument.kind == ArgumentKind::function_argument ? 1 : 0;
        load_program_register(rsp, to);
        code_.load(to, to, static_cast<int32_t>(8 * (number - 6 + below)));
      }
      return;
    case ArgumentKind::function_argument_reference:
    case ArgumentKind::call_site_argument_reference:
      if (number < 6) {
        code_.lea(to, rbx, register_offset(kIntegerArguments[number]));
      } else {
        const unsigned below = argument.kind == ArgumentKind::function_argument_reference ? 1 : 0;
        load_program_register(rsp, to);
        code_.lea(to, to, static_cast<int32_t>(8 * (number - 6 + below)));
      }
      return;
    case ArgumentKind::function_result:
      load_program_register(rax, to);
      return;
    case ArgumentKind::function_result_reference:
      code_.lea(to, rbx, register_offset(rax));
      return;
    case ArgumentKind::system_call_number:
    case ArgumentKind::system_call_result:
      load_program_register(rax, to);
      return;
    case ArgumentKind::system_call_argument: {
      static constexpr uint8_t kRegisters[] = {rdi, rsi, rdx, r10, r8, r9};
      load_program_register(kRegisters[number % 6], to);
      return;
    }
    case ArgumentKind::system_call_argument_reference: {
      static constexpr uint8_t kRegisters[] = {rdi, rsi, rdx, r10, r8, r9};
      code_.lea(to, rbx, register_offset(kRegisters[number % 6]));
      return;
    }
    case ArgumentKind::time_stamp:
      // rdtsc in the midst of loading arguments: rdx may hold one already.
      code_.store(rdx, rbx, CONTEXT_ARGUMENTS);
      code_.bytes({0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0});  // rdtsc; shl rdx, 32; or rax, rdx
      code_.load(rdx, rbx, CONTEXT_ARGUMENTS);
      code_.mov_reg_reg(to, rax);
      return;
    default:
      stop("an argument of this kind is not supported yet", static_cast<uint64_t>(argument.kind));
  }
}

bool CallEmitter::can_load_live(const Argument& argument, Place place) const {
  switch (argument.kind) {
    case ArgumentKind::constant:
    case ArgumentKind::fall_through:
    case ArgumentKind::thread_id:
      return true;
    case ArgumentKind::branch_taken:
      return place == Place::before;
    case ArgumentKind::register_value:
      return (argument.value < 16 || argument.value >= plan_register::kTool) && argument.size == 8 &&
             !argument.high_byte;
    case ArgumentKind::memory_size:
      return true;
    case ArgumentKind::memory_address: {
      if (place == Place::after) return true;
      const MemoryOperand& operand = full().memory[argument.value];
      return !operand.index_is_vector && !operand.index_is_al && !operand.address32;
    }
    default:
      return false;
  }
}

void CallEmitter::load_memory_address_live(const MemoryOperand& operand, uint8_t to, uint16_t changed) {
  if (operand.index_is_vector) stop("a gather or scatter has no single address", instruction_.address);
  // A register that was borrowed already is in the context, all others still hold the program's value.
  const auto value = [&](int8_t number, uint8_t into) {
    const auto reg = static_cast<uint8_t>(number);
    if ((changed >> reg & 1) == 0) return reg;
    code_.load_gs(into, register_offset(reg));
    return into;
  };
  int64_t displacement = operand.displacement;
  if (operand.base == kInstructionPointer) {
    code_.mov_reg_imm64(
        to, instruction_.address + instruction_.scan.length + static_cast<uint64_t>(displacement));
    displacement = 0;
  } else if (operand.base >= 0 && operand.index < 0) {
    code_.lea(to, value(operand.base, to), static_cast<int32_t>(displacement));
    displacement = 0;
  } else if (operand.base >= 0) {
    uint8_t base = static_cast<uint8_t>(operand.base);
    uint8_t index = static_cast<uint8_t>(operand.index);
    const bool base_changed = (changed >> base & 1) != 0;
    const bool index_changed = (changed >> index & 1) != 0;
    if (index_changed && base_changed) {
      // Both are in the context: through the argument's register and a 64 bit addition by lea, in two steps.
      code_.load_gs(to, register_offset(index));
      const unsigned scale = log2_of(operand.scale);
      if (scale != 0) {
        // lea to, [to * 2^scale]
        code_.bytes({static_cast<uint8_t>(0x48 | (to >> 3 << 2) | (to >> 3 << 1)), 0x8d,
                     static_cast<uint8_t>(0x04 | (to & 7) << 3),
                     static_cast<uint8_t>(scale << 6 | (to & 7) << 3 | 5)});
        code_.int32(0);
      }
      // No register is free for the base: it is added from memory, by flags-free means.
      const uint8_t other = to == rax ? rcx : rax;
      code_.store_gs(other, slot_offset(3));
      code_.load_gs(other, register_offset(base));
      code_.lea_index(to, to, other, 0);
      code_.load_gs(other, slot_offset(3));
    } else if (index_changed) {
      code_.load_gs(to, register_offset(index));
      const uint8_t from = base;
      code_.lea_index(to, from, to, static_cast<uint8_t>(log2_of(operand.scale)));
    } else {
      if ((changed >> base & 1) != 0) {
        code_.load_gs(to, register_offset(base));
        base = to;
      }
      code_.lea_index(to, base, index, static_cast<uint8_t>(log2_of(operand.scale)));
    }
  } else if (operand.index >= 0) {
    uint8_t index = value(operand.index, to);
    const unsigned scale = log2_of(operand.scale);
    code_.bytes({static_cast<uint8_t>(0x48 | (to >> 3 << 2) | (index >> 3 << 1)), 0x8d,
                 static_cast<uint8_t>(0x04 | (to & 7) << 3),
                 static_cast<uint8_t>(scale << 6 | (index & 7) << 3 | 5)});
    code_.int32(static_cast<int32_t>(displacement));
    displacement = 0;
  } else {
    code_.mov_reg_imm64(to, static_cast<uint64_t>(displacement));
    displacement = 0;
  }
  if (displacement != 0) code_.lea(to, to, static_cast<int32_t>(displacement));
  if (operand.address32) cut_to_32_bits(code_, to);
  if (operand.segment != Segment::none) {
    const uint8_t other = to == rax ? rcx : rax;
    code_.store_gs(other, slot_offset(3));
    code_.load_gs(other, operand.segment == Segment::fs ? CONTEXT_PROGRAM_FS : CONTEXT_PROGRAM_GS);
    code_.lea_index(to, to, other, 0);
    code_.load_gs(other, slot_offset(3));
  }
}

void CallEmitter::load_argument_live(const Argument& argument, uint8_t to, uint16_t changed) {
  switch (argument.kind) {
    case ArgumentKind::constant:
      code_.mov_reg_imm64(to, argument.value);
      return;
    case ArgumentKind::fall_through:
      code_.mov_reg_imm64(to, instruction_.address + instruction_.scan.length);
      return;
    case ArgumentKind::thread_id:
      code_.load_gs(to, CONTEXT_THREAD_ID);
      return;
    case ArgumentKind::branch_taken:
      code_.load_gs(to, CONTEXT_TAKEN);
      return;
    case ArgumentKind::memory_size:
      code_.mov_reg_imm64(to, full().memory[argument.value].size);
      return;
    case ArgumentKind::register_value: {
      const auto reg = static_cast<uint8_t>(argument.value);
      if (argument.value >= plan_register::kTool) {
        code_.load_gs(to, tool_register_offset(static_cast<unsigned>(argument.value)));
      } else if ((changed >> reg & 1) != 0) {
        code_.load_gs(to, register_offset(reg));
      } else {
        code_.mov_reg_reg(to, reg);
      }
      return;
    }
    case ArgumentKind::memory_address:
      load_memory_address_live(full().memory[argument.value], to, changed);
      return;
    default:
      stop("an argument of this kind cannot be inlined", static_cast<uint64_t>(argument.kind));
  }
}

}  // namespace isotach::dbi

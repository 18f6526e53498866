#include "engine/emit/calls.h"

#include <algorithm>

#include "engine/emit/records.h"
#include "engine/instrument/buffer.h"
#include "engine/os/stop.h"

namespace isotach::dbi {
namespace {

constexpr size_t kWorstGroupBytes = 96;
constexpr size_t kWorstCallBytes = 64;
constexpr size_t kWorstArgumentBytes = 64;
constexpr size_t kWorstCallColdBytes = 32 + sizeof(ToolCode);
// The way to the tool when the buffer is full, and what the unit's tables say of a record.
constexpr size_t kWorstRecordColdBytes = 192 + sizeof(RecordGroup) + 3 * sizeof(Borrowed) + 2;

bool is_repeated(const PlannedInstruction& instruction) {
  return instruction.scan.is_rep_string;
}

bool uses(const Call& call, ArgumentKind kind) {
  return std::any_of(call.arguments.begin(), call.arguments.end(),
                     [&](const Argument& argument) { return argument.kind == kind; });
}

// Arguments through which a routine may change the program's registers, or see all of them.
bool needs_all_registers(const Call& call) {
  if (call.returns_value && call.return_register < plan_register::kTool) return true;
  return std::any_of(call.arguments.begin(), call.arguments.end(), [](const Argument& argument) {
    switch (argument.kind) {
      case ArgumentKind::thread_context:
      case ArgumentKind::context:
      case ArgumentKind::register_reference:
      case ArgumentKind::register_const_reference:
      case ArgumentKind::function_argument_reference:
      case ArgumentKind::call_site_argument_reference:
      case ArgumentKind::function_result_reference:
        return true;
      case ArgumentKind::register_value:
        return argument.value == plan_register::kFlags;
      default:
        return false;
    }
  });
}

}  // namespace

size_t worst_call_bytes(const TracePlan& plan) {
  size_t sum = 0;
  for (const PlannedInstruction& instruction : plan.instructions) {
    if (instruction.calls.empty()) continue;
    sum += 3 * kWorstGroupBytes + 256;
    for (const Call& call : instruction.calls) {
      sum += kWorstGroupBytes + kWorstCallBytes + kWorstArgumentBytes * (call.arguments.size() + 3);
      if (call.step == Call::Step::buffer) continue;  // calls no routine
      const InlineBody& body = inline_body(call.routine);
      if (body.is_usable) sum += body.instructions.size() * 40;
    }
  }
  return sum;
}

size_t worst_call_cold_bytes(const TracePlan& plan) {
  size_t sum = 0;
  for (const PlannedInstruction& instruction : plan.instructions) {
    sum += instruction.calls.size() * kWorstCallColdBytes + 96;
    for (const Call& call : instruction.calls) {
      if (call.step == Call::Step::buffer) sum += kWorstRecordColdBytes;
    }
  }
  return sum;
}

CallEmitter::CallEmitter(Emitter& emitter, uint32_t index)
    : e_(emitter), code_(emitter.code_), instruction_(emitter.plan_.instructions[index]), index_(index) {}

const DecodedInstruction& CallEmitter::full() const {
  // Decoding is kept beside the plan, which is const to the emitter.
  return decoded(e_.plan_, const_cast<PlannedInstruction&>(instruction_));
}

void CallEmitter::sort_calls() {
  for (const Call& call : instruction_.calls) {
    switch (call.place) {
      case Place::before:
      case Place::anywhere:
        before_.push_back(&call);
        break;
      case Place::after:
        after_.push_back(&call);
        break;
      case Place::taken_branch:
        taken_.push_back(&call);
        break;
    }
  }
  const auto by_order = [](const Call* a, const Call* b) { return a->order < b->order; };
  for (Calls* calls : {&before_, &after_, &taken_}) {
    if (calls->size() > 1) std::stable_sort(calls->begin(), calls->end(), by_order);
  }
}

bool CallEmitter::emit(bool is_last) {
  sort_calls();
  const Scan& scan = instruction_.scan;
  if (is_repeated(instruction_) && !instruction_.removed && !instruction_.redirected &&
      (!before_.empty() || !after_.empty())) {
    return emit_repeated(is_last);
  }
  const bool is_conditional = scan.flow == Flow::jump_if || scan.flow == Flow::jump_if_count;
  if (!is_conditional) {
    // What always branches: the same as before it, behind all others.
    before_.insert(before_.end(), taken_.begin(), taken_.end());
    taken_.clear();
  }
  emit_group(before_, Place::before);
  const uint64_t behind = instruction_.address + scan.length;
  if (instruction_.redirected) {
    if (instruction_.redirect_after && !instruction_.removed && !e_.emit_instruction(instruction_, false))
      return false;
    if (instruction_.redirect_register >= 0) {
      e_.mark(spilled(0, rcx));
      code_.store_gs(rcx, slot_offset(0));
      e_.emit_load_register(static_cast<uint16_t>(instruction_.redirect_register), rcx);
      e_.emit_indirect_jump();
    } else {
      e_.emit_link(instruction_.redirect_target);
    }
    return true;
  }
  if (instruction_.removed) {
    if (is_last) e_.emit_link(behind);
    return true;
  }
  if (!taken_.empty()) return emit_branch_with_taken_calls(is_last);
  if (after_.empty()) return e_.emit_instruction(instruction_, is_last);
  keep_addresses();
  // A fault of the instruction itself finds all registers in place.
  e_.mark(0);
  if (!e_.emit_instruction(instruction_, false)) return false;
  e_.end_lost(index_);
  emit_group(after_, Place::after);
  // A trace may also end behind a conditional branch, at a limit.
  if (is_last) e_.emit_link(behind);
  return true;
}

bool CallEmitter::emit_branch_with_taken_calls(bool is_last) {
  const Scan& scan = instruction_.scan;
  uint8_t* to_taken[2] = {};
  if (scan.flow == Flow::jump_if) {
    code_.bytes({0x0f, static_cast<uint8_t>(0x80 | ((scan.opcode & 15) ^ 1))});  // the opposite condition
    code_.int32(0);
    to_taken[0] = code_.at();
  } else {
    if (scan.address32) code_.byte(0x67);
    code_.bytes({scan.opcode, 5, 0xe9});
    code_.int32(0);
    to_taken[0] = code_.at();
  }
  emit_group(taken_, Place::taken_branch);
  e_.emit_link(scan.target);
  code_.land(to_taken[0]);
  e_.mark(0);
  if (is_last) e_.emit_link(instruction_.address + scan.length);
  return true;
}

bool CallEmitter::emit_repeated(bool is_last) {
  const Scan& scan = instruction_.scan;
  const uint64_t behind = instruction_.address + scan.length;
  if (RecordEmitter(e_).emit_repeated(index_)) {
    if (is_last) e_.emit_link(behind);
    return true;
  }
  const bool wants_first = std::any_of(before_.begin(), before_.end(), [](const Call* call) {
    return uses(*call, ArgumentKind::first_repetition);
  });
  if (wants_first) code_.store_gs_imm32(CONTEXT_FIRST_REPETITION, 1);
  const auto jump_if_zero = [&] {
    if (scan.address32) code_.byte(0x67);
    code_.bytes({0xe3, 2, 0xeb, 5, 0xe9});  // jrcxz +2; jmp over; jmp out; over:
    code_.int32(0);
    return code_.at();
  };
  std::vector<uint8_t*> out;
  runs_ = std::all_of(before_.begin(), before_.end(), [](const Call* call) { return call->predicated; });
  if (runs_) out.push_back(jump_if_zero());
  uint8_t* top = code_.at();
  // Between two repetitions the program stands at the instruction, as it does when the kernel interrupts one.
  e_.map_.push_back({static_cast<uint16_t>(top - e_.unit_.code), e_.pc_offset_, kBoundary});
  emit_group(before_, Place::before);
  if (!after_.empty()) keep_addresses();
  e_.mark(0);
  out.push_back(jump_if_zero());
  uint8_t repeat = 0;
  for (unsigned i = 0; i < scan.prefix_length; ++i) {
    const uint8_t byte = instruction_.bytes[i];
    if (byte == 0xf2 || byte == 0xf3) {
      repeat = byte;
    }
  }
  if (scan.segment != Segment::none) {
    // Its own replacement, with the prefix: rare enough to be one call for all repetitions.
    if (!e_.emit_instruction(instruction_, false)) return false;
  } else {
    for (unsigned i = 0; i < scan.length; ++i) {
      const uint8_t byte = instruction_.bytes[i];
      if (i < scan.prefix_length && (byte == 0xf2 || byte == 0xf3)) continue;
      code_.byte(byte);
    }
    if (scan.address32) {
      code_.bytes({0x67, 0x8d, 0x49, 0xff});  // lea ecx, [ecx - 1]
    } else {
      code_.lea(rcx, rcx, -1);
    }
  }
  if (wants_first) code_.store_gs_imm32(CONTEXT_FIRST_REPETITION, 0);
  emit_group(after_, Place::after);
  const bool compares =
      scan.opcode == 0xa6 || scan.opcode == 0xa7 || scan.opcode == 0xae || scan.opcode == 0xaf;
  if (compares) {
    // repe goes on while equal, repne while not.
    code_.bytes({0x0f, static_cast<uint8_t>(repeat == 0xf3 ? 0x85 : 0x84)});
    code_.int32(0);
    out.push_back(code_.at());
  }
  out.push_back(jump_if_zero());
  code_.jump(reinterpret_cast<uint64_t>(top));
  for (uint8_t* from : out) {
    code_.land(from);
  }
  if (is_last) e_.emit_link(behind);
  return true;
}

void CallEmitter::emit_group(const Calls& calls, Place place) {
  if (calls.empty()) return;
  e_.mark(0);
  if (place != Place::after) {
    const auto any_uses = [&](ArgumentKind kind) {
      return std::any_of(calls.begin(), calls.end(), [&](const Call* call) { return uses(*call, kind); });
    };
    if (any_uses(ArgumentKind::branch_taken)) note_branch_taken();
    const bool is_predicated =
        !runs_ && std::any_of(calls.begin(), calls.end(), [](const Call* c) { return c->predicated; });
    if (is_predicated || any_uses(ArgumentKind::executing)) note_executing();
  }
  // Runs of calls that can be inlined are; the others share their saving.
  Calls saved;
  for (size_t i = 0; i < calls.size(); ++i) {
    if (calls[i]->step == Call::Step::version_case) {
      if (!saved.empty()) emit_saved_group(saved, place);
      saved.clear();
      e_.emit_version_case(*calls[i], instruction_.address);
      continue;
    }
    if (saved.empty() && emit_record_if(*calls[i], place)) continue;
    if (saved.empty() && can_be_inlined(*calls[i], place)) {
      if (calls[i]->step == Call::Step::buffer) {
        RecordEmitter(e_).emit_alone(*calls[i], index_, place);
      } else {
        emit_inlined(*calls[i], place);
      }
      continue;
    }
    saved.push_back(calls[i]->step == Call::Step::buffer ? &as_routine(*calls[i]) : calls[i]);
  }
  if (!saved.empty()) emit_saved_group(saved, place);
}

// A record that cannot be written in place is stored by a routine.
const Call& CallEmitter::as_routine(const Call& record) {
  Call& call = converted_.emplace_front(record);
  call.step = record.after_condition ? Call::Step::then : Call::Step::plain;
  call.routine = reinterpret_cast<uint64_t>(&isotach_store_record);
  const auto* fields = trace_fields(record);
  call.arguments.insert(call.arguments.begin(),
                        {{.kind = ArgumentKind::thread_context},
                         {.kind = ArgumentKind::constant, .value = reinterpret_cast<uint64_t>(fields)}});
  return call;
}

void CallEmitter::emit_saved_group(const Calls& calls, Place place) {
  // Also in traces that touch x87 or MMX: see switch.S.
  const bool all =
      std::any_of(calls.begin(), calls.end(), [](const Call* call) { return needs_all_registers(*call); }) ||
      std::any_of(e_.plan_.instructions.begin(), e_.plan_.instructions.end(),
                  [](const PlannedInstruction& instruction) { return instruction.scan.uses_x87; });
  save_registers(all, place);
  if (place != Place::after && is_about_elements(calls)) emit_find_elements();
  uint8_t* to_skip_then = nullptr;
  for (const Call* call : calls) {
    uint8_t* to_skip = nullptr;
    const int element = element_of(*call);
    if (call->predicated && !runs_ && (place != Place::after || element >= 0)) {
      code_.bytes({0x83, 0xbb});  // cmp dword ptr [rbx + ...], 0
      code_.int32(element >= 0 ? CONTEXT_ELEMENT_ON + 4 * element : CONTEXT_EXECUTING);
      code_.bytes({0, 0x0f, 0x84});
      code_.int32(0);
      to_skip = code_.at();
    }
    emit_call(*call, place);
    if (to_skip != nullptr) {
      if (call->step == Call::Step::condition) {
        // Skipped: its result is 0.
        code_.bytes({0xeb, 2});
        code_.land(to_skip);
        code_.bytes({0x31, 0xc0});
      } else {
        code_.land(to_skip);
      }
    }
    if (call->step == Call::Step::condition) {
      code_.bytes({0x85, 0xc0, 0x0f, 0x84});  // test eax, eax; jz behind the then
      code_.int32(0);
      to_skip_then = code_.at();
    } else if (to_skip_then != nullptr && call->step == Call::Step::then) {
      code_.land(to_skip_then);
      to_skip_then = nullptr;
    }
  }
  if (to_skip_then != nullptr) {
    code_.land(to_skip_then);
  }
  restore_registers(all);
}

void CallEmitter::save_registers(bool all, Place place) {
  code_.store_gs(rsp, register_offset(rsp));
  code_.load_gs(rsp, CONTEXT_HOST_RSP);
  code_.bytes({0x65, 0xff, 0x14, 0x25});  // call gs:[...]
  code_.int32(all ? CONTEXT_CALL_SAVE_ALL : CONTEXT_CALL_SAVE);
  if (all) {
    const uint64_t pc = instruction_.address + (place == Place::after ? instruction_.scan.length : 0u);
    code_.mov_reg_imm64(rax, pc);
    code_.store(rax, rbx, CONTEXT_PC);
  } else {
    // Arguments are taken from the context.
    for (const uint8_t reg : {rbp, r12, r13, r14, r15}) code_.store(reg, rbx, register_offset(reg));
  }
}

void CallEmitter::restore_registers(bool all) {
  code_.bytes({0x65, 0xff, 0x14, 0x25});
  code_.int32(all ? CONTEXT_CALL_RESTORE_ALL : CONTEXT_CALL_RESTORE);
  code_.load_gs(rsp, register_offset(rsp));
}

void CallEmitter::emit_call(const Call& call, Place place) {
  copy_wide_arguments(call, false);
  static constexpr uint8_t kArgumentRegisters[] = {rdi, rsi, rdx, rcx, r8, r9};
  const size_t count = call.arguments.size();
  const size_t on_stack = count > 6 ? count - 6 : 0;
  const auto stack_bytes = static_cast<int32_t>((on_stack * 8 + 15) & ~size_t{15});
  if (stack_bytes != 0) {
    code_.lea(rsp, rsp, -stack_bytes);
    for (size_t i = 6; i < count; ++i) {
      load_argument(call.arguments[i], rcx, place);
      code_.store(rcx, rsp, static_cast<int32_t>((i - 6) * 8));
    }
  }
  for (size_t i = 0; i < std::min<size_t>(count, 6); ++i)
    load_argument(call.arguments[i], kArgumentRegisters[i], place);
  code_.bytes({0xff, 0x15});  // call [rip + constant]
  code_.relative32(e_.constant(call.routine));
  if (stack_bytes != 0) code_.lea(rsp, rsp, stack_bytes);
  if (call.returns_all) {
    code_.store(rdx, rbx, register_offset(rdx));
    for (const int vector : {0, 1}) {
      code_.bytes({0x0f, 0x29, static_cast<uint8_t>(0x83 | vector << 3)});  // movaps [rbx + ...], xmm
      code_.int32(CONTEXT_VECTORS + 16 * vector);
    }
  }
  if (call.returns_value) {
    if (call.return_register < 16) {
      emit_return_value(call);
    } else if (call.return_register >= plan_register::kTool) {
      code_.store(rax, rbx, tool_register_offset(call.return_register));
    } else {
      stop("a routine returns into a register that cannot be set", call.routine);
    }
  }
  copy_wide_arguments(call, true);
}

// Into a general register of the program, of which the context holds the value.
void CallEmitter::emit_return_value(const Call& call) {
  const int32_t offset = register_offset(call.return_register);
  switch (call.return_size) {
    case 1:
      code_.bytes({0x88, 0x83});  // mov [rbx + offset], al
      code_.int32(offset + (call.return_high_byte ? 1 : 0));
      return;
    case 2:
      code_.bytes({0x66, 0x89, 0x83});  // mov [rbx + offset], ax
      code_.int32(offset);
      return;
    case 4:
      code_.bytes({0x89, 0xc0});  // mov eax, eax
      [[fallthrough]];
    default:
      code_.store(rax, rbx, offset);
  }
}

void CallEmitter::note_branch_taken() {
  const Scan& scan = instruction_.scan;
  if (scan.flow == Flow::jump_if) {
    code_.bytes({0x65, 0x0f, static_cast<uint8_t>(0x90 | (scan.opcode & 15)), 0x04, 0x25});  // setcc gs:[...]
    code_.int32(CONTEXT_TAKEN);
    return;
  }
  if (scan.flow != Flow::jump_if_count) {
    code_.store_gs_imm32(CONTEXT_TAKEN, 1);
    return;
  }
  // jrcxz: rcx is 0. loop: rcx - 1 is not, and for loope, loopne the zero flag agrees.
  const bool is_loop = scan.opcode != 0xe3;
  code_.store_gs_imm32(CONTEXT_TAKEN, is_loop ? 0 : 1);
  if (is_loop) {
    code_.store_gs(rcx, slot_offset(1));
    if (scan.address32) {
      code_.bytes({0x67, 0x8d, 0x49, 0xff});
    } else {
      code_.lea(rcx, rcx, -1);
    }
  }
  if (scan.address32) code_.byte(0x67);
  code_.bytes({0xe3, 0});
  uint8_t* behind = code_.at();
  uint8_t* behind_flag = nullptr;
  if (scan.opcode == 0xe0 || scan.opcode == 0xe1) {
    code_.bytes({static_cast<uint8_t>(scan.opcode == 0xe1 ? 0x75 : 0x74), 0});
    behind_flag = code_.at();
  }
  code_.store_gs_imm32(CONTEXT_TAKEN, is_loop ? 1 : 0);
  behind[-1] = static_cast<uint8_t>(code_.at() - behind);
  if (behind_flag != nullptr) behind_flag[-1] = static_cast<uint8_t>(code_.at() - behind_flag);
  if (is_loop) code_.load_gs(rcx, slot_offset(1));
}

void CallEmitter::note_executing() {
  const Scan& scan = instruction_.scan;
  if (scan.map == 1 && !scan.vector_prefix && scan.opcode >= 0x40 && scan.opcode <= 0x4f) {
    code_.bytes({0x65, 0x0f, static_cast<uint8_t>(0x90 | (scan.opcode & 15)), 0x04, 0x25});
    code_.int32(CONTEXT_EXECUTING);
    return;
  }
  code_.store_gs_imm32(CONTEXT_EXECUTING, 1);
  if (!is_repeated(instruction_)) return;
  if (scan.address32) code_.byte(0x67);
  code_.bytes({0xe3, 2, 0xeb, 0});
  uint8_t* behind = code_.at();
  code_.store_gs_imm32(CONTEXT_EXECUTING, 0);
  behind[-1] = static_cast<uint8_t>(code_.at() - behind);
}

void CallEmitter::keep_addresses() {
  uint32_t wanted = 0;
  for (const Call* call : after_) {
    for (const Argument& argument : call->arguments) {
      if (argument.kind == ArgumentKind::memory_address) wanted |= 1u << argument.value;
    }
  }
  if (wanted == 0) return;
  const DecodedInstruction& instruction = full();
  if (instruction.memory[0].index_is_vector) {
    e_.mark(0);
    save_registers(false, Place::before);
    emit_find_elements();
    restore_registers(false);
    return;
  }
  e_.mark(0);
  code_.store_gs(rax, register_offset(rax));
  for (unsigned i = 0; i < instruction.memory_count; ++i) {
    if ((wanted >> i & 1) == 0) continue;
    load_memory_address_live(instruction.memory[i], rax, 0);
    code_.store_gs(rax, static_cast<int32_t>(CONTEXT_ADDRESSES + 8 * i));
    if (i + 1u < instruction.memory_count) code_.load_gs(rax, register_offset(rax));
  }
  code_.load_gs(rax, register_offset(rax));
}

}  // namespace isotach::dbi

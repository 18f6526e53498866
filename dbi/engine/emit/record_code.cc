// The code of records.
#include "engine/emit/calls.h"
#include "engine/emit/records.h"
#include "engine/instrument/buffer.h"

namespace isotach::dbi {
namespace {

// For a few instructions of emitted code only.
constexpr uint8_t kOtherSlot = 4;

int32_t end_of(uint32_t buffer) {
  return static_cast<int32_t>(CONTEXT_BUFFER_END + 8 * buffer);
}

// A value that is known when the code is written.
bool is_constant(const Argument& argument) {
  return argument.kind == ArgumentKind::constant || argument.kind == ArgumentKind::fall_through ||
         argument.kind == ArgumentKind::memory_size;
}

// Only a base register.
bool is_plain(const MemoryOperand& operand) {
  return operand.base >= 0 && operand.base < 16 && operand.index < 0 && operand.displacement == 0 &&
         operand.segment == Segment::none && !operand.index_is_al && !operand.index_is_vector &&
         !operand.address32;
}

}  // namespace

void RecordEmitter::save_flags() {
  if (borrows_rax_for_flags()) code_.store_gs(rax, slot_offset(kOtherSlot));
  code_.bytes({0x9f, 0x0f, 0x90, 0xc0});  // lahf; seto al
  code_.store_gs(rax, borrowed_offset(kBorrowedFlags));
  if (borrows_rax_for_flags()) code_.load_gs(rax, slot_offset(kOtherSlot));
}

void RecordEmitter::restore_flags(Assembler& code, bool borrows_rax) {
  if (borrows_rax) code.store_gs(rax, slot_offset(kOtherSlot));
  code.load_gs(rax, borrowed_offset(kBorrowedFlags));
  code.bytes({0x04, 0x7f, 0x9e});  // add al, 127; sahf
  if (borrows_rax) code.load_gs(rax, slot_offset(kOtherSlot));
}

// Off the way: the program's registers in place, the tool is given the records, and begin_ comes again.
uint8_t* RecordEmitter::write_full(const Full& when_full) {
  Assembler& cold = e_.cold_;
  const uint64_t routine = e_.constant(reinterpret_cast<uint64_t>(&isotach_trace_buffer_full));
  uint8_t* stub = cold.at();
  if (when_full.keeps_flags) restore_flags(cold, borrows_rax_for_flags());
  if (when_full.keeps_rcx) cold.load_gs(rcx, slot_offset(kOtherSlot));
  for (const Role* role : {&base_, &field_}) {
    const auto reg = static_cast<uint8_t>(role->reg);
    if (role->is_kept || (e_.lost_ >> reg & 1) != 0) cold.load_gs(reg, borrowed_offset(reg));
  }
  // As CallEmitter::emit_saved_group().
  cold.store_gs(rsp, register_offset(rsp));
  cold.load_gs(rsp, CONTEXT_HOST_RSP);
  cold.bytes({0x65, 0xff, 0x14, 0x25});  // call gs:[...]
  cold.int32(CONTEXT_CALL_SAVE_ALL);
  const PlannedInstruction& one = instruction(when_full.index);
  cold.mov_reg_imm64(rax, one.address + (when_full.place == Place::after ? one.scan.length : 0u));
  cold.store(rax, rbx, CONTEXT_PC);
  cold.mov_reg_reg(rdi, rbx);
  cold.mov_reg_imm64(rsi, when_full.buffer);
  cold.bytes({0xff, 0x15});  // call [rip + constant]
  cold.relative32(routine);
  cold.bytes({0x65, 0xff, 0x14, 0x25});
  cold.int32(CONTEXT_CALL_RESTORE_ALL);
  cold.load_gs(rsp, register_offset(rsp));
  cold.jump(reinterpret_cast<uint64_t>(begin_));
  return stub;
}

void RecordEmitter::reserve(const Full& when_full, uint32_t bytes, bool flags_are_live) {
  const auto base = static_cast<uint8_t>(base_.reg);
  const auto amount = static_cast<int32_t>(bytes);
  base_offset_ = -amount;
  code_.load_gs(base, next_of(when_full.buffer));
  if (!flags_are_live) {
    add_and_compare(base, amount, when_full.buffer);
    code_.bytes({0x0f, 0x87});  // ja
    code_.relative32(reinterpret_cast<uint64_t>(write_full(when_full)));
    return;
  }
  // Without the flags: the top byte of  base + bytes - end - 1  is 0 where there is no room.
  Full with_rcx = when_full;
  with_rcx.keeps_rcx = field_.reg != rcx;
  if (with_rcx.keeps_rcx) code_.store_gs(rcx, slot_offset(kOtherSlot));
  code_.lea(base, base, amount);
  code_.load_gs(rcx, next_of(when_full.buffer) + 8);
  const auto rex = static_cast<uint8_t>(0x48 | (base >> 3 << 1));
  code_.bytes(
      {rex, 0x8d, 0x4c, static_cast<uint8_t>(0x01 | (base & 7) << 3), 0xff});  // lea rcx, [rcx + base - 1]
  code_.bytes({0x48, 0x0f, 0xc9});                                             // bswap rcx
  code_.bytes({0x0f, 0xb6, 0xc9});                                             // movzx ecx, cl
  code_.bytes({0xe3, 2, 0xeb, 5, 0xe9});                                       // jrcxz +2; jmp +5; jmp stub
  code_.relative32(reinterpret_cast<uint64_t>(write_full(with_rcx)));
  if (with_rcx.keeps_rcx) code_.load_gs(rcx, slot_offset(kOtherSlot));
}

// base += amount, and the flags of its comparison with the buffer's end.
void RecordEmitter::add_and_compare(uint8_t base, int32_t amount, uint32_t buffer) {
  const bool is_small = amount == static_cast<int8_t>(amount);
  code_.bytes({static_cast<uint8_t>(0x48 | (base >> 3)), static_cast<uint8_t>(is_small ? 0x83 : 0x81),
               static_cast<uint8_t>(0xc0 | (base & 7))});
  if (is_small) {
    code_.byte(static_cast<uint8_t>(amount));
  } else {
    code_.int32(amount);
  }
  code_.bytes({0x65, static_cast<uint8_t>(0x48 | (base >> 3 << 2)), 0x3b,
               static_cast<uint8_t>(0x04 | (base & 7) << 3), 0x25});
  code_.int32(end_of(buffer));
}

uint64_t RecordEmitter::value_of(const Argument& argument, uint32_t index) const {
  if (argument.kind == ArgumentKind::constant) return argument.value;
  if (argument.kind == ArgumentKind::memory_size) return full(index).memory[argument.value].size;
  return instruction(index).address + instruction(index).scan.length;
}

// A constant of 8 bytes that no instruction can hold: through field_, which may hold it already.
void RecordEmitter::constant_to_field(uint64_t value) {
  if (in_field_ == value) return;
  const auto field = static_cast<uint8_t>(field_.reg);
  const auto distance = static_cast<int64_t>(value - code_.address());
  if (value > 0xffffffff && distance > INT32_MIN + 64 && distance < INT32_MAX - 64) {
    code_.lea_near(field, value);
  } else {
    code_.mov_reg_imm64(field, value);
  }
  in_field_ = value;
}

void RecordEmitter::store_constants(const Call& record, uint32_t index, int32_t at) {
  const auto base = static_cast<uint8_t>(base_.reg);
  const auto& arguments = record.arguments;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Argument& argument = arguments[i];
    if (!is_constant(argument)) continue;
    uint64_t value = value_of(argument, index);
    uint32_t size = argument.size;
    const int32_t to = at + static_cast<int32_t>(argument.offset);
    if (size == 4 && i + 1 < arguments.size() && is_constant(arguments[i + 1]) &&
        arguments[i + 1].size == 4 && arguments[i + 1].offset == argument.offset + 4) {
      // Two at once, where their high half is the sign of the low one.
      const uint64_t both = static_cast<uint32_t>(value) | value_of(arguments[i + 1], index) << 32;
      if (static_cast<int64_t>(both) == static_cast<int32_t>(both)) {
        value = both;
        size = 8;
        ++i;
      }
    }
    if (size < 8 || static_cast<int64_t>(value) == static_cast<int32_t>(value)) {
      code_.store_constant(size, base, to, static_cast<int32_t>(value));
      continue;
    }
    constant_to_field(value);
    code_.store_low(8, static_cast<uint8_t>(field_.reg), base, to);
  }
}

void RecordEmitter::store_values(const Call& record, uint32_t index, Place place, int32_t at) {
  CallEmitter calls(e_, index);
  const auto base = static_cast<uint8_t>(base_.reg);
  const auto field = static_cast<uint8_t>(field_.reg);
  for (const Argument& argument : record.arguments) {
    if (is_constant(argument)) continue;
    const int32_t to = at + static_cast<int32_t>(argument.offset);
    if (argument.kind == ArgumentKind::register_value && argument.value < 16) {
      code_.store_low(argument.size, static_cast<uint8_t>(argument.value), base, to);
      continue;
    }
    if (argument.kind == ArgumentKind::memory_address && place != Place::after) {
      const MemoryOperand& operand = full(index).memory[argument.value];
      if (is_plain(operand)) {
        code_.store_low(argument.size, static_cast<uint8_t>(operand.base), base, to);
        continue;
      }
      // Read and written: the same address twice.
      if (address_in_field_ != static_cast<int>(argument.value)) {
        calls.load_argument_live(argument, field, 0);
        in_field_ = 0;
        address_in_field_ = static_cast<int>(argument.value);
      }
    } else {
      calls.load_argument_live(argument, field, 0);
      in_field_ = 0;
      address_in_field_ = -1;
    }
    code_.store_low(argument.size, field, base, to);
  }
}

void RecordEmitter::store_all(const Call* records, size_t count, uint32_t index, Place place, int32_t at) {
  const auto bytes = static_cast<int32_t>(trace_buffer_layout(records->buffer).record_bytes);
  address_in_field_ = -1;
  for (size_t i = 0; i < count; ++i) store_constants(records[i], index, at + static_cast<int32_t>(i) * bytes);
  for (size_t i = 0; i < count; ++i)
    store_values(records[i], index, place, at + static_cast<int32_t>(i) * bytes);
}

// The string instruction once, then on with the next repetition at `top`, or out behind it.
void RecordEmitter::write_repetition(const PlannedInstruction& one, const uint8_t* top) {
  uint8_t repeat = 0;
  for (unsigned i = 0; i < one.scan.length; ++i) {
    const uint8_t byte = one.bytes[i];
    if (i < one.scan.prefix_length && (byte == 0xf2 || byte == 0xf3)) {
      repeat = byte;
    } else {
      code_.byte(byte);
    }
  }
  const bool is_comparison = compares(one.scan);
  const auto distance = top - (code_.at() + 2);
  if (e_.cache_.loop_is_fast() && distance >= INT8_MIN) {
    // repe goes on while equal, repne while not: so do loope and loopne.
    code_.byte(!is_comparison ? 0xe2 : repeat == 0xf3 ? 0xe1 : 0xe0);
    code_.byte(static_cast<uint8_t>(distance));
    return;
  }
  code_.lea(rcx, rcx, -1);
  uint8_t* behind_comparison = nullptr;
  if (is_comparison) {
    code_.bytes({static_cast<uint8_t>(repeat == 0xf3 ? 0x75 : 0x74), 0});
    behind_comparison = code_.at();
  }
  code_.bytes({0xe3, 5});  // jrcxz over the jump
  code_.jump(reinterpret_cast<uint64_t>(top));
  if (behind_comparison != nullptr)
    behind_comparison[-1] = static_cast<uint8_t>(code_.at() - behind_comparison);
}

}  // namespace isotach::dbi

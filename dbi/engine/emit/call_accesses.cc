// All accesses of an instruction, or of one of its operands, as one argument.
#include "engine/emit/calls.h"

namespace isotach::dbi {
namespace {

constexpr unsigned kMostAccesses = 16;
enum AccessKind : int32_t { kRead, kWritten, kBoth };

}  // namespace

void CallEmitter::load_accesses(const Argument& argument, uint8_t to) {
  const bool is_all = argument.kind == ArgumentKind::all_accesses;
  const int32_t list = CONTEXT_ACCESSES + (is_all ? 0 : static_cast<int32_t>(sizeof(MemoryAccesses)));
  const auto at = [list](size_t field) { return list + static_cast<int32_t>(field); };
  const auto constant = [&](size_t field, uint64_t value) {
    code_.store_constant(4, rbx, at(field), static_cast<int32_t>(value));
  };
  const DecodedInstruction& decoded = full();
  unsigned count = 0;
  uint32_t operand_size = 0;
  const auto add = [&](const MemoryOperand& operand, uint64_t from_begin, uint32_t size, AccessKind kind) {
    if (count == kMostAccesses) return;
    const size_t one = offsetof(MemoryAccesses, each) + sizeof(MemoryAccess) * count++;
    load_memory_address(operand, to);
    if (from_begin != 0) code_.lea(to, to, static_cast<int32_t>(from_begin));
    code_.store(to, rbx, at(one + offsetof(MemoryAccess, address)));
    constant(one + offsetof(MemoryAccess, kind), kind);
    constant(one + offsetof(MemoryAccess, size), size);
    if (operand.index_is_vector) {
      code_.load(to, rbx, CONTEXT_ELEMENT_ON + 4 * operand.element);
      code_.store_low(4, to, rbx, at(one + offsetof(MemoryAccess, is_on)));
    } else {
      constant(one + offsetof(MemoryAccess, is_on), 1);
    }
    operand_size += size;
  };
  bool has_address = false;
  for (unsigned i = 0; i < decoded.memory_count; ++i) {
    const MemoryOperand& operand = decoded.memory[i];
    if (is_all) {
      if (operand.read) add(operand, 0, operand.size, kRead);
      if (operand.written) add(operand, 0, operand.size, kWritten);
      continue;
    }
    if (operand.operand != (argument.value & 0xff)) continue;
    const AccessKind kind = operand.read && operand.written ? kBoth : operand.written ? kWritten : kRead;
    const auto elements = static_cast<uint32_t>(argument.value >> 8);
    if (operand.index_is_vector || elements == 0) {
      add(operand, 0, operand.size, kind);
    } else {
      const uint32_t size = operand.size / elements;
      for (uint32_t k = 0; k < elements; ++k) add(operand, uint64_t{size} * k, size, kind);
    }
    if (operand.index_is_vector || has_address) continue;
    has_address = true;
    load_memory_address(operand, to);
    code_.store(to, rbx, at(offsetof(MemoryAccesses, operand_address)));
  }
  if (!has_address) code_.store_constant(8, rbx, at(offsetof(MemoryAccesses, operand_address)), 0);
  constant(offsetof(MemoryAccesses, count), count);
  constant(offsetof(MemoryAccesses, operand_size), operand_size);
  code_.lea(to, rbx, list);
}

}  // namespace isotach::dbi

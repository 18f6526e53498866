// Operands, memory operands and registers of an instruction.
#include <algorithm>
#include <vector>

#include "api/instrument.h"

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

namespace {

// Tools count operands without the flags and the program counter, which Zydis lists too, and the stack
// pointer where it only moves; they do count other implicit ones.
bool is_counted(const ZydisDecodedOperand& operand) {
  if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER || operand.visibility != ZYDIS_OPERAND_VISIBILITY_HIDDEN)
    return true;
  switch (ZydisRegisterGetClass(operand.reg.value)) {
    case ZYDIS_REGCLASS_IP:
      return true;
    default:
      return operand.reg.value != ZYDIS_REGISTER_NONE;
  }
}

const ZydisDecodedOperand* operand_at(INS ins, UINT32 n, const char* function) {
  const FullInstruction& full = find(ins, function).full();
  for (unsigned i = 0; i < full.instruction.operand_count; ++i) {
    if (is_counted(full.operands[i]) && n-- == 0) return &full.operands[i];
  }
  return nullptr;
}

const ZydisDecodedOperand& operand(INS ins, UINT32 n, const char* function) {
  const ZydisDecodedOperand* found = operand_at(ins, n, function);
  if (found == nullptr) {
    fail(std::string(function) + ": " + INS_Disassemble(ins) + " has no operand " + std::to_string(n));
  }
  return *found;
}

const MemoryOperand& memory(INS ins, UINT32 n, const char* function) {
  const FullInstruction& full = find(ins, function).full();
  if (n >= full.memory_count) {
    fail(std::string(function) + ": " + INS_Disassemble(ins) + " has no memory operand " + std::to_string(n));
  }
  return full.memory[n];
}

// The first memory operand that is written out, also of lea; or null.
const ZydisDecodedOperand* explicit_memory(INS ins, const char* function) {
  const FullInstruction& full = find(ins, function).full();
  for (unsigned i = 0; i < full.instruction.operand_count_visible; ++i) {
    if (full.operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY) return &full.operands[i];
  }
  return nullptr;
}

template <class Test>
bool any_memory(INS ins, const char* function, Test&& test) {
  const FullInstruction& full = find(ins, function).full();
  return std::any_of(full.memory, full.memory + full.memory_count, test);
}

bool reads(const ZydisDecodedOperand& one) {
  return (one.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
}
bool writes(const ZydisDecodedOperand& one) {
  return (one.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
}

// Registers read (or written), each once, those of addresses included.
std::vector<REG> registers(INS ins, bool want_read, const char* function) {
  const FullInstruction& full = find(ins, function).full();
  std::vector<REG> result;
  const auto add = [&result](ZydisRegister zydis) {
    const REG reg = reg_of(zydis);
    if (REG_valid(reg) && std::find(result.begin(), result.end(), reg) == result.end()) result.push_back(reg);
  };
  for (unsigned i = 0; i < full.instruction.operand_count; ++i) {
    const auto& one = full.operands[i];
    // Zydis lists the selectors that syscall loads; the program sees no change of them.
    const bool is_selector_of_syscall = full.instruction.mnemonic == ZYDIS_MNEMONIC_SYSCALL &&
                                        one.type == ZYDIS_OPERAND_TYPE_REGISTER &&
                                        ZydisRegisterGetClass(one.reg.value) == ZYDIS_REGCLASS_SEGMENT;
    if (is_selector_of_syscall) continue;
    if (one.type == ZYDIS_OPERAND_TYPE_REGISTER && (want_read ? reads(one) : writes(one))) add(one.reg.value);
    if (one.type == ZYDIS_OPERAND_TYPE_MEMORY && want_read) {
      add(one.mem.base);
      add(one.mem.index);
    }
  }
  return result;
}

bool contains(const std::vector<REG>& list, REG reg) {
  return std::find(list.begin(), list.end(), reg) != list.end();
}
bool contains_full(const std::vector<REG>& list, REG reg) {
  return std::any_of(list.begin(), list.end(),
                     [reg](REG one) { return REG_FullRegName(one) == REG_FullRegName(reg); });
}

}  // namespace

BOOL INS_IsMemoryRead(INS ins) {
  return any_memory(ins, "INS_IsMemoryRead", [](const MemoryOperand& m) { return m.read; });
}
BOOL INS_IsMemoryWrite(INS ins) {
  return any_memory(ins, "INS_IsMemoryWrite", [](const MemoryOperand& m) { return m.written; });
}
BOOL INS_HasMemoryRead2(INS ins) {
  const FullInstruction& full = find(ins, "INS_HasMemoryRead2").full();
  return std::count_if(full.memory, full.memory + full.memory_count,
                       [](const MemoryOperand& m) { return m.read && !m.index_is_vector; }) > 1;
}
BOOL INS_HasExplicitMemoryReference(INS ins) {
  return explicit_memory(ins, "INS_HasExplicitMemoryReference") != nullptr;
}
// Its accesses have an address and a size that are known before it runs.
BOOL INS_IsStandardMemop(INS ins) {
  return !any_memory(ins, "INS_IsStandardMemop",
                     [](const MemoryOperand& m) { return m.index_is_vector || m.size == 0; });
}
BOOL INS_HasKnownMemorySize(INS ins) {
  return !any_memory(ins, "INS_HasKnownMemorySize", [](const MemoryOperand& m) { return m.size == 0; });
}
// Through the stack pointer, said or not.
BOOL INS_IsStackRead(INS ins) {
  return any_memory(ins, "INS_IsStackRead", [](const MemoryOperand& m) { return m.read && m.base == 4; });
}
BOOL INS_IsStackWrite(INS ins) {
  return any_memory(ins, "INS_IsStackWrite", [](const MemoryOperand& m) { return m.written && m.base == 4; });
}
BOOL INS_IsIpRelRead(INS ins) {
  return any_memory(ins, "INS_IsIpRelRead",
                    [](const MemoryOperand& m) { return m.read && m.base == kInstructionPointer; });
}
BOOL INS_IsIpRelWrite(INS ins) {
  return any_memory(ins, "INS_IsIpRelWrite",
                    [](const MemoryOperand& m) { return m.written && m.base == kInstructionPointer; });
}
USIZE INS_MemoryReadSize(INS ins) {
  const FullInstruction& full = find(ins, "INS_MemoryReadSize").full();
  for (unsigned i = 0; i < full.memory_count; ++i) {
    if (full.memory[i].read) return full.memory[i].size;
  }
  return 0;
}
USIZE INS_MemoryWriteSize(INS ins) {
  const FullInstruction& full = find(ins, "INS_MemoryWriteSize").full();
  for (unsigned i = 0; i < full.memory_count; ++i) {
    if (full.memory[i].written) return full.memory[i].size;
  }
  return 0;
}

UINT32 INS_MemoryOperandCount(INS ins) {
  return find(ins, "INS_MemoryOperandCount").full().memory_count;
}
// Tools ask for the first operand of instructions that have none.
BOOL INS_MemoryOperandIsRead(INS ins, UINT32 index) {
  const FullInstruction& full = find(ins, "INS_MemoryOperandIsRead").full();
  return index < full.memory_count && full.memory[index].read;
}
BOOL INS_MemoryOperandIsWritten(INS ins, UINT32 index) {
  const FullInstruction& full = find(ins, "INS_MemoryOperandIsWritten").full();
  return index < full.memory_count && full.memory[index].written;
}
USIZE INS_MemoryOperandSize(INS ins, UINT32 index) {
  return memory(ins, index, "INS_MemoryOperandSize").size;
}
USIZE INS_MemoryOperandElementSize(INS ins, UINT32 index) {
  const FullInstruction& full = find(ins, "INS_MemoryOperandElementSize").full();
  return full.operands[memory(ins, index, "INS_MemoryOperandElementSize").operand].element_size / 8u;
}
UINT32 INS_MemoryOperandElementCount(INS ins, UINT32 index) {
  const FullInstruction& full = find(ins, "INS_MemoryOperandElementCount").full();
  return full.operands[memory(ins, index, "INS_MemoryOperandElementCount").operand].element_count;
}
UINT32 INS_MemoryOperandIndexToOperandIndex(INS ins, UINT32 index) {
  const FullInstruction& full = find(ins, "INS_MemoryOperandIndexToOperandIndex").full();
  const unsigned place = memory(ins, index, "INS_MemoryOperandIndexToOperandIndex").operand;
  UINT32 counted = 0;
  for (unsigned i = 0; i < place; ++i) counted += is_counted(full.operands[i]);
  return counted;
}
REG INS_MemoryBaseReg(INS ins) {
  const ZydisDecodedOperand* one = explicit_memory(ins, "INS_MemoryBaseReg");
  return one != nullptr ? reg_of(one->mem.base) : REG_INVALID();
}
REG INS_MemoryIndexReg(INS ins) {
  const ZydisDecodedOperand* one = explicit_memory(ins, "INS_MemoryIndexReg");
  return one != nullptr ? reg_of(one->mem.index) : REG_INVALID();
}
UINT32 INS_MemoryScale(INS ins) {
  const ZydisDecodedOperand* one = explicit_memory(ins, "INS_MemoryScale");
  return one != nullptr && one->mem.scale ? one->mem.scale : 1;
}
ADDRDELTA INS_MemoryDisplacement(INS ins) {
  const ZydisDecodedOperand* one = explicit_memory(ins, "INS_MemoryDisplacement");
  return one != nullptr && one->mem.disp.has_displacement ? one->mem.disp.value : 0;
}

UINT32 INS_OperandCount(INS ins) {
  const FullInstruction& full = find(ins, "INS_OperandCount").full();
  UINT32 count = 0;
  for (unsigned i = 0; i < full.instruction.operand_count; ++i) count += is_counted(full.operands[i]);
  return count;
}
BOOL INS_OperandIsReg(INS ins, UINT32 n) {
  const ZydisDecodedOperand* one = operand_at(ins, n, "INS_OperandIsReg");
  return one != nullptr && one->type == ZYDIS_OPERAND_TYPE_REGISTER;
}
BOOL INS_OperandIsMemory(INS ins, UINT32 n) {
  const ZydisDecodedOperand* one = operand_at(ins, n, "INS_OperandIsMemory");
  return one != nullptr && one->type == ZYDIS_OPERAND_TYPE_MEMORY && one->mem.type != ZYDIS_MEMOP_TYPE_AGEN;
}
BOOL INS_OperandIsAddressGenerator(INS ins, UINT32 n) {
  const ZydisDecodedOperand* one = operand_at(ins, n, "INS_OperandIsAddressGenerator");
  return one != nullptr && one->type == ZYDIS_OPERAND_TYPE_MEMORY && one->mem.type == ZYDIS_MEMOP_TYPE_AGEN;
}
BOOL INS_OperandIsImmediate(INS ins, UINT32 n) {
  const ZydisDecodedOperand* one = operand_at(ins, n, "INS_OperandIsImmediate");
  return one != nullptr && one->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !one->imm.is_relative;
}
BOOL INS_OperandIsBranchDisplacement(INS ins, UINT32 n) {
  const ZydisDecodedOperand* one = operand_at(ins, n, "INS_OperandIsBranchDisplacement");
  return one != nullptr && one->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && one->imm.is_relative;
}
BOOL INS_OperandIsFixedMemop(INS ins, UINT32 n) {
  const ZydisDecodedOperand* one = operand_at(ins, n, "INS_OperandIsFixedMemop");
  return one != nullptr && one->type == ZYDIS_OPERAND_TYPE_MEMORY &&
         one->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
}
BOOL INS_OperandIsImplicit(INS ins, UINT32 n) {
  return operand(ins, n, "INS_OperandIsImplicit").visibility != ZYDIS_OPERAND_VISIBILITY_EXPLICIT;
}
BOOL INS_OperandRead(INS ins, UINT32 n) {
  return reads(operand(ins, n, "INS_OperandRead"));
}
BOOL INS_OperandWritten(INS ins, UINT32 n) {
  return writes(operand(ins, n, "INS_OperandWritten"));
}
BOOL INS_OperandReadOnly(INS ins, UINT32 n) {
  return INS_OperandRead(ins, n) && !INS_OperandWritten(ins, n);
}
BOOL INS_OperandWrittenOnly(INS ins, UINT32 n) {
  return INS_OperandWritten(ins, n) && !INS_OperandRead(ins, n);
}
BOOL INS_OperandReadAndWritten(INS ins, UINT32 n) {
  return INS_OperandWritten(ins, n) && INS_OperandRead(ins, n);
}
REG INS_OperandReg(INS ins, UINT32 n) {
  const ZydisDecodedOperand* one = operand_at(ins, n, "INS_OperandReg");
  return one != nullptr && one->type == ZYDIS_OPERAND_TYPE_REGISTER ? reg_of(one->reg.value) : REG_INVALID();
}
UINT64 INS_OperandImmediate(INS ins, UINT32 n) {
  const ZydisDecodedOperand& one = operand(ins, n, "INS_OperandImmediate");
  if (one.type != ZYDIS_OPERAND_TYPE_IMMEDIATE) fail("INS_OperandImmediate: the operand is none");
  return one.imm.value.u;
}
UINT32 INS_OperandWidth(INS ins, UINT32 n) {
  return operand(ins, n, "INS_OperandWidth").size;
}
USIZE INS_OperandSize(INS ins, UINT32 n) {
  return operand(ins, n, "INS_OperandSize").size / 8u;
}
UINT32 INS_OperandElementCount(INS ins, UINT32 n) {
  return operand(ins, n, "INS_OperandElementCount").element_count;
}
USIZE INS_OperandElementSize(INS ins, UINT32 n) {
  return operand(ins, n, "INS_OperandElementSize").element_size / 8u;
}
REG INS_OperandMemoryBaseReg(INS ins, UINT32 n) {
  const ZydisDecodedOperand& one = operand(ins, n, "INS_OperandMemoryBaseReg");
  return one.type == ZYDIS_OPERAND_TYPE_MEMORY ? reg_of(one.mem.base) : REG_INVALID();
}
REG INS_OperandMemoryIndexReg(INS ins, UINT32 n) {
  const ZydisDecodedOperand& one = operand(ins, n, "INS_OperandMemoryIndexReg");
  return one.type == ZYDIS_OPERAND_TYPE_MEMORY ? reg_of(one.mem.index) : REG_INVALID();
}
REG INS_OperandMemorySegmentReg(INS ins, UINT32 n) {
  const ZydisDecodedOperand& one = operand(ins, n, "INS_OperandMemorySegmentReg");
  if (one.type != ZYDIS_OPERAND_TYPE_MEMORY) return REG_INVALID();
  const REG segment = reg_of(one.mem.segment);
  return segment == REG_SEG_FS || segment == REG_SEG_GS ? segment : REG_INVALID();
}
UINT32 INS_OperandMemoryScale(INS ins, UINT32 n) {
  const ZydisDecodedOperand& one = operand(ins, n, "INS_OperandMemoryScale");
  return one.type == ZYDIS_OPERAND_TYPE_MEMORY && one.mem.scale ? one.mem.scale : 1;
}
ADDRDELTA INS_OperandMemoryDisplacement(INS ins, UINT32 n) {
  const ZydisDecodedOperand& one = operand(ins, n, "INS_OperandMemoryDisplacement");
  return one.type == ZYDIS_OPERAND_TYPE_MEMORY && one.mem.disp.has_displacement ? one.mem.disp.value : 0;
}
std::string INS_OperandNameString(INS ins, UINT32 n) {
  const ZydisDecodedOperand& one = operand(ins, n, "INS_OperandNameString");
  switch (one.type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
      return "REG" + std::to_string(n);
    case ZYDIS_OPERAND_TYPE_MEMORY:
      return "MEM" + std::to_string(n);
    default:
      return "IMM" + std::to_string(n);
  }
}

UINT32 INS_MaxNumRRegs(INS ins) {
  return static_cast<UINT32>(registers(ins, true, "INS_MaxNumRRegs").size());
}
UINT32 INS_MaxNumWRegs(INS ins) {
  return static_cast<UINT32>(registers(ins, false, "INS_MaxNumWRegs").size());
}
REG INS_RegR(INS ins, UINT32 k) {
  const auto list = registers(ins, true, "INS_RegR");
  return k < list.size() ? list[k] : REG_INVALID();
}
REG INS_RegW(INS ins, UINT32 k) {
  const auto list = registers(ins, false, "INS_RegW");
  return k < list.size() ? list[k] : REG_INVALID();
}
BOOL INS_RegRContain(INS ins, REG reg) {
  return contains(registers(ins, true, "INS_RegRContain"), reg);
}
BOOL INS_RegWContain(INS ins, REG reg) {
  return contains(registers(ins, false, "INS_RegWContain"), reg);
}
BOOL INS_FullRegRContain(INS ins, REG reg) {
  return contains_full(registers(ins, true, "INS_FullRegRContain"), reg);
}
BOOL INS_FullRegWContain(INS ins, REG reg) {
  return contains_full(registers(ins, false, "INS_FullRegWContain"), reg);
}

}  // namespace LEVEL_BASE

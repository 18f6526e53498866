// What an instruction is: control flow, prefixes, predicates.
#include "api/instrument.h"
#include "api/names.h"

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

namespace {

bool att_syntax = false;

const Scan& scan_of(INS ins, const char* function) {
  return find(ins, function).instruction->scan;
}
const ZydisDecodedInstruction& zydis(INS ins, const char* function) {
  return find(ins, function).full().instruction;
}
bool is_mnemonic(INS ins, ZydisMnemonic mnemonic, const char* function) {
  return zydis(ins, function).mnemonic == mnemonic;
}
bool has(INS ins, ZydisInstructionAttributes attributes, const char* function) {
  return (zydis(ins, function).attributes & attributes) != 0;
}
bool is_far(INS ins, ZydisMnemonic mnemonic, const char* function) {
  const auto& one = zydis(ins, function);
  return one.mnemonic == mnemonic && one.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR;
}

}  // namespace

VOID PIN_SetSyntaxIntel() {
  att_syntax = false;
}
VOID PIN_SetSyntaxXED() {
  att_syntax = false;
}
VOID PIN_SetSyntaxATT() {
  att_syntax = true;
}

// Of no instruction, which is what is before the first of a block: 0.
ADDRINT INS_Address(INS ins) {
  if (!INS_Valid(ins)) return 0;
  return find(ins, "INS_Address").instruction->address;
}
USIZE INS_Size(INS ins) {
  return scan_of(ins, "INS_Size").length;
}
ADDRINT INS_NextAddress(INS ins) {
  const PlannedInstruction& one = *find(ins, "INS_NextAddress").instruction;
  return one.address + one.scan.length;
}
RTN INS_Rtn(INS ins) {
  return RTN_FindByAddress(find(ins, "INS_Rtn").instruction->address);
}
BOOL INS_IsOriginal(INS ins) {
  return find(ins, "INS_IsOriginal").instruction != nullptr;
}
std::string INS_Disassemble(INS ins) {
  return disassemble(find(ins, "INS_Disassemble").full(), att_syntax);
}

BOOL INS_IsBranch(INS ins) {
  switch (scan_of(ins, "INS_IsBranch").flow) {
    case Flow::jump:
    case Flow::jump_if:
    case Flow::jump_if_count:
    case Flow::jump_indirect:
      return TRUE;
    case Flow::emulate:
      return is_far(ins, ZYDIS_MNEMONIC_JMP, "INS_IsBranch");
    default:
      return FALSE;
  }
}
BOOL INS_IsCall(INS ins) {
  const Flow flow = scan_of(ins, "INS_IsCall").flow;
  return flow == Flow::call || flow == Flow::call_indirect || INS_IsFarCall(ins);
}
// A call that pushes only to learn its own address is none.
BOOL INS_IsProcedureCall(INS ins) {
  const PlannedInstruction& one = *find(ins, "INS_IsProcedureCall").instruction;
  if (one.scan.flow == Flow::call) return one.scan.target != one.address + one.scan.length;
  return INS_IsCall(ins);
}
BOOL INS_IsRet(INS ins) {
  return scan_of(ins, "INS_IsRet").flow == Flow::return_near || INS_IsFarRet(ins) || INS_IsIRet(ins);
}
BOOL INS_IsSysret(INS ins) {
  return is_mnemonic(ins, ZYDIS_MNEMONIC_SYSRET, "INS_IsSysret");
}
BOOL INS_IsIRet(INS ins) {
  const ZydisMnemonic mnemonic = zydis(ins, "INS_IsIRet").mnemonic;
  return mnemonic == ZYDIS_MNEMONIC_IRET || mnemonic == ZYDIS_MNEMONIC_IRETD ||
         mnemonic == ZYDIS_MNEMONIC_IRETQ;
}
BOOL INS_IsFarCall(INS ins) {
  return is_far(ins, ZYDIS_MNEMONIC_CALL, "INS_IsFarCall");
}
BOOL INS_IsFarJump(INS ins) {
  return is_far(ins, ZYDIS_MNEMONIC_JMP, "INS_IsFarJump");
}
BOOL INS_IsFarRet(INS ins) {
  return is_far(ins, ZYDIS_MNEMONIC_RET, "INS_IsFarRet");
}
// 64-bit code has none.
BOOL INS_IsDirectFarJump(INS ins) {
  find(ins, "INS_IsDirectFarJump");
  return FALSE;
}
VOID INS_GetFarPointer(INS ins, UINT16& selector, UINT32& displacement) {
  find(ins, "INS_GetFarPointer");
  selector = 0;
  displacement = 0;
}
BOOL INS_IsControlFlow(INS ins) {
  return INS_IsBranch(ins) || INS_IsCall(ins) || INS_IsRet(ins);
}
BOOL INS_IsDirectBranch(INS ins) {
  const Flow flow = scan_of(ins, "INS_IsDirectBranch").flow;
  return flow == Flow::jump || flow == Flow::jump_if || flow == Flow::jump_if_count;
}
BOOL INS_IsDirectCall(INS ins) {
  return scan_of(ins, "INS_IsDirectCall").flow == Flow::call;
}
BOOL INS_IsDirectControlFlow(INS ins) {
  return INS_IsDirectBranch(ins) || INS_IsDirectCall(ins);
}
BOOL INS_IsIndirectControlFlow(INS ins) {
  return INS_IsControlFlow(ins) && !INS_IsDirectControlFlow(ins);
}
ADDRINT INS_DirectControlFlowTargetAddress(INS ins) {
  if (!INS_IsDirectControlFlow(ins)) {
    fail("INS_DirectControlFlowTargetAddress: " + INS_Disassemble(ins) + " has no target of its own");
  }
  return scan_of(ins, "INS_DirectControlFlowTargetAddress").target;
}
BOOL INS_HasFallThrough(INS ins) {
  switch (scan_of(ins, "INS_HasFallThrough").flow) {
    case Flow::next:
    case Flow::jump_if:
    case Flow::jump_if_count:
    case Flow::system_call:
    case Flow::trap:
      return TRUE;
    case Flow::emulate:
      return !INS_IsControlFlow(ins);
    default:
      return FALSE;
  }
}
BOOL INS_IsValidForIpointAfter(INS ins) {
  const Flow flow = scan_of(ins, "INS_IsValidForIpointAfter").flow;
  return INS_HasFallThrough(ins) && flow != Flow::system_call && flow != Flow::emulate && flow != Flow::trap;
}
BOOL INS_IsValidForIpointTakenBranch(INS ins) {
  return INS_IsControlFlow(ins);
}
BOOL INS_IsValidForIarg(INS ins, IARG_TYPE type) {
  switch (type) {
    case IARG_MEMORYREAD_EA:
    case IARG_MEMORYREAD_SIZE:
      return INS_IsMemoryRead(ins);
    case IARG_MEMORYREAD2_EA:
      return INS_HasMemoryRead2(ins);
    case IARG_MEMORYWRITE_EA:
    case IARG_MEMORYWRITE_SIZE:
      return INS_IsMemoryWrite(ins);
    case IARG_BRANCH_TAKEN:
    case IARG_BRANCH_TARGET_ADDR:
      return INS_IsControlFlow(ins);
    case IARG_EXPLICIT_MEMORY_EA:
      return INS_HasExplicitMemoryReference(ins);
    default:
      return TRUE;
  }
}
BOOL INS_IsAddedForFunctionReplacement(INS ins) {
  const PlannedInstruction& one = *find(ins, "INS_IsAddedForFunctionReplacement").instruction;
  return reinterpret_cast<uint64_t>(one.bytes) != one.address && current_plan() != nullptr &&
         current_plan()->instructions.size() == 1 && INS_IsRet(ins);
}

BOOL INS_IsSyscall(INS ins) {
  const Scan& scan = scan_of(ins, "INS_IsSyscall");
  return scan.flow == Flow::system_call || INS_IsSysenter(ins) ||
         (scan.flow == Flow::emulate && is_mnemonic(ins, ZYDIS_MNEMONIC_INT, "INS_IsSyscall"));
}
BOOL INS_IsSysenter(INS ins) {
  return is_mnemonic(ins, ZYDIS_MNEMONIC_SYSENTER, "INS_IsSysenter");
}
BOOL INS_IsSysEnter(INS ins) {
  return INS_IsSysenter(ins);
}
UINT32 INS_SyscallStd(INS ins) {
  return INS_IsSyscall(ins) ? SYSCALL_STANDARD_IA32E_LINUX : SYSCALL_STANDARD_INVALID;
}
BOOL INS_IsInterrupt(INS ins) {
  const ZydisMnemonic mnemonic = zydis(ins, "INS_IsInterrupt").mnemonic;
  return mnemonic == ZYDIS_MNEMONIC_INT || mnemonic == ZYDIS_MNEMONIC_INT1 || mnemonic == ZYDIS_MNEMONIC_INT3;
}
BOOL INS_IsRDTSC(INS ins) {
  const ZydisMnemonic mnemonic = zydis(ins, "INS_IsRDTSC").mnemonic;
  return mnemonic == ZYDIS_MNEMONIC_RDTSC || mnemonic == ZYDIS_MNEMONIC_RDTSCP;
}
BOOL INS_IsNop(INS ins) {
  return is_mnemonic(ins, ZYDIS_MNEMONIC_NOP, "INS_IsNop");
}
BOOL INS_IsLea(INS ins) {
  return is_mnemonic(ins, ZYDIS_MNEMONIC_LEA, "INS_IsLea");
}
BOOL INS_IsMov(INS ins) {
  return is_mnemonic(ins, ZYDIS_MNEMONIC_MOV, "INS_IsMov");
}
BOOL INS_IsMovFullRegRegSame(INS ins) {
  return INS_IsMov(ins) && INS_OperandIsReg(ins, 0) && INS_OperandIsReg(ins, 1) &&
         INS_OperandReg(ins, 0) == INS_OperandReg(ins, 1) && REG_is_gr64(INS_OperandReg(ins, 0));
}
BOOL INS_IsXchg(INS ins) {
  return is_mnemonic(ins, ZYDIS_MNEMONIC_XCHG, "INS_IsXchg");
}
BOOL INS_IsSub(INS ins) {
  return is_mnemonic(ins, ZYDIS_MNEMONIC_SUB, "INS_IsSub");
}
BOOL INS_IsXbegin(INS ins) {
  return is_mnemonic(ins, ZYDIS_MNEMONIC_XBEGIN, "INS_IsXbegin");
}
BOOL INS_IsXend(INS ins) {
  return is_mnemonic(ins, ZYDIS_MNEMONIC_XEND, "INS_IsXend");
}
BOOL INS_IsHalt(INS ins) {
  return is_mnemonic(ins, ZYDIS_MNEMONIC_HLT, "INS_IsHalt");
}
BOOL INS_IsPrefetch(INS ins) {
  return zydis(ins, "INS_IsPrefetch").meta.category == ZYDIS_CATEGORY_PREFETCH;
}
BOOL INS_IsCacheLineFlush(INS ins) {
  const ZydisMnemonic mnemonic = zydis(ins, "INS_IsCacheLineFlush").mnemonic;
  return mnemonic == ZYDIS_MNEMONIC_CLFLUSH || mnemonic == ZYDIS_MNEMONIC_CLFLUSHOPT ||
         mnemonic == ZYDIS_MNEMONIC_CLWB;
}
BOOL INS_IsStringop(INS ins) {
  return zydis(ins, "INS_IsStringop").meta.category == ZYDIS_CATEGORY_STRINGOP;
}
BOOL INS_IsPredicated(INS ins) {
  const Scan& scan = scan_of(ins, "INS_IsPredicated");
  if (scan.is_rep_string) return TRUE;
  const auto category = zydis(ins, "INS_IsPredicated").meta.category;
  return category == ZYDIS_CATEGORY_CMOV || category == ZYDIS_CATEGORY_FCMOV;
}
// jcxz and kin, whose target may be masked to the address size: not in 64-bit code.
BOOL INS_IsMaskedJump(INS ins) {
  find(ins, "INS_IsMaskedJump");
  return FALSE;
}
BOOL INS_HasRealRep(INS ins) {
  return scan_of(ins, "INS_HasRealRep").is_rep_string;
}
BOOL INS_RepPrefix(INS ins) {
  return has(ins, ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE, "INS_RepPrefix");
}
BOOL INS_RepnePrefix(INS ins) {
  return has(ins, ZYDIS_ATTRIB_HAS_REPNE, "INS_RepnePrefix");
}
BOOL INS_LockPrefix(INS ins) {
  return has(ins, ZYDIS_ATTRIB_HAS_LOCK, "INS_LockPrefix");
}
BOOL INS_AddressSizePrefix(INS ins) {
  return scan_of(ins, "INS_AddressSizePrefix").address32;
}
BOOL INS_OperandSizePrefix(INS ins) {
  return has(ins, ZYDIS_ATTRIB_HAS_OPERANDSIZE, "INS_OperandSizePrefix");
}
BOOL INS_BranchTakenPrefix(INS ins) {
  return has(ins, ZYDIS_ATTRIB_HAS_BRANCH_TAKEN, "INS_BranchTakenPrefix");
}
BOOL INS_BranchNotTakenPrefix(INS ins) {
  return has(ins, ZYDIS_ATTRIB_HAS_BRANCH_NOT_TAKEN, "INS_BranchNotTakenPrefix");
}
REG INS_SegmentRegPrefix(INS ins) {
  switch (scan_of(ins, "INS_SegmentRegPrefix").segment) {
    case Segment::fs:
      return REG_SEG_FS;
    case Segment::gs:
      return REG_SEG_GS;
    default:
      return REG_INVALID();
  }
}
BOOL INS_SegmentPrefix(INS ins) {
  return REG_valid(INS_SegmentRegPrefix(ins));
}
namespace {
template <class Which>
BOOL any_with_segment(INS ins, const char* function, Which&& which) {
  if (!INS_SegmentPrefix(ins)) return FALSE;
  const FullInstruction& full = find(ins, function).full();
  return std::any_of(full.memory, full.memory + full.memory_count, which);
}
}  // namespace
BOOL INS_SegPrefixIsMemoryRead(INS ins) {
  return any_with_segment(ins, "INS_SegPrefixIsMemoryRead", [](const MemoryOperand& m) { return m.read; });
}
BOOL INS_SegPrefixIsMemoryWrite(INS ins) {
  return any_with_segment(ins, "INS_SegPrefixIsMemoryWrite",
                          [](const MemoryOperand& m) { return m.written; });
}
BOOL INS_IsMovdir64b(INS ins) {
  return zydis(ins, "INS_IsMovdir64b").mnemonic == ZYDIS_MNEMONIC_MOVDIR64B;
}
REG INS_RepCountRegister(INS ins) {
  const Scan& scan = scan_of(ins, "INS_RepCountRegister");
  if (!scan.is_rep_string) return REG_INVALID();
  return scan.address32 ? REG_ECX : REG_RCX;
}
BOOL INS_IsAtomicUpdate(INS ins) {
  if (INS_LockPrefix(ins)) return TRUE;
  if (!INS_IsXchg(ins)) return FALSE;
  return INS_MemoryOperandCount(ins) > 0;
}
BOOL INS_IsVgather(INS ins) {
  const auto category = zydis(ins, "INS_IsVgather").meta.category;
  return category == ZYDIS_CATEGORY_AVX2GATHER || category == ZYDIS_CATEGORY_GATHER;
}
BOOL INS_IsVscatter(INS ins) {
  return zydis(ins, "INS_IsVscatter").meta.category == ZYDIS_CATEGORY_SCATTER;
}
BOOL INS_HasMemoryVector(INS ins) {
  const FullInstruction& full = find(ins, "INS_HasMemoryVector").full();
  for (unsigned i = 0; i < full.memory_count; ++i) {
    if (full.memory[i].index_is_vector) return TRUE;
  }
  return FALSE;
}
BOOL INS_HasScatteredMemoryAccess(INS ins) {
  return INS_HasMemoryVector(ins);
}
BOOL INS_ChangeAddressSize(INS ins) {
  return INS_AddressSizePrefix(ins);
}
UINT32 INS_EffectiveAddressWidth(INS ins) {
  return zydis(ins, "INS_EffectiveAddressWidth").address_width;
}
// Registers cannot be exchanged after the fact.
BOOL INS_ChangeReg(INS, REG, REG, BOOL) {
  return FALSE;
}

}  // namespace LEVEL_BASE

// Instructions: what they are, and calls at them. Valid during the callback that hands them out.
#pragma once

#include "pin/arguments.h"
#include "pin/reg.h"
#include "pin/xed.h"

namespace LEVEL_BASE {

typedef UINT32 OPCODE;
typedef VOID (*INS_INSTRUMENT_CALLBACK)(INS ins, VOID* value);
ISOTACH_API PIN_CALLBACK INS_AddInstrumentFunction(INS_INSTRUMENT_CALLBACK function, VOID* value);

// Place.
ISOTACH_API ADDRINT INS_Address(INS ins);
ISOTACH_API USIZE INS_Size(INS ins);
ISOTACH_API ADDRINT INS_NextAddress(INS ins);
ISOTACH_API INS INS_Next(INS ins);
ISOTACH_API INS INS_Prev(INS ins);
ISOTACH_API RTN INS_Rtn(INS ins);
ISOTACH_API BOOL INS_IsOriginal(INS ins);

// Kind.
ISOTACH_API std::string INS_Disassemble(INS ins);
ISOTACH_API std::string INS_Mnemonic(INS ins);
ISOTACH_API OPCODE INS_Opcode(INS ins);    // XED_ICLASS_...
ISOTACH_API INT32 INS_Category(INS ins);   // XED_CATEGORY_...
ISOTACH_API INT32 INS_Extension(INS ins);  // XED_EXTENSION_...
ISOTACH_API std::string OPCODE_StringShort(UINT32 opcode);
ISOTACH_API std::string CATEGORY_StringShort(UINT32 category);
ISOTACH_API std::string EXTENSION_StringShort(UINT32 extension);
ISOTACH_API xed_decoded_inst_t* INS_XedDec(INS ins);
ISOTACH_API REG INS_XedExactMapToPinReg(xed_reg_enum_t reg);
ISOTACH_API xed_reg_enum_t INS_XedExactMapFromPinReg(REG reg);
ISOTACH_API BOOL INS_IsBranch(INS ins);
ISOTACH_API BOOL INS_IsCall(INS ins);
ISOTACH_API BOOL INS_IsProcedureCall(INS ins);
ISOTACH_API BOOL INS_IsRet(INS ins);
ISOTACH_API BOOL INS_IsSysret(INS ins);
ISOTACH_API BOOL INS_IsIRet(INS ins);
ISOTACH_API BOOL INS_IsFarCall(INS ins);
ISOTACH_API BOOL INS_IsFarJump(INS ins);
ISOTACH_API BOOL INS_IsFarRet(INS ins);
ISOTACH_API BOOL INS_IsDirectFarJump(INS ins);
ISOTACH_API VOID INS_GetFarPointer(INS ins, UINT16& selector, UINT32& displacement);
ISOTACH_API BOOL INS_IsControlFlow(INS ins);
ISOTACH_API BOOL INS_IsDirectControlFlow(INS ins);
ISOTACH_API BOOL INS_IsIndirectControlFlow(INS ins);
ISOTACH_API ADDRINT INS_DirectControlFlowTargetAddress(INS ins);
ISOTACH_API BOOL INS_IsDirectBranch(INS ins);
ISOTACH_API BOOL INS_IsDirectCall(INS ins);
inline BOOL INS_IsBranchOrCall(INS ins) {
  return INS_IsBranch(ins) || INS_IsCall(ins);
}
inline BOOL INS_IsDirectBranchOrCall(INS ins) {
  return INS_IsDirectControlFlow(ins);
}
inline BOOL INS_IsIndirectBranchOrCall(INS ins) {
  return INS_IsIndirectControlFlow(ins);
}
inline ADDRINT INS_DirectBranchOrCallTargetAddress(INS ins) {
  return INS_DirectControlFlowTargetAddress(ins);
}
ISOTACH_API BOOL INS_HasFallThrough(INS ins);
ISOTACH_API BOOL INS_ChangeReg(INS ins, REG from, REG to, BOOL as_read);
ISOTACH_API BOOL INS_IsSyscall(INS ins);
ISOTACH_API BOOL INS_IsSysenter(INS ins);
ISOTACH_API BOOL INS_IsInterrupt(INS ins);
ISOTACH_API BOOL INS_IsSysEnter(INS ins);
ISOTACH_API UINT32 INS_SyscallStd(INS ins);
ISOTACH_API BOOL INS_IsRDTSC(INS ins);
ISOTACH_API BOOL INS_IsNop(INS ins);
ISOTACH_API BOOL INS_IsLea(INS ins);
ISOTACH_API BOOL INS_IsMov(INS ins);
ISOTACH_API BOOL INS_IsMovFullRegRegSame(INS ins);
ISOTACH_API BOOL INS_IsXchg(INS ins);
ISOTACH_API BOOL INS_IsSub(INS ins);
ISOTACH_API BOOL INS_IsXbegin(INS ins);
ISOTACH_API BOOL INS_IsXend(INS ins);
ISOTACH_API BOOL INS_IsHalt(INS ins);
ISOTACH_API BOOL INS_IsPrefetch(INS ins);
ISOTACH_API BOOL INS_IsCacheLineFlush(INS ins);
ISOTACH_API BOOL INS_IsStringop(INS ins);
ISOTACH_API BOOL INS_IsPredicated(INS ins);
ISOTACH_API BOOL INS_IsMaskedJump(INS ins);
ISOTACH_API BOOL INS_HasRealRep(INS ins);
ISOTACH_API BOOL INS_RepPrefix(INS ins);
ISOTACH_API BOOL INS_RepnePrefix(INS ins);
ISOTACH_API BOOL INS_LockPrefix(INS ins);
ISOTACH_API BOOL INS_AddressSizePrefix(INS ins);
ISOTACH_API BOOL INS_OperandSizePrefix(INS ins);
ISOTACH_API BOOL INS_BranchTakenPrefix(INS ins);
ISOTACH_API BOOL INS_BranchNotTakenPrefix(INS ins);
ISOTACH_API BOOL INS_SegmentPrefix(INS ins);
ISOTACH_API REG INS_SegmentRegPrefix(INS ins);
ISOTACH_API REG INS_RepCountRegister(INS ins);
inline BOOL INS_Stutters(INS ins) {
  return INS_HasRealRep(ins);
}
ISOTACH_API BOOL INS_IsAtomicUpdate(INS ins);
ISOTACH_API BOOL INS_IsVgather(INS ins);
ISOTACH_API BOOL INS_IsVscatter(INS ins);
ISOTACH_API BOOL INS_HasMemoryVector(INS ins);
ISOTACH_API BOOL INS_HasScatteredMemoryAccess(INS ins);
ISOTACH_API BOOL INS_ChangeAddressSize(INS ins);
ISOTACH_API UINT32 INS_EffectiveAddressWidth(INS ins);
ISOTACH_API BOOL INS_IsMemoryRead(INS ins);
ISOTACH_API BOOL INS_IsMemoryWrite(INS ins);
ISOTACH_API BOOL INS_HasMemoryRead2(INS ins);
ISOTACH_API BOOL INS_HasExplicitMemoryReference(INS ins);
ISOTACH_API BOOL INS_IsStandardMemop(INS ins);
ISOTACH_API BOOL INS_IsStackRead(INS ins);
ISOTACH_API BOOL INS_IsStackWrite(INS ins);
ISOTACH_API BOOL INS_IsIpRelRead(INS ins);
ISOTACH_API BOOL INS_IsIpRelWrite(INS ins);
ISOTACH_API USIZE INS_MemoryReadSize(INS ins);
ISOTACH_API USIZE INS_MemoryWriteSize(INS ins);
ISOTACH_API BOOL INS_HasKnownMemorySize(INS ins);

// Memory operands: read or written ones, counted from 0, first the one that is written out.
ISOTACH_API UINT32 INS_MemoryOperandCount(INS ins);
ISOTACH_API BOOL INS_MemoryOperandIsRead(INS ins, UINT32 index);
ISOTACH_API BOOL INS_MemoryOperandIsWritten(INS ins, UINT32 index);
ISOTACH_API USIZE INS_MemoryOperandSize(INS ins, UINT32 index);
ISOTACH_API USIZE INS_MemoryOperandElementSize(INS ins, UINT32 index);
ISOTACH_API UINT32 INS_MemoryOperandElementCount(INS ins, UINT32 index);
ISOTACH_API UINT32 INS_MemoryOperandIndexToOperandIndex(INS ins, UINT32 index);
ISOTACH_API REG INS_MemoryBaseReg(INS ins);
ISOTACH_API REG INS_MemoryIndexReg(INS ins);
ISOTACH_API UINT32 INS_MemoryScale(INS ins);
ISOTACH_API ADDRDELTA INS_MemoryDisplacement(INS ins);

// All operands.
ISOTACH_API UINT32 INS_OperandCount(INS ins);
ISOTACH_API BOOL INS_OperandIsReg(INS ins, UINT32 n);
ISOTACH_API BOOL INS_OperandIsMemory(INS ins, UINT32 n);
ISOTACH_API BOOL INS_OperandIsImmediate(INS ins, UINT32 n);
ISOTACH_API BOOL INS_OperandIsAddressGenerator(INS ins, UINT32 n);
ISOTACH_API BOOL INS_OperandIsBranchDisplacement(INS ins, UINT32 n);
ISOTACH_API BOOL INS_OperandIsFixedMemop(INS ins, UINT32 n);
ISOTACH_API BOOL INS_OperandIsImplicit(INS ins, UINT32 n);
ISOTACH_API BOOL INS_OperandRead(INS ins, UINT32 n);
ISOTACH_API BOOL INS_OperandWritten(INS ins, UINT32 n);
ISOTACH_API BOOL INS_OperandReadOnly(INS ins, UINT32 n);
ISOTACH_API BOOL INS_OperandWrittenOnly(INS ins, UINT32 n);
ISOTACH_API BOOL INS_OperandReadAndWritten(INS ins, UINT32 n);
ISOTACH_API REG INS_OperandReg(INS ins, UINT32 n);
ISOTACH_API UINT64 INS_OperandImmediate(INS ins, UINT32 n);
ISOTACH_API UINT32 INS_OperandWidth(INS ins, UINT32 n);  // in bits
ISOTACH_API USIZE INS_OperandSize(INS ins, UINT32 n);    // in bytes
ISOTACH_API UINT32 INS_OperandElementCount(INS ins, UINT32 n);
ISOTACH_API USIZE INS_OperandElementSize(INS ins, UINT32 n);
ISOTACH_API REG INS_OperandMemoryBaseReg(INS ins, UINT32 n);
ISOTACH_API REG INS_OperandMemoryIndexReg(INS ins, UINT32 n);
ISOTACH_API REG INS_OperandMemorySegmentReg(INS ins, UINT32 n);
ISOTACH_API UINT32 INS_OperandMemoryScale(INS ins, UINT32 n);
ISOTACH_API ADDRDELTA INS_OperandMemoryDisplacement(INS ins, UINT32 n);
ISOTACH_API std::string INS_OperandNameString(INS ins, UINT32 n);

// Registers: k-th one that is read or written, REG_INVALID() behind the last.
ISOTACH_API UINT32 INS_MaxNumRRegs(INS ins);
ISOTACH_API UINT32 INS_MaxNumWRegs(INS ins);
ISOTACH_API REG INS_RegR(INS ins, UINT32 k);
ISOTACH_API REG INS_RegW(INS ins, UINT32 k);
ISOTACH_API BOOL INS_RegRContain(INS ins, REG reg);
ISOTACH_API BOOL INS_RegWContain(INS ins, REG reg);
ISOTACH_API BOOL INS_FullRegRContain(INS ins, REG reg);
ISOTACH_API BOOL INS_FullRegWContain(INS ins, REG reg);

// Calls of analysis routines. The lists are IARG_ values, ended by IARG_END.
ISOTACH_API BOOL INS_IsValidForIpointAfter(INS ins);
ISOTACH_API BOOL INS_IsValidForIpointTakenBranch(INS ins);
ISOTACH_API BOOL INS_IsValidForIarg(INS ins, IARG_TYPE type);
ISOTACH_API BOOL INS_IsAddedForFunctionReplacement(INS ins);
ISOTACH_API VOID INS_InsertCall(INS ins, IPOINT place, AFUNPTR function, ...);
// Only where the instruction's predicate holds: conditional moves, repeated string instructions.
ISOTACH_API VOID INS_InsertPredicatedCall(INS ins, IPOINT place, AFUNPTR function, ...);
// The Then call is made where the If call returned something but 0.
ISOTACH_API VOID INS_InsertIfCall(INS ins, IPOINT place, AFUNPTR function, ...);
ISOTACH_API VOID INS_InsertThenCall(INS ins, IPOINT place, AFUNPTR function, ...);
ISOTACH_API VOID INS_InsertIfPredicatedCall(INS ins, IPOINT place, AFUNPTR function, ...);
ISOTACH_API VOID INS_InsertThenPredicatedCall(INS ins, IPOINT place, AFUNPTR function, ...);
// Writes a record to the buffer: each value is followed by its offset in the record.
ISOTACH_API BOOL INS_IsMovdir64b(INS ins);
// It has an fs or gs prefix, and memory at that segment is read or written.
ISOTACH_API BOOL INS_SegPrefixIsMemoryRead(INS ins);
ISOTACH_API BOOL INS_SegPrefixIsMemoryWrite(INS ins);
ISOTACH_API VOID INS_InsertFillBuffer(INS ins, IPOINT place, BUFFER_ID buffer, ...);
ISOTACH_API VOID INS_InsertFillBufferPredicated(INS ins, IPOINT place, BUFFER_ID buffer, ...);
ISOTACH_API VOID INS_InsertFillBufferThen(INS ins, IPOINT place, BUFFER_ID buffer, ...);
ISOTACH_API VOID INS_Delete(INS ins);
// The instruction accesses the address in `reg`, a whole general register or one of PIN_ClaimToolRegister,
// instead of that of its memory operand `index`, which must be written out. The register is mostly set by a
// call before the instruction with IARG_MEMORYOP_EA and IARG_RETURN_REGS.
ISOTACH_API VOID INS_RewriteMemoryOperand(INS ins, UINT32 index, REG reg);
ISOTACH_API VOID INS_InsertDirectJump(INS ins, IPOINT place, ADDRINT target);
ISOTACH_API VOID INS_InsertIndirectJump(INS ins, IPOINT place, REG target);

}  // namespace LEVEL_BASE

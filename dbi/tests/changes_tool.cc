// Changes the program's instructions in ways that must make no difference, so that its output shows whether
// they did; says how many places it changed.
//
//   -way after     a call behind each instruction that can have one
//   -way loads     moves from memory to registers of all sizes are deleted, and done by a routine
//   -way rewrite   each memory operand that is written out is accessed through a register of the tool
//   -way jumps     behind each third instruction a jump to where it goes on, by address or by register
//   -way calls     calls and returns are deleted: a routine moves the stack pointer, and a jump goes on
//   -way selectors reads the segment registers at each use of one
//   -way registers counts instructions in a register of the tool, with flags changed, and in memory
//   -way vectors   the first vector register of an instruction, of its width, is inverted twice, and looked
//   at between -way forms     each instruction's operands by the decoder's interface against those of the API
#include <cstdio>

#include "pin.H"

namespace {

KNOB<std::string> way(KNOB_MODE_WRITEONCE, "pintool", "way", "after", "what to change");
UINT64 places = 0, calls = 0, wrong = 0;
REG scratch[4];
TLS_KEY key = INVALID_TLS_KEY;

VOID count_behind(ADDRINT) {
  ++calls;
}
ADDRINT load(const ADDRINT* address, UINT32 size) {
  ADDRINT value = 0;
  ++calls;
  PIN_SafeCopy(&value, address, size);
  return value;
}
ADDRINT same(ADDRINT value) {
  ++calls;
  return value;
}
ADDRINT add(ADDRINT sum, UINT32 number) {
  return sum + number;
}
ADDRINT emulate_call(ADDRINT next, ADDRINT target, ADDRINT* stack_pointer) {
  ++calls;
  *stack_pointer -= sizeof(ADDRINT);
  *reinterpret_cast<ADDRINT*>(*stack_pointer) = next;
  return target;
}
ADDRINT emulate_return(ADDRINT* stack_pointer, UINT32 more) {
  const ADDRINT target = *reinterpret_cast<ADDRINT*>(*stack_pointer);
  *stack_pointer += sizeof(ADDRINT) + more;
  return target;
}
PIN_REGISTER before;
VOID note_vector(const PIN_REGISTER* value) {
  before = *value;
}
VOID invert(PIN_REGISTER* value, UINT32 qwords) {
  for (UINT32 i = 0; i < qwords; ++i) value->qword[i] = ~value->qword[i];
}
VOID look_at_vector(const PIN_REGISTER* value, UINT32 qwords) {
  ++calls;
  for (UINT32 i = 0; i < qwords; ++i) wrong += value->qword[i] != ~before.qword[i];
}
VOID look_at_selector(ADDRINT value, const PIN_REGISTER* reference, ADDRINT base) {
  ++calls;
  if (value != reference->word[0] || base == 0) ++wrong;
}

BOOL is_load(INS ins) {
  return INS_Opcode(ins) == XED_ICLASS_MOV && INS_IsMemoryRead(ins) && INS_OperandIsReg(ins, 0) &&
         REG_is_any_gr(INS_OperandReg(ins, 0));
}

// The operand that is written out, or how many there are.
UINT32 explicit_operand(INS ins) {
  UINT32 n = 0;
  const UINT32 count = INS_MemoryOperandCount(ins);
  while (n < count && INS_OperandIsImplicit(ins, INS_MemoryOperandIndexToOperandIndex(ins, n))) ++n;
  return n;
}

BOOL can_be_rewritten(INS ins) {
  return explicit_operand(ins) < INS_MemoryOperandCount(ins) && !INS_IsControlFlow(ins) &&
         !INS_IsVgather(ins) && !INS_IsVscatter(ins) &&
         INS_Mnemonic(ins).find("XSAVE") == std::string::npos && INS_HasExplicitMemoryReference(ins) &&
         !INS_IsStringop(ins);
}

VOID check_forms(INS ins) {
  const xed_decoded_inst_t* decoded = INS_XedDec(ins);
  const xed_inst_t* form = xed_decoded_inst_inst(decoded);
  UINT32 registers = 0;
  for (UINT32 i = 0; i < xed_inst_noperands(form); ++i) {
    const xed_operand_enum_t name = xed_operand_name(xed_inst_operand(form, i));
    if (!xed_operand_is_register(name)) continue;
    ++registers;
    const REG reg = INS_XedExactMapToPinReg(xed_decoded_inst_get_reg(decoded, name));
    if (xed_operand_written(xed_inst_operand(form, i)) && REG_valid(reg) && !REG_is_seg(reg) &&
        !INS_RegWContain(ins, reg)) {
      ++wrong;
    }
  }
  if (decoded->_inst != form || registers > xed_decoded_inst_noperands(decoded)) ++wrong;
  const xed_iform_enum_t number = xed_decoded_inst_get_iform_enum(decoded);
  if (number == XED_IFORM_INVALID || xed_iform_to_iclass(number) != xed_decoded_inst_get_iclass(decoded))
    ++wrong;
  if (str2xed_category_enum_t(CATEGORY_StringShort(INS_Category(ins)).c_str()) != INS_Category(ins)) ++wrong;
  ++places;
}

VOID change_call(INS ins) {
  if (INS_IsCall(ins)) {
    INS_InsertCall(ins, IPOINT_BEFORE, AFUNPTR(emulate_call), IARG_ADDRINT, INS_NextAddress(ins),
                   IARG_BRANCH_TARGET_ADDR, IARG_REG_REFERENCE, REG_STACK_PTR, IARG_RETURN_REGS, scratch[0],
                   IARG_END);
  } else {
    const UINT32 more =
        INS_OperandIsImmediate(ins, 0) ? static_cast<UINT32>(INS_OperandImmediate(ins, 0)) : 0;
    INS_InsertCall(ins, IPOINT_BEFORE, AFUNPTR(emulate_return), IARG_REG_REFERENCE, REG_STACK_PTR,
                   IARG_UINT32, more, IARG_RETURN_REGS, scratch[0], IARG_END);
  }
  INS_InsertIndirectJump(ins, IPOINT_AFTER, scratch[0]);
  INS_Delete(ins);
  ++places;
}

VOID change_vector(INS ins) {
  for (UINT32 i = 0; i < INS_OperandCount(ins); ++i) {
    if (!INS_OperandIsReg(ins, i) || !REG_is_xmm_ymm_zmm(INS_OperandReg(ins, i))) continue;
    const REG reg = INS_OperandReg(ins, i);
    const UINT32 qwords = REG_Size(reg) / 8;
    INS_InsertCall(ins, IPOINT_BEFORE, AFUNPTR(note_vector), IARG_REG_CONST_REFERENCE, reg, IARG_END);
    INS_InsertCall(ins, IPOINT_BEFORE, AFUNPTR(invert), IARG_REG_REFERENCE, reg, IARG_UINT32, qwords,
                   IARG_END);
    INS_InsertCall(ins, IPOINT_BEFORE, AFUNPTR(look_at_vector), IARG_REG_CONST_REFERENCE, reg, IARG_UINT32,
                   qwords, IARG_END);
    INS_InsertCall(ins, IPOINT_BEFORE, AFUNPTR(invert), IARG_REG_REFERENCE, reg, IARG_UINT32, qwords,
                   IARG_END);
    ++places;
    return;
  }
}

VOID change(INS ins, VOID*) {
  const std::string& what = way.Value();
  if (what == "after" && INS_IsValidForIpointAfter(ins)) {
    INS_InsertCall(ins, IPOINT_AFTER, AFUNPTR(count_behind), IARG_ADDRINT, INS_Address(ins), IARG_END);
    ++places;
  } else if (what == "loads" && is_load(ins)) {
    INS_InsertCall(ins, IPOINT_BEFORE, AFUNPTR(load), IARG_MEMORYREAD_EA, IARG_MEMORYREAD_SIZE,
                   IARG_RETURN_REGS, INS_OperandReg(ins, 0), IARG_END);
    INS_Delete(ins);
    ++places;
  } else if (what == "rewrite" && can_be_rewritten(ins)) {
    const UINT32 n = explicit_operand(ins);
    const REG reg = scratch[places++ % 4];
    INS_InsertCall(ins, IPOINT_BEFORE, AFUNPTR(same), IARG_MEMORYOP_EA, n, IARG_RETURN_REGS, reg, IARG_END);
    INS_RewriteMemoryOperand(ins, n, reg);
  } else if (what == "jumps" && INS_IsValidForIpointAfter(ins) && ++places % 3 == 0) {
    const ADDRINT next = INS_NextAddress(ins);
    if (places % 2 == 0) {
      INS_InsertDirectJump(ins, IPOINT_AFTER, next);
    } else {
      INS_InsertCall(ins, IPOINT_BEFORE, AFUNPTR(same), IARG_ADDRINT, next, IARG_RETURN_REGS, scratch[0],
                     IARG_END);
      INS_InsertIndirectJump(ins, IPOINT_AFTER, scratch[0]);
    }
  } else if (what == "calls" && (INS_IsCall(ins) || INS_IsRet(ins))) {
    change_call(ins);
  } else if (what == "selectors" && INS_SegmentPrefix(ins) && INS_SegmentRegPrefix(ins) == REG_SEG_FS) {
    INS_InsertCall(ins, IPOINT_BEFORE, AFUNPTR(look_at_selector), IARG_REG_VALUE, REG_SEG_FS,
                   IARG_REG_CONST_REFERENCE, REG_SEG_FS, IARG_REG_VALUE, REG_SEG_FS_BASE, IARG_END);
    ++places;
  } else if (what == "registers") {
    INS_InsertCall(ins, IPOINT_BEFORE, AFUNPTR(add), IARG_REG_VALUE, scratch[0], IARG_UINT32, 3,
                   IARG_RETURN_REGS, scratch[0], IARG_END);
    INS_InsertCall(ins, IPOINT_BEFORE, AFUNPTR(count_behind), IARG_ADDRINT, INS_Address(ins), IARG_END);
    ++places;
  } else if (what == "vectors") {
    change_vector(ins);
  } else if (what == "forms") {
    check_forms(ins);
    ++calls;
  }
}

VOID thread_start(THREADID thread, CONTEXT*, INT32, VOID*) {
  PIN_SetThreadData(key, &places, thread);
}
VOID thread_end(THREADID, const CONTEXT* context, INT32, VOID*) {
  if (way.Value() == "registers" && PIN_GetContextReg(context, scratch[0]) != 3 * calls) ++wrong;
}
VOID end(INT32, VOID*) {
  if (str2xed_iclass_enum_t("CALL_NEAR") != XED_ICLASS_CALL_NEAR || str2xed_iclass_enum_t("NOTHING") != 0)
    ++wrong;
  // Of a thread that has ended.
  if (PIN_GetThreadData(key, 0) != &places) ++wrong;
  std::fprintf(stderr, "places %d calls %d wrong %lu\n", places > 100, calls > 100, wrong);
}

}  // namespace

int main(int argc, char** argv) {
  if (PIN_Init(argc, argv)) return 1;
  for (REG& reg : scratch) reg = PIN_ClaimToolRegister();
  key = PIN_CreateThreadDataKey(nullptr);
  INS_AddInstrumentFunction(change, nullptr);
  PIN_AddThreadStartFunction(thread_start, nullptr);
  PIN_AddThreadFiniFunction(thread_end, nullptr);
  PIN_AddFiniFunction(end, nullptr);
  PIN_StartProgram();
}

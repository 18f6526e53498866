// Stage D: what a write changes. One routine is called before the instruction and puts the memory as it is
// onto a stack; another after it takes that off again and prints both. An instruction may write to several
// places: the calls after it are in the reverse order of those before it, so that each finds its own.
#include <cstdio>
#include <cstring>
#include <stack>
#include <string>

#include "pin.H"

namespace {

// Of a program with one thread: the stacks of several would have to be kept apart.
std::stack<std::string> before_states;

std::string bytes_at(const VOID* address, UINT32 size) {
  std::string text;
  char digits[4];
  for (UINT32 i = 0; i < size; ++i) {
    std::snprintf(digits, sizeof digits, "%02x ", static_cast<const UINT8*>(address)[i]);
    text += digits;
  }
  return text;
}

VOID read_analysis(ADDRINT instruction, const CHAR* disassembly, const VOID* address, UINT32 size) {
  std::fprintf(stderr, "%#lx  %-40s R %p: %s\n", static_cast<unsigned long>(instruction), disassembly, address,
               bytes_at(address, size).c_str());
}

VOID pre_write_analysis(const VOID* address, UINT32 size) {
  before_states.push(bytes_at(address, size));
}

VOID post_write_analysis(ADDRINT instruction, const CHAR* disassembly, const VOID* address, UINT32 size) {
  std::fprintf(stderr, "%#lx  %-40s W %p: %s-> %s\n", static_cast<unsigned long>(instruction), disassembly, address,
               before_states.top().c_str(), bytes_at(address, size).c_str());
  before_states.pop();
}

VOID instruction(INS ins, VOID*) {
  const UINT32 operands = INS_MemoryOperandCount(ins);
  const CHAR* disassembly = operands == 0 ? nullptr : strdup(INS_Disassemble(ins).c_str());
  for (UINT32 operand = 0; operand < operands; ++operand) {
    if (INS_MemoryOperandIsRead(ins, operand))
      INS_InsertPredicatedCall(ins, IPOINT_BEFORE, (AFUNPTR)read_analysis, IARG_ADDRINT, INS_Address(ins), IARG_PTR,
                               disassembly, IARG_MEMORYOP_EA, operand, IARG_MEMORYREAD_SIZE, IARG_END);
    // Nothing can be called after a jump or a call: it does not go on behind itself.
    if (!INS_MemoryOperandIsWritten(ins, operand) || !INS_IsValidForIpointAfter(ins)) continue;
    INS_InsertPredicatedCall(ins, IPOINT_BEFORE, (AFUNPTR)pre_write_analysis, IARG_CALL_ORDER,
                             CALL_ORDER_FIRST + operand + 1, IARG_MEMORYOP_EA, operand, IARG_MEMORYWRITE_SIZE,
                             IARG_END);
    INS_InsertPredicatedCall(ins, IPOINT_AFTER, (AFUNPTR)post_write_analysis, IARG_CALL_ORDER,
                             CALL_ORDER_LAST - operand - 1, IARG_ADDRINT, INS_Address(ins), IARG_PTR, disassembly,
                             IARG_MEMORYOP_EA, operand, IARG_MEMORYWRITE_SIZE, IARG_END);
  }
}

}  // namespace

int main(int argc, char* argv[]) {
  PIN_InitSymbols();
  if (PIN_Init(argc, argv)) {
    std::fprintf(stderr, "%s\n", KNOB_BASE::StringKnobSummary().c_str());
    return 1;
  }
  INS_AddInstrumentFunction(instruction, nullptr);
  PIN_StartProgram();
}

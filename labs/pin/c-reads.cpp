// Stage C: analysis routines. The callback decides once, at translation, that an instruction is of interest,
// and has a routine called each time before it runs: with the address that each of its memory operands has
// then. The routine prints the bytes that are about to be read.
#include <cstdio>
#include <cstring>
#include <string>

#include "pin.H"

namespace {

// Up to `size` bytes as they lie in memory.
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

VOID instruction(INS ins, VOID*) {
  const UINT32 operands = INS_MemoryOperandCount(ins);
  for (UINT32 operand = 0; operand < operands; ++operand) {
    if (!INS_MemoryOperandIsRead(ins, operand)) continue;
    // Predicated: not where a conditional move does not move, or a rep has nothing left to do. The text must
    // outlive this callback; so must each instruction, so it is never freed.
    INS_InsertPredicatedCall(ins, IPOINT_BEFORE, (AFUNPTR)read_analysis, IARG_ADDRINT, INS_Address(ins), IARG_PTR,
                             strdup(INS_Disassemble(ins).c_str()), IARG_MEMORYOP_EA, operand,
                             IARG_MEMORYREAD_SIZE, IARG_END);
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

// Counts executed instructions, one call per instruction. A repeated string instruction counts once for each
// repetition. All threads share the counter, so that with several at once some additions are lost: inscount2
// counts each thread by itself.
#include "pin.H"

namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "inscount.out", "file for the count");

UINT64 instructions = 0;

VOID count() {
  ++instructions;
}

VOID instrument(INS ins, VOID*) {
  INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(count), IARG_END);
}

VOID finish(INT32, VOID*) {
  std::ofstream(output_file.Value()) << "Count " << instructions << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (PIN_Init(argc, argv)) {
    std::cerr << "Counts executed instructions.\n" << KNOB_BASE::StringKnobSummary();
    return 2;
  }
  INS_AddInstrumentFunction(instrument, nullptr);
  PIN_AddFiniFunction(finish, nullptr);
  PIN_StartProgram();
}

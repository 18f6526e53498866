// Counts executed instructions, one call per basic block. A repeated string instruction counts once, however
// often it repeats.
#include "pin.H"

namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "inscount.out", "file for the count");

UINT64 total = 0;

// Threads may lose a count to each other: inscount2 does not.
VOID PIN_FAST_ANALYSIS_CALL count(UINT32 instructions) {
  total += instructions;
}

VOID instrument(TRACE trace, VOID*) {
  for (BBL bbl = TRACE_BblHead(trace); BBL_Valid(bbl); bbl = BBL_Next(bbl)) {
    BBL_InsertCall(bbl, IPOINT_ANYWHERE, reinterpret_cast<AFUNPTR>(count), IARG_FAST_ANALYSIS_CALL,
                   IARG_UINT32, BBL_NumIns(bbl), IARG_END);
  }
}

VOID finish(INT32, VOID*) {
  std::ofstream(output_file.Value()) << "Count " << total << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (PIN_Init(argc, argv)) {
    std::cerr << "Counts executed instructions by basic block.\n" << KNOB_BASE::StringKnobSummary();
    return 2;
  }
  TRACE_AddInstrumentFunction(instrument, nullptr);
  PIN_AddFiniFunction(finish, nullptr);
  PIN_StartProgram();
}

// Stage A: a tool that asks for nothing. The program runs under the engine, translated piece by piece as it
// is needed, and behaves as it always does.
#include <cstdio>

#include "pin.H"

int main(int argc, char* argv[]) {
  PIN_InitSymbols();
  if (PIN_Init(argc, argv)) {
    std::fprintf(stderr, "%s\n", KNOB_BASE::StringKnobSummary().c_str());
    return 1;
  }
  PIN_StartProgram();
}

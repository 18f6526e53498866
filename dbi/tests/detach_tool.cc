// A tool that lets the program go after so many traces, for attach_test.py.
#include <cstdio>

#include "pin.H"

namespace {

KNOB<UINT32> knob_traces(KNOB_MODE_WRITEONCE, "pintool", "traces", "300", "how many traces it waits for");
UINT32 traces = 0;

VOID on_trace(TRACE, VOID*) {
  if (++traces == knob_traces.Value()) PIN_Detach();
}
VOID on_detach(VOID*) {
  std::fprintf(stderr, "detached\n");
}
VOID on_end(INT32, VOID*) {
  std::fprintf(stderr, "ended\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (PIN_Init(argc, argv)) return 2;
  TRACE_AddInstrumentFunction(on_trace, nullptr);
  PIN_AddDetachFunction(on_detach, nullptr);
  PIN_AddFiniFunction(on_end, nullptr);
  PIN_StartProgram();
  return 0;
}

// A tool that lets the program go after so many traces, or holds the first thread that comes by, for
// attach_test.py.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "pin.H"

namespace {

KNOB<UINT32> knob_traces(KNOB_MODE_WRITEONCE, "pintool", "traces", "300", "how many traces it waits for");
KNOB<std::string> knob_hold(KNOB_MODE_WRITEONCE, "pintool", "hold", "",
                            "named pipe that one thread waits for, in an analysis routine");
UINT32 traces = 0;
std::atomic<bool> is_held{false};

VOID hold() {
  if (is_held.exchange(true)) return;
  int pipe = -1;
  while ((pipe = open(knob_hold.Value().c_str(), O_RDONLY)) < 0 && errno == EINTR) {
  }
  close(pipe);
}

VOID on_trace(TRACE trace, VOID*) {
  if (!knob_hold.Value().empty())
    TRACE_InsertCall(trace, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(hold), IARG_END);
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

// Answers `monitor calls`, and stops the program by itself where add() is called with 3. For
// debugger_test.py.
#include <cstdio>

#include "pin.H"

namespace {

UINT64 calls = 0;
BOOL stopped = FALSE;

VOID on_add(const CONTEXT* context, THREADID thread, ADDRINT a) {
  if (a == 3 && !stopped && PIN_GetDebugStatus() == DEBUG_STATUS_CONNECTED) {
    stopped = TRUE;
    PIN_ApplicationBreakpoint(context, thread, FALSE, "three is here");
  }
  ++calls;
}

BOOL on_command(THREADID thread, CONTEXT* context, const std::string& command, std::string* reply, VOID*) {
  if (command == "calls") {
    *reply = "calls " + decstr(calls) + " debugger " + decstr(static_cast<INT32>(PIN_GetDebuggerType())) +
             " stopped " + decstr(static_cast<INT32>(PIN_IsThreadStoppedInDebugger(thread))) + "\n";
    return TRUE;
  }
  if (command != "end the loop") return FALSE;
  PIN_SetContextReg(context, REG_RAX, 1);
  *reply = "done\n";
  return TRUE;
}

VOID on_image(IMG image, VOID*) {
  const RTN routine = IMG_IsMainExecutable(image) ? RTN_FindByName(image, "add") : RTN_Invalid();
  if (!RTN_Valid(routine)) return;
  RTN_Open(routine);
  RTN_InsertCall(routine, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(on_add), IARG_CONST_CONTEXT,
                 IARG_THREAD_ID, IARG_FUNCARG_ENTRYPOINT_VALUE, 0, IARG_END);
  RTN_Close(routine);
}

VOID on_end(INT32, VOID*) {
  std::printf("calls %lu\n", static_cast<unsigned long>(calls));
}

}  // namespace

int main(int argc, char** argv) {
  PIN_InitSymbols();
  if (PIN_Init(argc, argv)) return 2;
  IMG_AddInstrumentFunction(on_image, nullptr);
  PIN_AddDebugInterpreter(on_command, nullptr);
  PIN_AddFiniFunction(on_end, nullptr);
  PIN_StartProgram();
  return 0;
}

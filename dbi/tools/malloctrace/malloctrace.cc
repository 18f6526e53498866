// Prints calls of malloc, calloc, realloc and free with their arguments and results.
#include "pin.H"

namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "malloctrace.out", "file for the calls");

FILE* out;
PIN_LOCK lock;

VOID before_one(THREADID thread, const CHAR* name, ADDRINT argument) {
  PIN_GetLock(&lock, 1);
  std::fprintf(out, "%u %s(0x%lx)\n", thread, name, argument);
  PIN_ReleaseLock(&lock);
}
VOID before_two(THREADID thread, const CHAR* name, ADDRINT first, ADDRINT second) {
  PIN_GetLock(&lock, 1);
  std::fprintf(out, "%u %s(0x%lx, 0x%lx)\n", thread, name, first, second);
  PIN_ReleaseLock(&lock);
}
VOID after(THREADID thread, const CHAR* name, ADDRINT result) {
  PIN_GetLock(&lock, 1);
  std::fprintf(out, "%u   %s returns 0x%lx\n", thread, name, result);
  PIN_ReleaseLock(&lock);
}

VOID instrument(IMG img, VOID*) {
  struct {
    const CHAR* name;
    UINT32 arguments;
    BOOL returns;
  } const kFunctions[] = {{"malloc", 1, TRUE}, {"calloc", 2, TRUE}, {"realloc", 2, TRUE}, {"free", 1, FALSE}};
  for (const auto& function : kFunctions) {
    const RTN rtn = RTN_FindByName(img, function.name);
    if (!RTN_Valid(rtn)) continue;
    RTN_Open(rtn);
    if (function.arguments == 1) {
      RTN_InsertCall(rtn, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(before_one), IARG_THREAD_ID, IARG_PTR,
                     function.name, IARG_FUNCARG_ENTRYPOINT_VALUE, 0, IARG_END);
    } else {
      RTN_InsertCall(rtn, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(before_two), IARG_THREAD_ID, IARG_PTR,
                     function.name, IARG_FUNCARG_ENTRYPOINT_VALUE, 0, IARG_FUNCARG_ENTRYPOINT_VALUE, 1,
                     IARG_END);
    }
    if (function.returns) {
      RTN_InsertCall(rtn, IPOINT_AFTER, reinterpret_cast<AFUNPTR>(after), IARG_THREAD_ID, IARG_PTR,
                     function.name, IARG_FUNCRET_EXITPOINT_VALUE, IARG_END);
    }
    RTN_Close(rtn);
  }
}

VOID finish(INT32, VOID*) {
  std::fclose(out);
}

}  // namespace

int main(int argc, char** argv) {
  PIN_InitSymbols();
  if (PIN_Init(argc, argv)) {
    std::cerr << "Prints calls of malloc and its kin.\n" << KNOB_BASE::StringKnobSummary();
    return 2;
  }
  out = std::fopen(output_file.Value().c_str(), "w");
  if (out == nullptr) {
    std::cerr << "malloctrace: cannot write " << output_file.Value() << "\n";
    return 1;
  }
  PIN_InitLock(&lock);
  IMG_AddInstrumentFunction(instrument, nullptr);
  PIN_AddFiniFunction(finish, nullptr);
  PIN_StartProgram();
}

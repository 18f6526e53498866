// Counts executed instructions of each thread by basic block, in a register that no machine has: nothing is
// loaded to find the counter, and no thread disturbs another.
#include "pin.H"

namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "inscount.out", "file for the counts");

REG counter_register;
PIN_MUTEX mutex;
std::map<THREADID, UINT64> counts;

ADDRINT PIN_FAST_ANALYSIS_CALL count(ADDRINT so_far, UINT32 instructions) {
  return so_far + instructions;
}

VOID instrument(TRACE trace, VOID*) {
  for (BBL bbl = TRACE_BblHead(trace); BBL_Valid(bbl); bbl = BBL_Next(bbl)) {
    BBL_InsertCall(bbl, IPOINT_ANYWHERE, reinterpret_cast<AFUNPTR>(count), IARG_FAST_ANALYSIS_CALL,
                   IARG_REG_VALUE, counter_register, IARG_UINT32, BBL_NumIns(bbl), IARG_RETURN_REGS,
                   counter_register, IARG_END);
  }
}

VOID begin_thread(THREADID, CONTEXT* context, INT32, VOID*) {
  PIN_SetContextReg(context, counter_register, 0);
}

VOID end_thread(THREADID thread, const CONTEXT* context, INT32, VOID*) {
  PIN_MutexLock(&mutex);
  counts[thread] = PIN_GetContextReg(context, counter_register);
  PIN_MutexUnlock(&mutex);
}

VOID finish(INT32, VOID*) {
  std::ofstream out(output_file.Value());
  UINT64 sum = 0;
  for (const auto& [thread, value] : counts) {
    out << "Thread " << thread << " " << value << "\n";
    sum += value;
  }
  out << "Count " << sum << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (PIN_Init(argc, argv)) {
    std::cerr << "Counts executed instructions of each thread.\n" << KNOB_BASE::StringKnobSummary();
    return 2;
  }
  counter_register = PIN_ClaimToolRegister();
  PIN_MutexInit(&mutex);
  TRACE_AddInstrumentFunction(instrument, nullptr);
  PIN_AddThreadStartFunction(begin_thread, nullptr);
  PIN_AddThreadFiniFunction(end_thread, nullptr);
  PIN_AddFiniFunction(finish, nullptr);
  PIN_StartProgram();
}

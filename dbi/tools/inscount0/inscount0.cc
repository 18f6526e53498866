// Counts executed instructions, one call per instruction. A repeated string instruction counts once for each
// repetition.
#include "pin.H"

namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "inscount.out", "file for the count");

// One line of the cache per thread, so that threads do not wait for each other.
struct alignas(64) Counter {
  UINT64 value;
};
Counter counters[PIN_MAX_THREADS];

VOID count(THREADID thread) {
  ++counters[thread].value;
}

VOID instrument(INS ins, VOID*) {
  INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(count), IARG_THREAD_ID, IARG_END);
}

VOID finish(INT32, VOID*) {
  UINT64 sum = 0;
  for (const Counter& counter : counters) sum += counter.value;
  std::ofstream(output_file.Value()) << "Count " << sum << "\n";
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

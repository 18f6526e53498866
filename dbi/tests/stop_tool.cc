// Stops the threads of stop_program.cc, from its own routines and from a thread of the tool, and looks at
// them.
#include <cstdio>

#include "pin.H"

namespace {

constexpr int kRounds = 100;
volatile UINT64* counts = nullptr;
UINT32 stops = 0, refused = 0, moved = 0, without_context = 0, most = 0;
PIN_SEMAPHORE done;

VOID on_counts(ADDRINT where) {
  counts = reinterpret_cast<volatile UINT64*>(where);
}

VOID look() {
  ++stops;
  const UINT32 count = PIN_GetStoppedThreadCount();
  if (count > most) most = count;
  for (UINT32 i = 0; i < count; ++i) {
    const CONTEXT* context = PIN_GetStoppedThreadContext(PIN_GetStoppedThreadId(i));
    if (context == nullptr || PIN_GetContextReg(context, REG_INST_PTR) == 0) ++without_context;
  }
  if (PIN_GetStoppedThreadContext(999) != nullptr) ++without_context;
}

VOID on_stop(THREADID thread) {
  if (!PIN_StopApplicationThreads(thread)) {
    ++refused;
    return;
  }
  look();
}
VOID on_resume(THREADID thread) {
  PIN_ResumeApplicationThreads(thread);
}

// Each spinning thread leaves its loop when its r12 is 7: they are the ones that stand there.
VOID let_spinners_leave() {
  for (UINT32 i = 0; i < PIN_GetStoppedThreadCount(); ++i) {
    CONTEXT* context = PIN_GetStoppedThreadWriteableContext(PIN_GetStoppedThreadId(i));
    UINT8 code[2] = {};
    const auto pc = reinterpret_cast<const VOID*>(PIN_GetContextReg(context, REG_INST_PTR));
    if (PIN_SafeCopy(code, pc, sizeof code) != sizeof code) continue;
    const bool is_inc = code[0] == 0xf0 && code[1] == 0x48, is_test = code[0] == 0x4d && code[1] == 0x85,
               is_jump = code[0] == 0x74;
    if (is_inc || is_test) PIN_SetContextReg(context, REG_R12, 7);
    // The flags are computed already: once more round.
    if (is_jump) {
      PIN_SetContextReg(context, REG_R12, 7);
      PIN_SetContextReg(context, REG_RFLAGS, PIN_GetContextReg(context, REG_RFLAGS) | 0x40);
    }
  }
}

VOID from_outside(VOID*) {
  for (int i = 0; i < kRounds; ++i) {
    if (!PIN_StopApplicationThreads(PIN_ThreadId())) {
      ++refused;
      continue;
    }
    look();
    const UINT64 before[2] = {counts[0], counts[1]};
    PIN_Sleep(1);
    if (counts[0] != before[0] || counts[1] != before[1]) ++moved;
    if (i + 1 == kRounds) let_spinners_leave();
    PIN_ResumeApplicationThreads(PIN_ThreadId());
  }
  PIN_SemaphoreSet(&done);
}

VOID on_wait() {
  PIN_SpawnInternalThread(from_outside, nullptr, 0, nullptr);
}
VOID waits() {
  PIN_SemaphoreWait(&done);
}

VOID on_image(IMG image, VOID*) {
  if (!IMG_IsMainExecutable(image)) return;
  const auto at_entry = [&](const char* name, AFUNPTR function, IARG_TYPE what, UINT32 value) {
    const RTN routine = RTN_FindByName(image, name);
    if (!RTN_Valid(routine)) return;
    RTN_Open(routine);
    if (what == IARG_FUNCARG_ENTRYPOINT_VALUE) {
      RTN_InsertCall(routine, IPOINT_BEFORE, function, what, value, IARG_END);
    } else {
      RTN_InsertCall(routine, IPOINT_BEFORE, function, IARG_THREAD_ID, IARG_END);
    }
    RTN_Close(routine);
  };
  at_entry("tool_counts", reinterpret_cast<AFUNPTR>(on_counts), IARG_FUNCARG_ENTRYPOINT_VALUE, 0);
  at_entry("tool_stop", reinterpret_cast<AFUNPTR>(on_stop), IARG_THREAD_ID, 0);
  at_entry("tool_resume", reinterpret_cast<AFUNPTR>(on_resume), IARG_THREAD_ID, 0);
  at_entry("tool_wait", reinterpret_cast<AFUNPTR>(on_wait), IARG_THREAD_ID, 0);
}

// So that the stops meet analysis routines too.
UINT64 total = 0;
VOID count_one() {
  ++total;
}
VOID on_instruction(INS ins, VOID*) {
  if (INS_IsMemoryWrite(ins))
    INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(count_one), IARG_END);
}

VOID on_end(INT32, VOID*) {
  waits();
  std::printf("stops %u refused %u moved %u without context %u most %u\n", stops, refused, moved,
              without_context, most);
}

}  // namespace

int main(int argc, char** argv) {
  PIN_InitSymbols();
  if (PIN_Init(argc, argv)) return 2;
  PIN_SemaphoreInit(&done);
  IMG_AddInstrumentFunction(on_image, nullptr);
  INS_AddInstrumentFunction(on_instruction, nullptr);
  PIN_AddFiniFunction(on_end, nullptr);
  PIN_StartProgram();
  return 0;
}

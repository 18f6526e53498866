// Replaces functions of calls_program.cc in each way that there is, and calls the originals in each way;
// prints what went wrong, and counts.
#include <cstdio>

#include "pin.H"

namespace {

using Mixed = int (*)(int, double, long, long, long, long, long, long);
KNOB<BOOL> probed(KNOB_MODE_WRITEONCE, "pintool", "probed", "0", "in probe mode");
AFUNPTR plain_original = nullptr;
int plain_entered = 0, plain_left = 0, faults = 0;

int other_mixed(CONTEXT* context, AFUNPTR original, int a, ADDRINT b) {
  const ADDRINT before = PIN_GetContextReg(context, REG_RSP), r12 = PIN_GetContextReg(context, REG_R12);
  int by_pin = 0;
  PIN_CallApplicationFunction(context, PIN_ThreadId(), CALLINGSTD_DEFAULT, original, nullptr, PIN_PARG(int),
                              &by_pin, PIN_PARG(int), a, PIN_PARG(double), 2.5, PIN_PARG(long), b,
                              PIN_PARG(long), 4L, PIN_PARG(long), 5L, PIN_PARG(long), 6L, PIN_PARG(long), 7L,
                              PIN_PARG(long), 8L, PIN_PARG_END());
  const int direct = reinterpret_cast<Mixed>(original)(a, 2.5, static_cast<long>(b), 4, 5, 6, 7, 8);
  if (by_pin != direct) std::printf("mixed: %d by the API, %d called directly\n", by_pin, direct);
  if (PIN_GetContextReg(context, REG_RSP) != before || PIN_GetContextReg(context, REG_R12) != r12)
    std::printf("the registers are not what they were\n");
  return by_pin + 100000;
}

double other_half(double x) {
  return x * 3;
}

int other_plain(int x) {
  return reinterpret_cast<int (*)(int)>(plain_original)(x * 2) * 10;
}

// Its calls of itself come here too.
int other_recursive(CONTEXT* context, AFUNPTR original, int n) {
  int result = 0;
  PIN_CallApplicationFunction(context, PIN_ThreadId(), CALLINGSTD_DEFAULT, original, PIN_PARG(int), &result,
                              PIN_PARG(int), n, PIN_PARG_END());
  return result + 100;
}

EXCEPT_HANDLING_RESULT fault(THREADID, EXCEPTION_INFO* info, PHYSICAL_CONTEXT* context, VOID* value) {
  ADDRINT address = 0;
  if (!PIN_GetFaultyAccessAddress(info, &address) || address != 64) return EHR_CONTINUE_SEARCH;
  ++*static_cast<int*>(value);
  PIN_SetPhysicalContextReg(context, REG_RAX, reinterpret_cast<ADDRINT>(value));
  return EHR_HANDLED;
}

VOID entered(THREADID thread) {
  ++plain_entered;
  PIN_TryStart(thread, fault, &faults);
  int read = 0;
  asm volatile("mov (%%rax), %0" : "=r"(read) : "a"(64L));
  PIN_TryEnd(thread);
  if (read != faults) std::printf("the handler's register was not taken\n");
}
VOID left() {
  ++plain_left;
}

VOID image(IMG img, VOID*) {
  if (!IMG_IsMainExecutable(img)) return;
  PROTO prototype = PROTO_Allocate(PIN_PARG(int), CALLINGSTD_DEFAULT, "mixed", PIN_PARG(int), PIN_PARG_END());
  const auto replace = probed.Value() ? RTN_ReplaceSignatureProbed : RTN_ReplaceSignature;
  replace(RTN_FindByName(img, "mixed"), reinterpret_cast<AFUNPTR>(other_mixed), IARG_PROTOTYPE, prototype,
          IARG_CONTEXT, IARG_ORIG_FUNCPTR, IARG_FUNCARG_ENTRYPOINT_VALUE, 0, IARG_FUNCARG_ENTRYPOINT_VALUE, 1,
          IARG_END);
  replace(RTN_FindByName(img, "recursive"), reinterpret_cast<AFUNPTR>(other_recursive), IARG_PROTOTYPE,
          prototype, IARG_CONTEXT, IARG_ORIG_FUNCPTR, IARG_FUNCARG_ENTRYPOINT_VALUE, 0, IARG_END);
  PROTO_Free(prototype);
  const auto replace_plain = probed.Value() ? RTN_ReplaceProbed : RTN_Replace;
  replace_plain(RTN_FindByName(img, "half"), reinterpret_cast<AFUNPTR>(other_half));
  RTN plain = RTN_FindByName(img, "plain");
  plain_original = replace_plain(plain, reinterpret_cast<AFUNPTR>(other_plain));
  RTN_Open(plain);
  const auto insert = probed.Value() ? RTN_InsertCallProbed : RTN_InsertCall;
  insert(plain, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(entered), IARG_THREAD_ID, IARG_END);
  insert(plain, IPOINT_AFTER, reinterpret_cast<AFUNPTR>(left), IARG_END);
  RTN_Close(plain);
}

VOID fini(INT32, VOID*) {
  std::printf("probed %d entered %d left %d faults %d\n", PIN_IsProbeMode(), plain_entered, plain_left,
              faults);
}

}  // namespace

int main(int argc, char** argv) {
  PIN_InitSymbols();
  if (PIN_Init(argc, argv)) return 1;
  IMG_AddInstrumentFunction(image, nullptr);
  PIN_AddFiniFunction(fini, nullptr);
  if (probed.Value()) PIN_StartProgramProbed();
  PIN_StartProgram();
}

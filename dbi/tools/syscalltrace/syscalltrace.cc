// Prints system calls with their numbers, arguments and results: THREAD PC: NUMBER(ARGUMENTS) = RESULT.
#include "pin.H"

namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "syscalltrace.out", "file for the calls");

struct Pending {
  ADDRINT pc, number, arguments[6];
};
FILE* out;
PIN_LOCK lock;
Pending pending[PIN_MAX_THREADS];

VOID before(THREADID thread, CONTEXT* context, SYSCALL_STANDARD standard, VOID*) {
  Pending& call = pending[thread];
  call.pc = PIN_GetContextReg(context, REG_INST_PTR);
  call.number = PIN_GetSyscallNumber(context, standard);
  for (UINT32 i = 0; i < 6; ++i) call.arguments[i] = PIN_GetSyscallArgument(context, standard, i);
}

VOID print(THREADID thread, const Pending& call, const std::string& result) {
  PIN_GetLock(&lock, static_cast<INT32>(thread) + 1);
  std::fprintf(out, "%u 0x%lx: %ld(0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx) = %s\n", thread, call.pc,
               static_cast<long>(call.number), call.arguments[0], call.arguments[1], call.arguments[2],
               call.arguments[3], call.arguments[4], call.arguments[5], result.c_str());
  PIN_ReleaseLock(&lock);
}

VOID after(THREADID thread, CONTEXT* context, SYSCALL_STANDARD standard, VOID*) {
  const ADDRINT error = PIN_GetSyscallErrno(context, standard);
  print(thread, pending[thread],
        error != 0 ? std::string("-") + strerror(static_cast<int>(error))
                   : StringFromUint64(PIN_GetSyscallReturn(context, standard)));
}

VOID finish(INT32 code, VOID*) {
  std::fprintf(out, "# ended with %d\n", code);
  std::fclose(out);
}

}  // namespace

int main(int argc, char** argv) {
  if (PIN_Init(argc, argv)) {
    std::cerr << "Prints system calls.\n" << KNOB_BASE::StringKnobSummary();
    return 2;
  }
  out = std::fopen(output_file.Value().c_str(), "w");
  if (out == nullptr) {
    std::cerr << "syscalltrace: cannot write " << output_file.Value() << "\n";
    return 1;
  }
  PIN_InitLock(&lock);
  PIN_AddSyscallEntryFunction(before, nullptr);
  PIN_AddSyscallExitFunction(after, nullptr);
  PIN_AddFiniFunction(finish, nullptr);
  PIN_StartProgram();
}

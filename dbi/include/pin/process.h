// A tool's start and end, what happens to the program and its threads, system calls, signals, memory.
#pragma once

#include "pin/arguments.h"
#include "pin/context.h"
#include "pin/lock.h"

namespace LEVEL_BASE {

// Reads the tool's command line into its KNOBs. TRUE: it is wrong (the reason was printed), or asked for
// help.
ISOTACH_API BOOL PIN_Init(INT32 argc, CHAR** argv);
[[noreturn]] ISOTACH_API VOID PIN_StartProgram();
ISOTACH_API VOID PIN_SetSyntaxIntel();
ISOTACH_API VOID PIN_SetSyntaxATT();
ISOTACH_API VOID PIN_SetSyntaxXED();
ISOTACH_API const CHAR* PIN_Version();
ISOTACH_API const CHAR* PIN_ToolFullPath();
ISOTACH_API const CHAR* PIN_VmFullPath();
ISOTACH_API const CHAR* PIN_ToolArgs();
ISOTACH_API BOOL PIN_IsAttaching();
ISOTACH_API BOOL PIN_IsProbeMode();
ISOTACH_API BOOL PIN_IsActionPending(THREADID thread);
// The program's threads when the tool's main was called: 1, or those of a process that was attached to.
ISOTACH_API UINT32 PIN_GetInitialThreadCount();
// What the kernel has told the program by getauxval(3)'s vector.
ISOTACH_API ADDRINT PIN_GetAuxVectorValue(ADDRINT type, BOOL* found);
// The same for a tool of probe mode: see pin/probe.h.
[[noreturn]] ISOTACH_API VOID PIN_StartProgramProbed();

typedef VOID (*FINI_CALLBACK)(INT32 code, VOID* value);
typedef VOID (*PREPARE_FOR_FINI_CALLBACK)(VOID* value);
typedef VOID (*APPLICATION_START_CALLBACK)(VOID* value);
typedef VOID (*DETACH_CALLBACK)(VOID* value);
typedef VOID (*THREAD_START_CALLBACK)(THREADID thread, CONTEXT* context, INT32 flags, VOID* value);
typedef VOID (*THREAD_FINI_CALLBACK)(THREADID thread, const CONTEXT* context, INT32 code, VOID* value);
typedef VOID (*OUT_OF_MEMORY_CALLBACK)(size_t size, VOID* value);
typedef size_t (*FETCH_CALLBACK)(VOID* copy, ADDRINT address, size_t size, EXCEPTION_INFO* info, VOID* value);
typedef VOID (*REMOVE_INSTRUMENTATION_CALLBACK)(VOID* value);
ISOTACH_API PIN_CALLBACK PIN_AddFiniFunction(FINI_CALLBACK function, VOID* value);
ISOTACH_API PIN_CALLBACK PIN_AddFiniUnlockedFunction(FINI_CALLBACK function, VOID* value);
// None of those that were added is called.
ISOTACH_API VOID PIN_RemoveFiniFunctions();
ISOTACH_API PIN_CALLBACK PIN_AddPrepareForFiniFunction(PREPARE_FOR_FINI_CALLBACK function, VOID* value);
ISOTACH_API PIN_CALLBACK PIN_AddApplicationStartFunction(APPLICATION_START_CALLBACK function, VOID* value);
ISOTACH_API PIN_CALLBACK PIN_AddDetachFunction(DETACH_CALLBACK function, VOID* value);
ISOTACH_API PIN_CALLBACK PIN_AddThreadStartFunction(THREAD_START_CALLBACK function, VOID* value);
ISOTACH_API PIN_CALLBACK PIN_AddThreadFiniFunction(THREAD_FINI_CALLBACK function, VOID* value);
ISOTACH_API VOID PIN_AddOutOfMemoryFunction(OUT_OF_MEMORY_CALLBACK function, VOID* value);
ISOTACH_API VOID PIN_AddFetchFunction(FETCH_CALLBACK function, VOID* value);
ISOTACH_API VOID PIN_Detach();
// Ends the process, without and with what Fini functions do.
[[noreturn]] ISOTACH_API VOID PIN_ExitProcess(INT32 code);
[[noreturn]] ISOTACH_API VOID PIN_ExitApplication(INT32 code);

ISOTACH_API VOID PIN_RemoveInstrumentation();
ISOTACH_API VOID PIN_RemoveInstrumentationInRange(ADDRINT first, ADDRINT last);

// Order of a callback among others of its kind.
ISOTACH_API VOID CALLBACK_SetExecutionOrder(PIN_CALLBACK callback, CALL_ORDER order);
ISOTACH_API CALL_ORDER CALLBACK_GetExecutionOrder(PIN_CALLBACK callback);
ISOTACH_API CALL_ORDER CALLBACK_GetDefaultExecutionOrder();

// fork(2), exec(2).
enum FPOINT { FPOINT_BEFORE, FPOINT_AFTER_IN_PARENT, FPOINT_AFTER_IN_CHILD };
typedef VOID (*FORK_CALLBACK)(THREADID thread, const CONTEXT* context, VOID* value);
ISOTACH_API PIN_CALLBACK PIN_AddForkFunction(FPOINT point, FORK_CALLBACK function, VOID* value);
// The same in probe mode.
typedef VOID (*FORK_PROBE_MODE_CALLBACK)(UINT32 process, VOID* value);
ISOTACH_API PIN_CALLBACK PIN_AddForkFunctionProbed(FPOINT point, FORK_PROBE_MODE_CALLBACK function,
                                                   VOID* value);
struct CHILD_PROCESS_RECORD;
typedef CHILD_PROCESS_RECORD* CHILD_PROCESS;
typedef BOOL (*FOLLOW_CHILD_PROCESS_CALLBACK)(CHILD_PROCESS child, VOID* value);
ISOTACH_API PIN_CALLBACK PIN_AddFollowChildProcessFunction(FOLLOW_CHILD_PROCESS_CALLBACK function,
                                                           VOID* value);
ISOTACH_API OS_PROCESS_ID CHILD_PROCESS_GetId(CHILD_PROCESS child);
ISOTACH_API VOID CHILD_PROCESS_GetCommandLine(CHILD_PROCESS child, INT* argc, const CHAR* const** argv);
ISOTACH_API VOID CHILD_PROCESS_SetPinCommandLine(CHILD_PROCESS child, INT argc, const CHAR* const* argv);

// System calls.
enum SYSCALL_STANDARD {
  SYSCALL_STANDARD_INVALID,
  SYSCALL_STANDARD_IA32_LINUX,
  SYSCALL_STANDARD_IA32E_LINUX,
  SYSCALL_STANDARD_IA32_WINDOWS_FAST,
  SYSCALL_STANDARD_IA32E_WINDOWS_FAST,
  SYSCALL_STANDARD_IA32_WINDOWS_ALT,
  SYSCALL_STANDARD_WOW64,
  SYSCALL_STANDARD_WINDOWS_INT,
  SYSCALL_STANDARD_IA32E_LINUX_VSYSCALL,
  SYSCALL_STANDARD_IA32_MAC,
  SYSCALL_STANDARD_IA32E_BSD
};
typedef VOID (*SYSCALL_ENTRY_CALLBACK)(THREADID thread, CONTEXT* context, SYSCALL_STANDARD standard,
                                       VOID* value);
typedef VOID (*SYSCALL_EXIT_CALLBACK)(THREADID thread, CONTEXT* context, SYSCALL_STANDARD standard,
                                      VOID* value);
ISOTACH_API PIN_CALLBACK PIN_AddSyscallEntryFunction(SYSCALL_ENTRY_CALLBACK function, VOID* value);
ISOTACH_API PIN_CALLBACK PIN_AddSyscallExitFunction(SYSCALL_EXIT_CALLBACK function, VOID* value);
ISOTACH_API ADDRINT PIN_GetSyscallNumber(const CONTEXT* context, SYSCALL_STANDARD standard);
ISOTACH_API ADDRINT PIN_GetSyscallArgument(const CONTEXT* context, SYSCALL_STANDARD standard, UINT32 n);
ISOTACH_API VOID PIN_SetSyscallNumber(CONTEXT* context, SYSCALL_STANDARD standard, ADDRINT value);
ISOTACH_API VOID PIN_SetSyscallArgument(CONTEXT* context, SYSCALL_STANDARD standard, UINT32 n, ADDRINT value);
ISOTACH_API ADDRINT PIN_GetSyscallReturn(const CONTEXT* context, SYSCALL_STANDARD standard);
ISOTACH_API ADDRINT PIN_GetSyscallErrno(const CONTEXT* context, SYSCALL_STANDARD standard);
// Behind a system call: what the program sees as its result. The error is a number of errno(3).
ISOTACH_API VOID PIN_SetSyscallReturn(CONTEXT* context, SYSCALL_STANDARD standard, ADDRINT value);
ISOTACH_API VOID PIN_SetSyscallErrno(CONTEXT* context, SYSCALL_STANDARD standard, ADDRINT error);

// Signals and other changes of where a thread goes on.
enum CONTEXT_CHANGE_REASON {
  CONTEXT_CHANGE_REASON_FATALSIGNAL,
  CONTEXT_CHANGE_REASON_SIGNAL,
  CONTEXT_CHANGE_REASON_SIGRETURN,
  CONTEXT_CHANGE_REASON_APC,
  CONTEXT_CHANGE_REASON_EXCEPTION,
  CONTEXT_CHANGE_REASON_CALLBACK
};
typedef VOID (*CONTEXT_CHANGE_CALLBACK)(THREADID thread, CONTEXT_CHANGE_REASON reason, const CONTEXT* from,
                                        CONTEXT* to, INT32 info, VOID* value);
typedef BOOL (*INTERCEPT_SIGNAL_CALLBACK)(THREADID thread, INT32 signal, CONTEXT* context, BOOL has_handler,
                                          const EXCEPTION_INFO* info, VOID* value);
ISOTACH_API PIN_CALLBACK PIN_AddContextChangeFunction(CONTEXT_CHANGE_CALLBACK function, VOID* value);
ISOTACH_API BOOL PIN_InterceptSignal(INT32 signal, INTERCEPT_SIGNAL_CALLBACK function, VOID* value);
ISOTACH_API BOOL PIN_UnblockSignal(INT32 signal, BOOL unblock);

// Faults in the tool's own code.
enum EXCEPT_HANDLING_RESULT { EHR_HANDLED, EHR_UNHANDLED, EHR_CONTINUE_SEARCH };
typedef EXCEPT_HANDLING_RESULT (*INTERNAL_EXCEPTION_CALLBACK)(THREADID thread, EXCEPTION_INFO* info,
                                                              PHYSICAL_CONTEXT* context, VOID* value);
ISOTACH_API VOID PIN_AddInternalExceptionHandler(INTERNAL_EXCEPTION_CALLBACK function, VOID* value);
ISOTACH_API VOID PIN_TryStart(THREADID thread, INTERNAL_EXCEPTION_CALLBACK function, VOID* value);
ISOTACH_API VOID PIN_TryEnd(THREADID thread);

// Copies what can be read or written and returns how many bytes; never faults.
ISOTACH_API size_t PIN_SafeCopy(VOID* to, const VOID* from, size_t size);
ISOTACH_API size_t PIN_SafeCopyEx(VOID* to, const VOID* from, size_t size, EXCEPTION_INFO* info);
ISOTACH_API size_t PIN_FetchCode(VOID* copy, const VOID* address, size_t size, EXCEPTION_INFO* info);
ISOTACH_API BOOL PIN_CheckReadAccess(VOID* address);
ISOTACH_API BOOL PIN_CheckWriteAccess(VOID* address);

// A register that no machine has; REG_INVALID() when all are taken.
ISOTACH_API REG PIN_ClaimToolRegister();

ISOTACH_API INT32 PIN_Backtrace(const CONTEXT* context, VOID** buffer, INT32 size);
enum PIN_ERRTYPE {
  PIN_ERR_NONE,
  PIN_ERR_UNKNOWN,
  PIN_ERR_CODECACHE_LIMIT,
  PIN_ERR_NOT_ENOUGH_MEMORY,
  PIN_ERR_TOOL = 1000
};
enum PIN_ERR_SEVERITY_TYPE { PIN_ERR_FATAL, PIN_ERR_NONFATAL };
ISOTACH_API VOID PIN_WriteErrorMessage(const CHAR* text, INT32 type, PIN_ERR_SEVERITY_TYPE severity,
                                       INT32 count, ...);

// Stops all threads of the program but the calling one, which is `thread` or one of the tool's own. Each
// waits between two instructions, outside of the tool's code; one that is in a system call stays there, and
// waits when that returns. So the caller must not hold a lock that their analysis routines want, and must not
// be in an instrumentation callback. FALSE: another thread has stopped them, or is about to; an analysis
// routine returns then, so that its thread can be stopped too.
ISOTACH_API BOOL PIN_StopApplicationThreads(THREADID thread);
// They go on. By the thread that stopped them, whose end does it too.
ISOTACH_API VOID PIN_ResumeApplicationThreads(THREADID thread);
// How many are stopped, and the number of the n-th.
ISOTACH_API UINT32 PIN_GetStoppedThreadCount();
ISOTACH_API THREADID PIN_GetStoppedThreadId(UINT32 n);
// The registers of a stopped thread, null for another; valid until it goes on. In a system call they are
// those before it.
ISOTACH_API const CONTEXT* PIN_GetStoppedThreadContext(THREADID thread);
// The same, to be changed. The result of a system call that the thread is in comes after that.
ISOTACH_API CONTEXT* PIN_GetStoppedThreadWriteableContext(THREADID thread);

// Calls a function of the program from an analysis routine or a callback: PIN_PARG(type of the result), where
// the result goes (left out for void), then pairs of PIN_PARG(type), value, ended by PIN_PARG_END(). The
// function runs instrumented; a replaced routine runs as it is without its replacement.
struct CALL_APPLICATION_FUNCTION_PARAM {
  BOOL native;
};
ISOTACH_API VOID PIN_CallApplicationFunction(const CONTEXT* context, THREADID thread,
                                             CALLINGSTD_TYPE convention, AFUNPTR function,
                                             CALL_APPLICATION_FUNCTION_PARAM* parameters, ...);
// As old kits declare it.
ISOTACH_API VOID PIN_CallApplicationFunction(const CONTEXT* context, THREADID thread,
                                             CALLINGSTD_TYPE convention, AFUNPTR function, PARG_TYPE result,
                                             ...);

}  // namespace LEVEL_BASE

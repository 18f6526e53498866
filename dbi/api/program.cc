// What a tool asks of the program that runs: its system calls, its memory, its stack; and what it says.
#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <string>

#include "api/hooks.h"
#include "api/instrument.h"
#include "engine/dispatch/signals.h"
#include "pin.H"

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

ADDRINT PIN_GetSyscallNumber(const CONTEXT* context, SYSCALL_STANDARD) {
  return PIN_GetContextReg(context, REG_RAX);
}
namespace {
constexpr REG kArguments[6] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
}
ADDRINT PIN_GetSyscallArgument(const CONTEXT* context, SYSCALL_STANDARD, UINT32 n) {
  return n < 6 ? PIN_GetContextReg(context, kArguments[n]) : 0;
}
VOID PIN_SetSyscallNumber(CONTEXT* context, SYSCALL_STANDARD, ADDRINT value) {
  PIN_SetContextReg(context, REG_RAX, value);
}
VOID PIN_SetSyscallArgument(CONTEXT* context, SYSCALL_STANDARD, UINT32 n, ADDRINT value) {
  if (n >= 6) fail("PIN_SetSyscallArgument: a system call has six arguments");
  PIN_SetContextReg(context, kArguments[n], value);
}
ADDRINT PIN_GetSyscallReturn(const CONTEXT* context, SYSCALL_STANDARD) {
  return PIN_GetContextReg(context, REG_RAX);
}
ADDRINT PIN_GetSyscallErrno(const CONTEXT* context, SYSCALL_STANDARD) {
  const auto result = static_cast<INT64>(PIN_GetContextReg(context, REG_RAX));
  return result < 0 && result >= -4095 ? static_cast<ADDRINT>(-result) : 0;
}

VOID PIN_SetSyscallReturn(CONTEXT* context, SYSCALL_STANDARD, ADDRINT value) {
  PIN_SetContextReg(context, REG_RAX, value);
}
VOID PIN_SetSyscallErrno(CONTEXT* context, SYSCALL_STANDARD, ADDRINT error) {
  const auto number = static_cast<INT64>(error);
  PIN_SetContextReg(context, REG_RAX, static_cast<ADDRINT>(number > 0 ? -number : number));
}
ADDRINT PIN_GetAuxVectorValue(ADDRINT type, BOOL* found) {
  ADDRINT pair[2] = {};
  std::FILE* vector = std::fopen("/proc/self/auxv", "r");
  BOOL is_there = FALSE;
  while (vector != nullptr && !is_there && std::fread(pair, sizeof pair, 1, vector) == 1)
    is_there = pair[0] == type;
  if (vector != nullptr) std::fclose(vector);
  if (found != nullptr) *found = is_there;
  return is_there ? pair[1] : 0;
}

VOID PIN_RemoveInstrumentation() {
  forget_translations(0, ~uint64_t{0});
}
VOID PIN_RemoveInstrumentationInRange(ADDRINT first, ADDRINT last) {
  forget_translations(first, last + 1);
}
size_t PIN_SafeCopyEx(VOID* to, const VOID* from, size_t size, EXCEPTION_INFO* info) {
  auto* target = static_cast<UINT8*>(to);
  const auto* source = static_cast<const UINT8*>(from);
  size_t done = 0;
  // By pages, so that what comes before a hole is copied.
  while (done < size) {
    const size_t in_source = 4096 - (reinterpret_cast<ADDRINT>(source + done) & 4095);
    const size_t in_target = 4096 - (reinterpret_cast<ADDRINT>(target + done) & 4095);
    const size_t part = std::min({size - done, in_source, in_target});
    if (!isotach_safe_copy(target + done, source + done, part)) {
      if (info != nullptr) {
        const ADDRINT address = reinterpret_cast<ADDRINT>(source + done);
        PIN_InitAccessFaultInfo(info, EXCEPTCODE_ACCESS_INVALID_ADDRESS, address, address,
                                FAULTY_ACCESS_READ);
      }
      break;
    }
    done += part;
  }
  return done;
}
size_t PIN_SafeCopy(VOID* to, const VOID* from, size_t size) {
  return PIN_SafeCopyEx(to, from, size, nullptr);
}
size_t PIN_FetchCode(VOID* copy, const VOID* address, size_t size, EXCEPTION_INFO* info) {
  return PIN_SafeCopyEx(copy, address, size, info);
}
BOOL PIN_CheckReadAccess(VOID* address) {
  UINT8 byte;
  return PIN_SafeCopy(&byte, address, 1) == 1;
}
BOOL PIN_CheckWriteAccess(VOID* address) {
  std::FILE* maps = std::fopen("/proc/self/maps", "r");
  if (maps == nullptr) return FALSE;
  char line[512];
  BOOL found = FALSE;
  while (!found && std::fgets(line, sizeof line, maps) != nullptr) {
    unsigned long low = 0, high = 0;
    char rights[8] = "";
    if (std::sscanf(line, "%lx-%lx %7s", &low, &high, rights) != 3) continue;
    const auto at = reinterpret_cast<ADDRINT>(address);
    found = at >= low && at < high && rights[1] == 'w';
  }
  std::fclose(maps);
  return found;
}

REG PIN_ClaimToolRegister() {
  static std::atomic<UINT32> next{0};
  const UINT32 n = next.fetch_add(1);
  return n < 30 ? static_cast<REG>(REG_INST_G0 + n) : REG_INVALID();
}

// Through frame pointers, which is all that a CONTEXT tells.
INT32 PIN_Backtrace(const CONTEXT* context, VOID** buffer, INT32 size) {
  if (size < 1) return 0;
  buffer[0] = reinterpret_cast<VOID*>(PIN_GetContextReg(context, REG_RIP));
  INT32 count = 1;
  ADDRINT frame = PIN_GetContextReg(context, REG_RBP);
  while (count < size) {
    ADDRINT words[2];
    if (frame == 0 || PIN_SafeCopy(words, reinterpret_cast<VOID*>(frame), sizeof words) != sizeof words)
      break;
    if (words[1] < 4096) break;
    buffer[count++] = reinterpret_cast<VOID*>(words[1]);
    if (words[0] <= frame) break;
    frame = words[0];
  }
  return count;
}

VOID PIN_WriteErrorMessage(const CHAR* text, INT32, PIN_ERR_SEVERITY_TYPE severity, INT32 count, ...) {
  std::string message = text;
  va_list list;
  va_start(list, count);
  for (INT32 i = 0; i < count; ++i) message += std::string(" ") + va_arg(list, const CHAR*);
  va_end(list);
  std::fprintf(stderr, "%s\n", message.c_str());
  if (severity == PIN_ERR_FATAL) end_process(kToolFailed);
}

}  // namespace LEVEL_BASE

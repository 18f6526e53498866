// Integer types, macros and text of numbers, as tools for Pin spell them.
#pragma once
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <climits>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <limits>
#include <list>
#include <map>
#include <queue>
#include <set>
#include <sstream>
#include <stack>
#include <string>
#include <utility>
#include <vector>

#include "pin/version.h"

#define PIN_DEPRECATED_API
#define PIN_PRODUCT_VERSION_MAJOR 3
#define PIN_PRODUCT_VERSION_MINOR 31
#define PIN_BUILD_NUMBER 98869
#define PIN_ISOTACH ISOTACH_KIT_VERSION

#define PIN_FAST_ANALYSIS_CALL
#define PIN_CDECL
#define LOCALVAR static
#define LOCALFUN static
#define LOCALCONST static const
#define LOCALTYPE
#define LOCALCLASS
#define LOCALTEMPLATE template
#define GLOBALVAR
#define GLOBALFUN
#define GLOBALCONST const
#define GLOBALTYPE
#define GLOBALCLASS
#define GLOBALTEMPLATE
#define GLOBALDECL extern
#define LOCALDECL static
#define STATIC static
#define INLINE inline
#define CONST const
#ifndef ALIGNMENT
#define ALIGN_TO(bytes) __attribute__((aligned(bytes)))
#endif

// Part of a tool's link interface that only this header may use.
#define ISOTACH_API __attribute__((visibility("default")))

namespace LEVEL_BASE {

typedef void VOID;
typedef bool BOOL;
typedef char CHAR;
typedef unsigned char UCHAR;
typedef int8_t INT8;
typedef uint8_t UINT8;
typedef int16_t INT16;
typedef uint16_t UINT16;
typedef int32_t INT32;
typedef uint32_t UINT32;
typedef int64_t INT64;
typedef uint64_t UINT64;
typedef INT32 INT;
typedef UINT32 UINT;
typedef float FLT32;
typedef double FLT64;
typedef size_t USIZE;
typedef uintptr_t ADDRINT;
typedef intptr_t ADDRDELTA;
typedef UINT32 THREADID;
typedef UINT64 PIN_THREAD_UID;
typedef UINT32 OS_THREAD_ID;
typedef UINT32 NATIVE_TID;
typedef UINT32 NATIVE_PID;
typedef UINT32 OS_PROCESS_ID;
typedef INT32 TLS_KEY;
typedef UINT32 BUFFER_ID;
typedef UINT32 INS_CODE;
typedef ADDRINT (*PIN_FUNPTR)();
typedef VOID (*AFUNPTR)();

static const BOOL TRUE = true;
static const BOOL FALSE = false;
static const THREADID INVALID_THREADID = static_cast<THREADID>(-1);
static const PIN_THREAD_UID INVALID_PIN_THREAD_UID = static_cast<PIN_THREAD_UID>(-1);
static const OS_THREAD_ID INVALID_OS_THREAD_ID = 0;
static const TLS_KEY INVALID_TLS_KEY = -1;
static const BUFFER_ID BUFFER_ID_INVALID = 0;
static const UINT32 PIN_MAX_THREADS = 2048;

// Ends the process with the message, as a failed assertion of the tool.
[[noreturn]] ISOTACH_API VOID PIN_AssertionFailed(const CHAR* file, UINT32 line, const std::string& message);
ISOTACH_API VOID PIN_LogMessage(const std::string& message);

ISOTACH_API std::string decstr(INT64 value, UINT32 width = 0);
ISOTACH_API std::string decstr(UINT64 value, UINT32 width = 0);
inline std::string decstr(INT32 value, UINT32 width = 0) {
  return decstr(static_cast<INT64>(value), width);
}
inline std::string decstr(UINT32 value, UINT32 width = 0) {
  return decstr(static_cast<UINT64>(value), width);
}
inline std::string decstr(INT16 value, UINT32 width = 0) {
  return decstr(static_cast<INT64>(value), width);
}
inline std::string decstr(UINT16 value, UINT32 width = 0) {
  return decstr(static_cast<UINT64>(value), width);
}
inline std::string decstr(long long value, UINT32 width = 0) {
  return decstr(static_cast<INT64>(value), width);
}
inline std::string decstr(unsigned long long value, UINT32 width = 0) {
  return decstr(static_cast<UINT64>(value), width);
}
inline std::string decstr(FLT64 value, UINT32 width = 0) {
  return decstr(static_cast<INT64>(value), width);
}
ISOTACH_API std::string hexstr(UINT64 value, UINT32 width = 0);
inline std::string hexstr(INT64 value, UINT32 width = 0) {
  return hexstr(static_cast<UINT64>(value), width);
}
inline std::string hexstr(INT32 value, UINT32 width = 0) {
  return hexstr(static_cast<UINT64>(static_cast<UINT32>(value)), width);
}
inline std::string hexstr(UINT32 value, UINT32 width = 0) {
  return hexstr(static_cast<UINT64>(value), width);
}
inline std::string hexstr(UINT16 value, UINT32 width = 0) {
  return hexstr(static_cast<UINT64>(value), width);
}
inline std::string hexstr(unsigned long long value, UINT32 width = 0) {
  return hexstr(static_cast<UINT64>(value), width);
}
inline std::string hexstr(const VOID* value, UINT32 width = 0) {
  return hexstr(static_cast<UINT64>(reinterpret_cast<ADDRINT>(value)), width);
}
// Left and right justified.
ISOTACH_API std::string ljstr(const std::string& text, UINT32 width, CHAR padding = ' ');
ISOTACH_API std::string rjstr(const std::string& text, UINT32 width, CHAR padding = ' ');
ISOTACH_API std::string fltstr(FLT64 value, UINT32 precision = 0, UINT32 width = 0);
inline std::string StringFromAddrint(ADDRINT value) {
  return "0x" + hexstr(static_cast<UINT64>(value), 16).substr(2);
}
inline std::string StringFromUint64(UINT64 value) {
  return hexstr(value);
}
inline std::string StringHex(UINT64 value, UINT32 digits, BOOL prefix = TRUE) {
  const std::string text = hexstr(value, digits);
  return prefix ? text : text.substr(2);
}
inline std::string StringDec(UINT64 value, UINT32 digits = 0, CHAR padding = ' ') {
  return rjstr(decstr(value), digits, padding);
}
inline std::string StringDecSigned(INT64 value, UINT32 digits, CHAR padding = ' ') {
  return rjstr(decstr(value), digits, padding);
}
ISOTACH_API std::string StringBignum(INT64 value, UINT32 digits = 0, CHAR padding = ' ');
inline std::string StringFlt(FLT64 value, UINT32 precision = 0, UINT32 width = 0) {
  return fltstr(value, precision, width);
}
inline std::string StringBool(BOOL value) {
  return value ? "true" : "false";
}
inline std::string StringTri(UINT64 value) {
  return StringBignum(static_cast<INT64>(value));
}
inline std::string ptrstr(const VOID* value) {
  return hexstr(value);
}
inline std::string AddressHexStr(ADDRINT value) {
  return hexstr(static_cast<UINT64>(value), 16);
}
ISOTACH_API BOOL CharIsSpace(CHAR c);
ISOTACH_API CHAR CharToLower(CHAR c);
ISOTACH_API CHAR CharToUpper(CHAR c);
inline UINT64 Uint64FromString(const std::string& text) {
  return std::strtoull(text.c_str(), nullptr, 0);
}
inline INT64 Int64FromString(const std::string& text) {
  return std::strtoll(text.c_str(), nullptr, 0);
}
inline UINT32 Uint32FromString(const std::string& text) {
  return static_cast<UINT32>(Uint64FromString(text));
}
inline INT32 Int32FromString(const std::string& text) {
  return static_cast<INT32>(Int64FromString(text));
}
inline ADDRINT AddrintFromString(const std::string& text) {
  return Uint64FromString(text);
}
inline FLT64 FLT64FromString(const std::string& text) {
  return std::strtod(text.c_str(), nullptr);
}
inline ADDRINT AddrintFromPtr(const VOID* value) {
  return reinterpret_cast<ADDRINT>(value);
}
inline VOID* PtrFromAddrint(ADDRINT value) {
  return reinterpret_cast<VOID*>(value);
}
inline VOID* Addrint2VoidStar(ADDRINT value) {
  return reinterpret_cast<VOID*>(value);
}
inline ADDRINT VoidStar2Addrint(const VOID* value) {
  return reinterpret_cast<ADDRINT>(value);
}

inline UINT32 BitCount(ADDRINT value) {
  return static_cast<UINT32>(__builtin_popcountll(value));
}

}  // namespace LEVEL_BASE

#define ASSERTX(condition)                                                                                  \
  do {                                                                                                      \
    if (!(condition)) LEVEL_BASE::PIN_AssertionFailed(__FILE__, __LINE__, "assertion failed: " #condition); \
  } while (0)
// Messages are sums of texts, of which the first two may both be literals.
#define ASSERT(condition, message)                                                                  \
  do {                                                                                              \
    if (!(condition)) LEVEL_BASE::PIN_AssertionFailed(__FILE__, __LINE__, std::string() + message); \
  } while (0)
#define PIN_ERROR(message) LEVEL_BASE::PIN_AssertionFailed(__FILE__, __LINE__, std::string() + message)
#define ASSERTSLOW(condition) ASSERTX(condition)
#define LOG(message) LEVEL_BASE::PIN_LogMessage(message)
#define MESSAGE_TYPE_LOG 1
#define CONSOLE(message) LEVEL_BASE::PIN_LogMessage(message)
#define MESSAGE(message) LEVEL_BASE::PIN_LogMessage(message)
#define DEBUG(message) \
  do {                 \
  } while (0)

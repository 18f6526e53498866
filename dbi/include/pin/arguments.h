// What an analysis routine is given, and when it runs. Each IARG_ is followed by the values its comment
// names; every list ends with IARG_END.
#pragma once

#include "pin/handles.h"

namespace LEVEL_BASE {

enum IARG_TYPE : UINT32 {
  IARG_INVALID = 0,
  IARG_ADDRINT,              // ADDRINT: passed as it is
  IARG_PTR,                  // VOID*
  IARG_BOOL,                 // BOOL
  IARG_UINT32,               // UINT32
  IARG_UINT64,               // UINT64
  IARG_INST_PTR,             // address of the instruction
  IARG_REG_VALUE,            // REG: its value, of up to 64 bits
  IARG_REG_REFERENCE,        // REG: PIN_REGISTER*; what is written there is the register's new value
  IARG_REG_CONST_REFERENCE,  // REG: const PIN_REGISTER*
  IARG_MEMORYREAD_EA,        // address of the first memory operand that is read
  IARG_MEMORYREAD2_EA,       // of the second
  IARG_MEMORYWRITE_EA,       // of the first that is written
  IARG_MEMORYREAD_SIZE,      // UINT32, in bytes
  IARG_MEMORYWRITE_SIZE,
  IARG_MEMORYOP_EA,            // UINT32 n: address of the n-th memory operand
  IARG_MEMORYOP_SIZE,          // UINT32 n
  IARG_MEMORYOP_MASKED_ON,     // UINT32 n: whether a predicate lets it happen
  IARG_MULTI_MEMORYACCESS_EA,  // PIN_MULTI_MEM_ACCESS_INFO*: all accesses of the instruction
  IARG_MULTI_ELEMENT_OPERAND,  // UINT32 n: IMULTI_ELEMENT_OPERAND*, the elements of its n-th operand
  IARG_EXPLICIT_MEMORY_EA,     // address of the memory operand that is written out, also of lea
  IARG_BRANCH_TAKEN,           // BOOL
  IARG_BRANCH_TARGET_ADDR,     // where it goes if taken
  IARG_FALLTHROUGH_ADDR,       // address behind the instruction
  IARG_EXECUTING,              // BOOL: the predicate of a predicated instruction
  IARG_FIRST_REP_ITERATION,    // BOOL
  IARG_THREAD_ID,              // THREADID
  IARG_TSC,                    // UINT64: time stamp counter
  IARG_CONTEXT,                // CONTEXT*: changes take effect with PIN_ExecuteAt only
  IARG_CONST_CONTEXT,          // const CONTEXT*
  IARG_PARTIAL_CONTEXT,  // REGSET* read, REGSET* written: CONTEXT*, of which what is written takes effect
  IARG_PRESERVE,         // REGSET*: no effect here, all registers are kept
  IARG_RETURN_REGS,      // REG: takes the routine's result
  IARG_RETURN_IP,        // at a routine's entry: where it returns to
  IARG_STACK_VALUE,      // rsp
  IARG_FUNCARG_ENTRYPOINT_VALUE,      // UINT32 n: n-th integer argument at a routine's entry
  IARG_FUNCARG_ENTRYPOINT_REFERENCE,  // UINT32 n: ADDRINT*
  IARG_FUNCARG_CALLSITE_VALUE,        // UINT32 n: the same before a call instruction
  IARG_FUNCARG_CALLSITE_REFERENCE,
  IARG_FUNCRET_EXITPOINT_VALUE,  // before a return: the result
  IARG_FUNCRET_EXITPOINT_REFERENCE,
  IARG_SYSCALL_NUMBER,
  IARG_SYSARG_VALUE,      // UINT32 n
  IARG_SYSARG_REFERENCE,  // UINT32 n
  IARG_SYSRET_VALUE,
  IARG_SYSRET_ERRNO,
  IARG_PROTOTYPE,     // PROTO
  IARG_ORIG_FUNCPTR,  // RTN_ReplaceSignature: calls what was replaced
  IARG_CALL_ORDER,    // CALL_ORDER: lower comes earlier
  IARG_IARGLIST,      // IARGLIST
  IARG_FAST_ANALYSIS_CALL,
  IARG_IARGLIST_END,
  IARG_END,
  IARG_LAST
};
// Addresses are never translated, so a pointer to the operand is its address.
#define IARG_MEMORYREAD_PTR LEVEL_BASE::IARG_MEMORYREAD_EA
#define IARG_MEMORYREAD2_PTR LEVEL_BASE::IARG_MEMORYREAD2_EA
#define IARG_MEMORYWRITE_PTR LEVEL_BASE::IARG_MEMORYWRITE_EA
#define IARG_MEMORYOP_PTR LEVEL_BASE::IARG_MEMORYOP_EA

// What IARG_MULTI_MEMORYACCESS_EA points to: an operand that is read and written counts twice, each element
// of a gather or scatter once, whether its mask is on or not.
enum PIN_MEMOP_ENUM : UINT32 { PIN_MEMOP_LOAD, PIN_MEMOP_STORE };
const int MAX_MULTI_MEMOPS = 16;
struct PIN_MEM_ACCESS_INFO {
  ADDRINT memoryAddress;
  PIN_MEMOP_ENUM memopType;
  UINT32 bytesAccessed;
  BOOL maskOn;
};
struct PIN_MULTI_MEM_ACCESS_INFO {
  UINT32 numberOfMemops;
  UINT32 operand_size_;  // these two are for IMULTI_ELEMENT_OPERAND
  ADDRINT operand_address_;
  PIN_MEM_ACCESS_INFO memop[MAX_MULTI_MEMOPS];
};

// What IARG_MULTI_ELEMENT_OPERAND points to: an operand in memory.
enum PIN_OP_ELEMENT_ACCESS : UINT32 {
  PIN_OP_ELEMENT_ACCESS_READ,
  PIN_OP_ELEMENT_ACCESS_WRITE,
  PIN_OP_ELEMENT_ACCESS_READWRITE
};
class IMULTI_ELEMENT_OPERAND {
 public:
  IMULTI_ELEMENT_OPERAND() = delete;
  BOOL IsMemory() const { return TRUE; }
  BOOL IsRegister() const { return FALSE; }
  USIZE Size() const { return all_.operand_size_; }
  // 0 for a gather or scatter, which has an address for each element.
  ADDRINT Address() const { return all_.operand_address_; }
  UINT32 NumOfElements() const { return all_.numberOfMemops; }
  USIZE ElementSize(UINT32 element) const { return all_.memop[element].bytesAccessed; }
  ADDRINT ElementAddress(UINT32 element) const { return all_.memop[element].memoryAddress; }
  UINT32 ElementMaskValue(UINT32 element) const { return all_.memop[element].maskOn; }
  PIN_OP_ELEMENT_ACCESS ElementAccessType(UINT32 element) const {
    return static_cast<PIN_OP_ELEMENT_ACCESS>(all_.memop[element].memopType);
  }

 private:
  PIN_MULTI_MEM_ACCESS_INFO all_;
};

// Old names.
#define IARG_PREDICATE LEVEL_BASE::IARG_EXECUTING
#define IARG_G_ARG0_CALLER LEVEL_BASE::IARG_FUNCARG_CALLSITE_VALUE, 0
#define IARG_G_ARG1_CALLER LEVEL_BASE::IARG_FUNCARG_CALLSITE_VALUE, 1
#define IARG_G_ARG2_CALLER LEVEL_BASE::IARG_FUNCARG_CALLSITE_VALUE, 2
#define IARG_G_ARG0_CALLEE LEVEL_BASE::IARG_FUNCARG_ENTRYPOINT_VALUE, 0
#define IARG_G_ARG1_CALLEE LEVEL_BASE::IARG_FUNCARG_ENTRYPOINT_VALUE, 1
#define IARG_G_ARG2_CALLEE LEVEL_BASE::IARG_FUNCARG_ENTRYPOINT_VALUE, 2
#define IARG_G_ARG3_CALLEE LEVEL_BASE::IARG_FUNCARG_ENTRYPOINT_VALUE, 3
#define IARG_G_ARG4_CALLEE LEVEL_BASE::IARG_FUNCARG_ENTRYPOINT_VALUE, 4
#define IARG_G_ARG5_CALLEE LEVEL_BASE::IARG_FUNCARG_ENTRYPOINT_VALUE, 5
#define IARG_G_ARG3_CALLER LEVEL_BASE::IARG_FUNCARG_CALLSITE_VALUE, 3
#define IARG_G_RESULT0 LEVEL_BASE::IARG_FUNCRET_EXITPOINT_VALUE
#define IARG_SYSCALL_ARG0 LEVEL_BASE::IARG_SYSARG_VALUE, 0
#define IARG_SYSCALL_ARG1 LEVEL_BASE::IARG_SYSARG_VALUE, 1
#define IARG_SYSCALL_ARG2 LEVEL_BASE::IARG_SYSARG_VALUE, 2

enum IPOINT : UINT32 {
  IPOINT_INVALID = 0,
  IPOINT_BEFORE,        // before the instruction or routine
  IPOINT_AFTER,         // behind it where it goes on; of a routine: before each return
  IPOINT_ANYWHERE,      // somewhere in the basic block or trace
  IPOINT_TAKEN_BRANCH,  // where the branch is taken
};

struct ISOTACH_ARGUMENT_LIST;
typedef ISOTACH_ARGUMENT_LIST* IARGLIST;
ISOTACH_API IARGLIST IARGLIST_Alloc();
ISOTACH_API VOID IARGLIST_AddArguments(IARGLIST list, ...);
ISOTACH_API VOID IARGLIST_Free(IARGLIST list);
ISOTACH_API IARGLIST IARGLIST_CreateDefault();

// Prototypes: of a function of the program that a tool calls or replaces.
enum CALLINGSTD_TYPE {
  CALLINGSTD_INVALID,
  CALLINGSTD_DEFAULT,
  CALLINGSTD_CDECL,
  CALLINGSTD_REGPARMS,
  CALLINGSTD_STDCALL,
  CALLINGSTD_ART
};
enum PIN_PARG_ENUM {
  PARG_INVALID,
  PARG_POINTER,
  PARG_BOOL,
  PARG_CHAR,
  PARG_UCHAR,
  PARG_SCHAR,
  PARG_SHORT,
  PARG_USHORT,
  PARG_INT,
  PARG_UINT,
  PARG_LONG,
  PARG_ULONG,
  PARG_LONGLONG,
  PARG_ULONGLONG,
  PARG_FLOAT,
  PARG_DOUBLE,
  PARG_VOID,
  PARG_ENUM,
  PARG_AGGREGATE,
  PARG_END
};
typedef PIN_PARG_ENUM PARG_TYPE;
struct ISOTACH_PROTOTYPE;
typedef ISOTACH_PROTOTYPE* PROTO;
#define PIN_PARG(type) LEVEL_BASE::isotach_parg<type>(), sizeof(type)
#define PIN_PARG_AGGREGATE(type) LEVEL_BASE::PARG_AGGREGATE, sizeof(type)
#define PIN_PARG_ENUM(type) LEVEL_BASE::PARG_ENUM, sizeof(type)
#define PIN_PARG_END() LEVEL_BASE::PARG_END
template <class T>
struct ISOTACH_PARG {
  static const PARG_TYPE kind = PARG_AGGREGATE;
};
template <class T>
struct ISOTACH_PARG<T*> {
  static const PARG_TYPE kind = PARG_POINTER;
};
#define ISOTACH_PARG_OF(type, name)     \
  template <>                           \
  struct ISOTACH_PARG<type> {           \
    static const PARG_TYPE kind = name; \
  };
ISOTACH_PARG_OF(void, PARG_VOID)
ISOTACH_PARG_OF(bool, PARG_BOOL)
ISOTACH_PARG_OF(char, PARG_CHAR)
ISOTACH_PARG_OF(signed char, PARG_SCHAR)
ISOTACH_PARG_OF(unsigned char, PARG_UCHAR)
ISOTACH_PARG_OF(short, PARG_SHORT)
ISOTACH_PARG_OF(unsigned short, PARG_USHORT)
ISOTACH_PARG_OF(int, PARG_INT)
ISOTACH_PARG_OF(unsigned int, PARG_UINT)
ISOTACH_PARG_OF(long, PARG_LONG)
ISOTACH_PARG_OF(unsigned long, PARG_ULONG)
ISOTACH_PARG_OF(long long, PARG_LONGLONG)
ISOTACH_PARG_OF(unsigned long long, PARG_ULONGLONG)
ISOTACH_PARG_OF(float, PARG_FLOAT)
ISOTACH_PARG_OF(double, PARG_DOUBLE)
#undef ISOTACH_PARG_OF
template <class T>
PARG_TYPE isotach_parg() {
  return ISOTACH_PARG<T>::kind;
}
// (result, calling convention, name, arguments..., PIN_PARG_END())
ISOTACH_API PROTO PROTO_Allocate(PARG_TYPE result, size_t result_size, CALLINGSTD_TYPE convention,
                                 const CHAR* name, ...);
ISOTACH_API VOID PROTO_Free(PROTO proto);

}  // namespace LEVEL_BASE

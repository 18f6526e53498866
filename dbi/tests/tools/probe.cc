// The tests' own tool: counts and records in the ways that tools do it, so that each way can be compared with
// the oracle, and so that programs can be seen to run unchanged under each.
//
//   -way
//   digests|vectors|none|ins|bbl|watched|call|context|if|registers|memory|accesses|record|heavy|heavy_bbl
//
//   ins        a counter at each instruction, short enough to be written in place
//   bbl        the number of instructions added at each basic block
//   watched    two counters at each instruction, which must be equal whenever code of the tool looks: before
//   each system
//              call, and from the fifth translated one on also in a routine that is called
//   call       a routine with calls of its own at each instruction: floating point, vectors, the heap
//   context    the same with the whole context of the program as an argument
//   heavy      40 calls at each instruction, of which the first counts: code too large for a whole trace
//   heavy_bbl  the same calls, with the counts of bbl
//   versions   a counter for each version of the code; versions change at blocks and behind returns, often
//   if         INS_InsertIfCall and INS_InsertThenCall: a call at every 100th instruction
//   digests    "pc digest" at each instruction, of all general registers and flags: as step --trace does
//   vectors    the same with vector and mask registers, as step --vectors does
//   registers  register values, stack pointer, branch targets and flags as arguments
//   memory     each memory operand of each instruction of the program's own image: "pc r|w address size"
//   accesses   the same by one call for all accesses of an instruction, which must agree with the elements of
//   each operand
//   record     the same as records of a trace buffer, of which few fit: of all images, "pc r|w address size"
//   for
//              those of the program's own
//   -o FILE    where the result goes
//   -above A   only instructions at or above this address, -below B below that one
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "pin.H"

namespace {

KNOB<std::string> knob_way(KNOB_MODE_WRITEONCE, "pintool", "way", "ins", "how to instrument");
KNOB<std::string> knob_output(KNOB_MODE_WRITEONCE, "pintool", "o", "/dev/null", "where the result goes");

KNOB<ADDRINT> knob_above(KNOB_MODE_WRITEONCE, "pintool", "above", "0", "lowest address");
KNOB<ADDRINT> knob_below(KNOB_MODE_WRITEONCE, "pintool", "below", "0xffffffffffffffff", "end of addresses");

UINT64 count = 0, called = 0, mixed = 0;
UINT32 countdown = 100;
FILE* records = nullptr;

VOID count_one() {
  ++count;
}
VOID count_many(UINT32 number) {
  count += number;
}

UINT64 twin = 0, last_seen = 0, looks = 0;
VOID count_twin() {
  ++twin;
}
__attribute__((noinline)) VOID look() {
  if (count != twin || count < last_seen) mixed = 1;
  last_seen = count;
  ++looks;
}
VOID look_at_system_call(THREADID, CONTEXT*, SYSCALL_STANDARD, VOID*) {
  look();
}

volatile double sink;
__attribute__((noinline)) void disturb(UINT64 value) {
  // Uses what a careless engine forgets to save.
  sink = std::sqrt(static_cast<double>(value)) + sink * 0.5;
  std::vector<double> numbers(value % 7 + 1, static_cast<double>(value));
  asm volatile("pxor %%xmm0, %%xmm0\n pxor %%xmm15, %%xmm15\n xor %%eax, %%eax\n stc" ::
                   : "xmm0", "xmm15", "rax", "cc");
  mixed += static_cast<UINT64>(numbers.size());
}

VOID call_out(ADDRINT pc) {
  if ((++count & 1023) == 0) disturb(pc);
}

VOID call_with_context(ADDRINT pc, CONTEXT* context) {
  ++count;
  if (PIN_GetContextReg(context, REG_INST_PTR) != pc) ++called;
  mixed ^= PIN_GetContextReg(context, REG_STACK_PTR);
}

ADDRINT is_due() {
  return --countdown == 0;
}
VOID when_due() {
  countdown = 100;
  called += 100;
}

VOID with_registers(ADDRINT pc, ADDRINT rsp, ADDRINT rax, ADDRINT flags, ADDRINT r15, UINT32 thread) {
  ++count;
  mixed = mixed * 31 + (pc ^ rsp ^ rax ^ flags ^ r15) + thread;
}

UINT64 digest_of_vectors(UINT64 result, const CONTEXT* context) {
  const bool has_512 = PIN_SupportsProcessorState(PROCESSOR_STATE_ZMM);
  const bool has_256 = PIN_SupportsProcessorState(PROCESSOR_STATE_YMM);
  const REG first = has_512 ? REG_ZMM0 : has_256 ? REG_YMM0 : REG_XMM0;
  const auto add = [&](int reg) {
    PIN_REGISTER value;
    PIN_GetContextRegval(context, static_cast<REG>(reg), reinterpret_cast<UINT8*>(&value));
    for (UINT32 i = 0; i < REG_Size(static_cast<REG>(reg)) / 8; ++i) {
      result = (result ^ value.qword[i]) * 0x9fb21c651e98df25;
      result ^= result >> 29;
    }
  };
  for (int i = 0; i < (has_512 ? 32 : 16); ++i) add(first + i);
  for (int i = 0; has_512 && i < 8; ++i) add(REG_K0 + i);
  return result;
}

VOID digest(const CONTEXT* context, BOOL with_vectors) {
  static const REG kRegisters[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                   REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  constexpr ADDRINT kFlags = 0xcd5;
  UINT64 result = 0xcbf29ce484222325;
  const auto add = [&result](ADDRINT value) {
    result = (result ^ value) * 0x9fb21c651e98df25;
    result ^= result >> 29;
  };
  for (const REG reg : kRegisters)
    add(PIN_GetContextReg(context, reg) & (reg == REG_R11 ? ~ADDRINT{0x100} : ~ADDRINT{0}));
  add(PIN_GetContextReg(context, REG_RFLAGS) & kFlags);
  if (with_vectors) result = digest_of_vectors(result, context);
  fprintf(records, "%lx %016lx\n", static_cast<unsigned long>(PIN_GetContextReg(context, REG_INST_PTR)),
          static_cast<unsigned long>(result));
}

VOID at_branch(ADDRINT target, BOOL taken) {
  mixed += taken ? target : 1;
}

VOID record(ADDRINT pc, ADDRINT address, UINT32 size, BOOL write) {
  fprintf(records, "%lx %c %lx %u\n", static_cast<unsigned long>(pc), write ? 'w' : 'r',
          static_cast<unsigned long>(address), size);
}

// What record() writes.
struct Access {
  ADDRINT pc;
  ADDRINT address;
  UINT32 size;
  UINT16 image;  // 1: the program's own
  UINT8 write;
};
BUFFER_ID buffer = BUFFER_ID_INVALID;

VOID* take_records(BUFFER_ID, THREADID, const CONTEXT*, VOID* first, UINT64 number, VOID*) {
  // Without the lock of a FILE: a thread of the program may have forked the process meanwhile.
  const auto* access = static_cast<const Access*>(first);
  std::string text;
  for (UINT64 i = 0; i < number; ++i) {
    if (access[i].image != 1) continue;
    char line[64];
    text.append(
        line, static_cast<size_t>(snprintf(line, sizeof line, "%lx %c %lx %u\n", access[i].pc,
                                           access[i].write ? 'w' : 'r', access[i].address, access[i].size)));
  }
  if (write(fileno(records), text.data(), text.size()) != static_cast<ssize_t>(text.size())) abort();
  __atomic_add_fetch(&count, number, __ATOMIC_RELAXED);
  return first;
}

UINT64 beside = 0;
__attribute__((noinline)) VOID beside_the_count(ADDRINT pc, ADDRINT rsp, ADDRINT rax, ADDRINT flags,
                                                UINT32 one) {
  if ((pc ^ rsp ^ rax ^ flags) != 0) __atomic_add_fetch(&beside, one, __ATOMIC_RELAXED);
}

VOID instrument_heavily(INS ins) {
  for (int i = 0; i < 39; ++i)
    INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(beside_the_count), IARG_INST_PTR,
                   IARG_REG_VALUE, REG_STACK_PTR, IARG_REG_VALUE, REG_GAX, IARG_REG_VALUE, REG_GFLAGS,
                   IARG_UINT32, 1, IARG_END);
}

bool in_main_image(INS ins) {
  IMG image = IMG_FindByAddress(INS_Address(ins));
  return IMG_Valid(image) && IMG_IsMainExecutable(image);
}

VOID instrument_memory(INS ins) {
  for (UINT32 i = 0; i < INS_MemoryOperandCount(ins); ++i) {
    for (const BOOL write : {FALSE, TRUE}) {
      if (write ? !INS_MemoryOperandIsWritten(ins, i) : !INS_MemoryOperandIsRead(ins, i)) continue;
      INS_InsertPredicatedCall(
          ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(record), IARG_INST_PTR, IARG_MEMORYOP_EA, i,
          IARG_UINT32, static_cast<UINT32>(INS_MemoryOperandSize(ins, i)), IARG_BOOL, write, IARG_END);
    }
  }
}

VOID instrument_records(INS ins) {
  if (!INS_HasKnownMemorySize(ins)) return;
  const UINT32 image = in_main_image(ins) ? 1 : 2;
  for (UINT32 i = 0; i < INS_MemoryOperandCount(ins); ++i) {
    for (const BOOL write : {FALSE, TRUE}) {
      if (write ? !INS_MemoryOperandIsWritten(ins, i) : !INS_MemoryOperandIsRead(ins, i)) continue;
      INS_InsertFillBufferPredicated(ins, IPOINT_BEFORE, buffer, IARG_INST_PTR, offsetof(Access, pc),
                                     IARG_MEMORYOP_EA, i, offsetof(Access, address), IARG_UINT32,
                                     static_cast<UINT32>(INS_MemoryOperandSize(ins, i)),
                                     offsetof(Access, size), IARG_UINT32, image | (write ? 0x10000u : 0u),
                                     offsetof(Access, image), IARG_END);
    }
  }
}

VOID on_accesses(ADDRINT pc, const PIN_MULTI_MEM_ACCESS_INFO* all) {
  for (UINT32 i = 0; i < all->numberOfMemops; ++i) {
    const PIN_MEM_ACCESS_INFO& one = all->memop[i];
    if (one.maskOn)
      fprintf(records, "%lx %c %lx %u\n", pc, one.memopType == PIN_MEMOP_STORE ? 'w' : 'r', one.memoryAddress,
              one.bytesAccessed);
  }
}

// The elements of an operand are its bytes, each once, or, of a gather or scatter, among the accesses.
VOID on_elements(const PIN_MULTI_MEM_ACCESS_INFO* all, const IMULTI_ELEMENT_OPERAND* operand) {
  bool is_right = operand->IsMemory() && operand->NumOfElements() > 0;
  ADDRINT at = operand->Address();
  for (UINT32 i = 0; i < operand->NumOfElements(); ++i) {
    if (operand->Address() != 0) {
      is_right = is_right && operand->ElementAddress(i) == at && operand->ElementMaskValue(i) == 1;
      at += operand->ElementSize(i);
      continue;
    }
    const PIN_MEM_ACCESS_INFO& one = all->memop[i];
    is_right = is_right && operand->ElementAddress(i) == one.memoryAddress &&
               operand->ElementSize(i) == one.bytesAccessed && operand->ElementMaskValue(i) == one.maskOn &&
               static_cast<UINT32>(operand->ElementAccessType(i)) == static_cast<UINT32>(one.memopType);
  }
  if (!is_right || (operand->Address() != 0 && at != operand->Address() + operand->Size())) mixed = 1;
}

VOID instrument_accesses(INS ins) {
  if (INS_MemoryOperandCount(ins) == 0) return;
  const auto insert = INS_IsStandardMemop(ins) ? INS_InsertPredicatedCall : INS_InsertCall;
  insert(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(on_accesses), IARG_INST_PTR,
         IARG_MULTI_MEMORYACCESS_EA, IARG_END);
  for (UINT32 i = 0; i < INS_OperandCount(ins); ++i) {
    if (INS_OperandIsMemory(ins, i) && INS_OperandElementCount(ins, i) <= 16)
      INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(on_elements), IARG_MULTI_MEMORYACCESS_EA,
                     IARG_MULTI_ELEMENT_OPERAND, i, IARG_END);
  }
}

VOID instrument_instruction(INS ins, VOID*) {
  const std::string& way = knob_way.Value();
  if (INS_Address(ins) < knob_above.Value() || INS_Address(ins) >= knob_below.Value()) return;
  if (way == "ins") {
    INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(count_one), IARG_END);
  } else if (way == "watched") {
    static int system_calls = 0;
    INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(count_one), IARG_END);
    INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(count_twin), IARG_END);
    if (INS_IsSyscall(ins) && ++system_calls > 4)
      INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(look), IARG_END);
  } else if (way == "call") {
    INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(call_out), IARG_INST_PTR, IARG_END);
  } else if (way == "context") {
    INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(call_with_context), IARG_INST_PTR,
                   IARG_CONTEXT, IARG_END);
  } else if (way == "digests" || way == "vectors") {
    INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(digest), IARG_CONST_CONTEXT, IARG_BOOL,
                   way == "vectors", IARG_END);
  } else if (way == "if") {
    INS_InsertIfCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(is_due), IARG_END);
    INS_InsertThenCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(when_due), IARG_END);
  } else if (way == "registers") {
    INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(with_registers), IARG_INST_PTR,
                   IARG_REG_VALUE, REG_STACK_PTR, IARG_REG_VALUE, REG_GAX, IARG_REG_VALUE, REG_GFLAGS,
                   IARG_REG_VALUE, REG_R15, IARG_THREAD_ID, IARG_END);
    if (INS_IsBranch(ins))
      INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(at_branch), IARG_BRANCH_TARGET_ADDR,
                     IARG_BRANCH_TAKEN, IARG_END);
  } else if (way == "heavy") {
    INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(count_one), IARG_END);
    instrument_heavily(ins);
  } else if (way == "memory" && in_main_image(ins)) {
    instrument_memory(ins);
  } else if (way == "accesses" && in_main_image(ins)) {
    instrument_accesses(ins);
  } else if (way == "record") {
    instrument_records(ins);
  }
}

// Versions 0, 1 and 70000 by turns, each for seven blocks; behind a return in version 0 version 5, up to the
// next one.
constexpr ADDRINT kByTurns[] = {0, 1, 70000};
UINT64 of_version[4] = {};
REG turn = REG_INVALID();
ADDRINT next_turn() {
  static UINT64 blocks = 0;
  return ++blocks / 7 % 3 + 1000;
}
VOID count_version(UINT32 which) {
  ++of_version[which];
}

VOID instrument_versions(TRACE trace, VOID*) {
  const ADDRINT version = TRACE_Version(trace);
  const UINT32 which = version == 5 ? 3 : version == 70000 ? 2 : static_cast<UINT32>(version);
  for (BBL block = TRACE_BblHead(trace); BBL_Valid(block); block = BBL_Next(block)) {
    const INS head = BBL_InsHead(block);
    if (version != 5) {
      INS_InsertCall(head, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(next_turn), IARG_RETURN_REGS, turn,
                     IARG_CALL_ORDER, CALL_ORDER_FIRST, IARG_END);
      for (INT32 i = 0; i < 3; ++i)
        INS_InsertVersionCase(head, turn, 1000 + i, kByTurns[i], IARG_CALL_ORDER, CALL_ORDER_FIRST + 1,
                              IARG_END);
    }
    for (INS ins = head; INS_Valid(ins); ins = INS_Next(ins))
      INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(count_version), IARG_UINT32, which,
                     IARG_END);
    if (!INS_IsRet(BBL_InsTail(block))) continue;
    if (version == 0 || version == 5) BBL_SetTargetVersion(block, version == 0 ? 5 : 0);
  }
}

VOID instrument_trace(TRACE trace, VOID*) {
  const bool is_heavy = knob_way.Value() == "heavy_bbl";
  for (BBL block = TRACE_BblHead(trace); BBL_Valid(block); block = BBL_Next(block)) {
    BBL_InsertCall(block, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(count_many), IARG_UINT32,
                   BBL_NumIns(block), IARG_END);
    for (INS ins = BBL_InsHead(block); is_heavy && INS_Valid(ins); ins = INS_Next(ins))
      instrument_heavily(ins);
  }
}

VOID finish(INT32, VOID*) {
  if (knob_way.Value() == "if") count = called + 100 - countdown;
  if (knob_way.Value() == "context" && called != 0) count = 0;
  if (knob_way.Value() == "watched" && (mixed != 0 || looks == 0)) count = 0;
  if (knob_way.Value() == "versions") {
    for (const UINT64 part : of_version) count += part;
    if (of_version[1] == 0 || of_version[2] == 0) count = 0;
  }
  if (knob_way.Value() == "accesses" && mixed != 0) fprintf(records, "elements of an operand are wrong\n");
  fprintf(records, "count %lu\n", static_cast<unsigned long>(count));
  fclose(records);
}

}  // namespace

int main(int argument_count, char** arguments) {
  PIN_InitSymbols();
  if (PIN_Init(argument_count, arguments)) return 1;
  records = fopen(knob_output.Value().c_str(), "w");
  if (records == nullptr) return 1;
  if (knob_way.Value() == "record") buffer = PIN_DefineTraceBuffer(sizeof(Access), 1, take_records, nullptr);
  if (knob_way.Value() == "bbl" || knob_way.Value() == "heavy_bbl") {
    TRACE_AddInstrumentFunction(instrument_trace, nullptr);
  } else if (knob_way.Value() == "versions") {
    turn = PIN_ClaimToolRegister();
    TRACE_AddInstrumentFunction(instrument_versions, nullptr);
  } else if (knob_way.Value() != "none") {
    INS_AddInstrumentFunction(instrument_instruction, nullptr);
  }
  if (knob_way.Value() == "watched") PIN_AddSyscallEntryFunction(look_at_system_call, nullptr);
  PIN_AddFiniFunction(finish, nullptr);
  PIN_StartProgram();
  return 0;
}

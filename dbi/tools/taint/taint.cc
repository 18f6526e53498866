// Follows bytes that come from outside to where they decide something: what read(2), recv(2) and their like
// bring, and the program's arguments, through registers and memory to conditional branches, to targets of
// indirect jumps, and to addresses of memory.
//
// Each byte of memory and of the general and vector registers is tainted or not. A move copies byte by byte;
// any other instruction that reads a tainted byte taints all that it writes; `xor r, r` and `sub r, r` clear.
// Data that was read at a tainted address is not tainted by that (-addresses 1: it is). What the kernel
// copies is followed for reads only.
#include "pin.H"

#include <sys/syscall.h>
#include <sys/uio.h>

#include <memory>
#include <unordered_map>

namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "taint.out", "file for the findings");
KNOB<BOOL> from_files(KNOB_MODE_WRITEONCE, "pintool", "files", "1", "files and sockets are sources");
KNOB<std::string> only(KNOB_MODE_APPEND, "pintool", "file", "",
                       "of files, only those whose path holds this text");
KNOB<BOOL> from_arguments(KNOB_MODE_WRITEONCE, "pintool", "arguments", "0",
                          "the program's arguments are sources");
KNOB<BOOL> through_addresses(KNOB_MODE_WRITEONCE, "pintool", "addresses", "0",
                             "data at tainted addresses is tainted");

constexpr UINT32 kWidest = 64;                          // bytes of a register
constexpr UINT32 kFlags = 48, kPlaces = 49, kMost = 8;  // 16 general ones, 32 vectors, the flags
constexpr ADDRINT kPage = 4096;

// One for each byte of the program's memory that was ever tainted.
class Memory {
 public:
  UINT8* byte(ADDRINT address, bool make) {
    auto& page = pages_[address / kPage];
    if (page == nullptr) {
      if (!make) return nullptr;
      page = std::make_unique<UINT8[]>(kPage);
    }
    return &page[address % kPage];
  }
  bool get(ADDRINT address) {
    const UINT8* const one = byte(address, false);
    return one != nullptr && *one != 0;
  }
  VOID set(ADDRINT address, UINT8 value) {
    if (UINT8* const one = byte(address, value != 0)) *one = value;
  }

 private:
  std::unordered_map<ADDRINT, std::unique_ptr<UINT8[]>> pages_;
};

// What an instruction does to taint, worked out once.
struct Part {
  UINT32 place, first, size;  // a register's bytes
};
struct Rule {
  ADDRINT pc = 0;
  Part reads[kMost], writes[kMost];
  UINT32 read_count = 0, write_count = 0;
  bool copies = false, clears = false, branches = false, jumps = false;
  Part addresses[4];
  UINT32 address_count = 0;
  UINT32 memory_reads = 0, memory_writes = 0;  // bits of memory operands
};
struct Registers {
  UINT8 bytes[kPlaces][kWidest];
};
struct Call {
  ADDRINT number, arguments[3];
};

Memory memory;
PIN_LOCK lock;
Registers registers[PIN_MAX_THREADS];
Call calls[PIN_MAX_THREADS];
std::deque<Rule> rules;
UINT64 source_bytes = 0;
std::map<std::pair<std::string, ADDRINT>, UINT64> findings;

bool part_of(REG reg, Part& part) {
  if (REG_is_flags(reg)) {
    part = {kFlags, 0, 1};
    return true;
  }
  const REG full = REG_FullRegName(reg);
  if (REG_is_gr64(full) && full != REG_RSP) {
    part = {static_cast<UINT32>(full - REG_GR_BASE), REG_is_Upper8(reg) ? 1u : 0u, REG_Size(reg)};
    // Writing 32 bits clears the upper half.
    return part.place < 16;
  }
  if (REG_is_xmm(reg)) part = {16u + static_cast<UINT32>(reg - REG_XMM_BASE), 0, 16};
  if (REG_is_ymm(reg)) part = {16u + static_cast<UINT32>(reg - REG_YMM_BASE), 0, 32};
  if (REG_is_zmm(reg)) part = {16u + static_cast<UINT32>(reg - REG_ZMM_BASE), 0, 64};
  return REG_is_xmm_ymm_zmm(reg);
}

bool any(const Registers& own, const Part& part) {
  for (UINT32 i = 0; i < part.size; ++i)
    if (own.bytes[part.place][part.first + i] != 0) return true;
  return false;
}
VOID put(Registers& own, const Part& part, const UINT8* values, UINT32 count) {
  for (UINT32 i = 0; i < part.size; ++i) own.bytes[part.place][part.first + i] = i < count ? values[i] : 0;
  if (part.place < 16 && part.size == 4 && part.first == 0) memset(&own.bytes[part.place][4], 0, 4);
}
VOID find(const char* what, ADDRINT pc) {
  ++findings[{what, pc}];
}

// `from` and `to`: addresses of the first operand that is read and of the first that is written, where there
// are.
VOID propagate(Rule* rule, THREADID thread, ADDRINT from, UINT32 from_size, ADDRINT to, UINT32 to_size) {
  PIN_GetLock(&lock, static_cast<INT32>(thread) + 1);
  Registers& own = registers[thread];
  UINT8 bytes[256] = {};
  UINT32 count = 0;
  bool is_tainted = false;
  for (UINT32 i = 0; i < rule->address_count; ++i) {
    if (!any(own, rule->addresses[i])) continue;
    find("address", rule->pc);
    is_tainted = is_tainted || through_addresses;
  }
  if (rule->memory_reads != 0) {
    count = std::min<UINT32>(from_size, sizeof bytes);
    for (UINT32 i = 0; i < count; ++i) is_tainted |= (bytes[i] = memory.get(from + i)) != 0;
  }
  for (UINT32 k = 0; k < rule->read_count; ++k) {
    const Part& part = rule->reads[k];
    if (rule->copies && count == 0) {
      count = part.size;
      memcpy(bytes, &own.bytes[part.place][part.first], count);
    }
    is_tainted |= any(own, part);
  }
  if (is_tainted && rule->branches) find("branch", rule->pc);
  if (is_tainted && rule->jumps) find("target", rule->pc);
  // The return address that a call pushes is the program's own.
  if (rule->clears || rule->jumps) is_tainted = false;
  const bool by_bytes = rule->copies && !(is_tainted && through_addresses && rule->address_count != 0);
  if (!by_bytes) {
    memset(bytes, is_tainted, sizeof bytes);
    count = sizeof bytes;
  }
  for (UINT32 k = 0; k < rule->write_count; ++k) put(own, rule->writes[k], bytes, count);
  if (rule->memory_writes != 0)
    for (UINT32 i = 0; i < to_size; ++i)
      memory.set(to + i, i < count ? bytes[i] : UINT8(is_tainted && !by_bytes));
  PIN_ReleaseLock(&lock);
}

bool is_move(INS ins) {
  switch (INS_Category(ins)) {
    case XED_CATEGORY_DATAXFER:
    case XED_CATEGORY_PUSH:
    case XED_CATEGORY_POP:
    case XED_CATEGORY_STRINGOP:
      break;
    default:
      return false;
  }
  // A comparison of strings writes the flags, an exchange writes both.
  return !INS_IsXchg(ins) && !INS_RegWContain(ins, REG_RFLAGS);
}

VOID add(Part* parts, UINT32& count, UINT32 most, REG reg) {
  Part part;
  if (count < most && REG_valid(reg) && part_of(reg, part)) parts[count++] = part;
}

VOID instrument(INS ins, VOID*) {
  Rule rule;
  rule.pc = INS_Address(ins);
  rule.copies = is_move(ins);
  rule.branches = INS_IsBranch(ins) && INS_IsDirectControlFlow(ins) && INS_HasFallThrough(ins);
  rule.jumps = INS_IsIndirectControlFlow(ins);
  const bool is_string = INS_IsStringop(ins);
  REG first_read = REG_INVALID(), second_read = REG_INVALID();
  for (UINT32 n = 0; n < INS_OperandCount(ins); ++n) {
    if (INS_OperandIsMemory(ins, n) || INS_OperandIsAddressGenerator(ins, n)) {
      const bool is_lea = INS_OperandIsAddressGenerator(ins, n);
      for (REG reg : {INS_OperandMemoryBaseReg(ins, n), INS_OperandMemoryIndexReg(ins, n)}) {
        if (is_lea) {
          add(rule.reads, rule.read_count, kMost, reg);
        } else if (reg != REG_RIP) {
          add(rule.addresses, rule.address_count, 4, reg);
        }
      }
    } else if (INS_OperandIsReg(ins, n)) {
      const REG reg = INS_OperandReg(ins, n);
      // The registers of a string instruction are addresses and a count.
      if (is_string && INS_OperandIsImplicit(ins, n) && reg != REG_RAX && reg != REG_EAX && reg != REG_AX &&
          reg != REG_AL && !REG_is_flags(reg))
        continue;
      if (INS_OperandRead(ins, n)) {
        (REG_valid(first_read) ? second_read : first_read) = reg;
        add(rule.reads, rule.read_count, kMost, reg);
      }
      if (INS_OperandWritten(ins, n)) add(rule.writes, rule.write_count, kMost, reg);
    }
  }
  const OPCODE opcode = INS_Opcode(ins);
  rule.clears = (opcode == XED_ICLASS_XOR || opcode == XED_ICLASS_SUB || opcode == XED_ICLASS_PXOR ||
                 opcode == XED_ICLASS_VPXOR || opcode == XED_ICLASS_XORPS) &&
                REG_valid(first_read) && first_read == second_read && !INS_IsMemoryRead(ins);
  const bool reads = INS_IsStandardMemop(ins) && INS_IsMemoryRead(ins);
  const bool writes = INS_IsStandardMemop(ins) && INS_IsMemoryWrite(ins);
  rule.memory_reads = reads;
  rule.memory_writes = writes;
  if (rule.read_count + rule.write_count + rule.address_count == 0 && !reads && !writes) return;
  rules.push_back(rule);
  IARGLIST list = IARGLIST_Alloc();
  if (reads)
    IARGLIST_AddArguments(list, IARG_MEMORYREAD_EA, IARG_MEMORYREAD_SIZE, IARG_END);
  else
    IARGLIST_AddArguments(list, IARG_ADDRINT, ADDRINT(0), IARG_UINT32, 0, IARG_END);
  if (writes)
    IARGLIST_AddArguments(list, IARG_MEMORYWRITE_EA, IARG_MEMORYWRITE_SIZE, IARG_END);
  else
    IARGLIST_AddArguments(list, IARG_ADDRINT, ADDRINT(0), IARG_UINT32, 0, IARG_END);
  INS_InsertPredicatedCall(ins, IPOINT_BEFORE, AFUNPTR(propagate), IARG_PTR, &rules.back(), IARG_THREAD_ID,
                           IARG_IARGLIST, list, IARG_END);
  IARGLIST_Free(list);
}

VOID taint(ADDRINT address, UINT64 size, UINT8 value) {
  for (UINT64 i = 0; i < size; ++i) memory.set(address + i, value);
  if (value != 0) source_bytes += size;
}

bool is_source(ADDRINT descriptor) {
  if (!from_files) return false;
  if (only.NumberOfValues() == 0) return true;
  char path[4096];
  const ssize_t length = readlink(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), path, sizeof path);
  const std::string text(path, length < 0 ? 0 : static_cast<size_t>(length));
  for (UINT32 i = 0; i < only.NumberOfValues(); ++i)
    if (text.find(only.Value(i)) != std::string::npos) return true;
  return false;
}

VOID before_call(THREADID thread, CONTEXT* context, SYSCALL_STANDARD standard, VOID*) {
  Call& call = calls[thread];
  call.number = PIN_GetSyscallNumber(context, standard);
  for (UINT32 i = 0; i < 3; ++i) call.arguments[i] = PIN_GetSyscallArgument(context, standard, i);
}

VOID after_call(THREADID thread, CONTEXT* context, SYSCALL_STANDARD standard, VOID*) {
  const Call& call = calls[thread];
  if (PIN_GetSyscallErrno(context, standard) != 0) return;
  UINT64 got = PIN_GetSyscallReturn(context, standard);
  PIN_GetLock(&lock, static_cast<INT32>(thread) + 1);
  memset(registers[thread].bytes[REG_RAX - REG_GR_BASE], 0, kWidest);
  if (call.number == SYS_read || call.number == SYS_pread64 || call.number == SYS_recvfrom) {
    taint(call.arguments[1], got, is_source(call.arguments[0]));
  } else if (call.number == SYS_readv || call.number == SYS_preadv) {
    const bool source = is_source(call.arguments[0]);
    for (UINT64 i = 0; i < call.arguments[2] && got != 0; ++i) {
      iovec part{};
      PIN_SafeCopy(&part, reinterpret_cast<iovec*>(call.arguments[1]) + i, sizeof part);
      const UINT64 size = std::min<UINT64>(got, part.iov_len);
      taint(reinterpret_cast<ADDRINT>(part.iov_base), size, source);
      got -= size;
    }
  }
  PIN_ReleaseLock(&lock);
}

// The first thread's stack begins with the number of arguments and their addresses.
VOID thread_starts(THREADID thread, CONTEXT* context, INT32, VOID*) {
  memset(&registers[thread], 0, sizeof registers[thread]);
  if (!from_arguments || thread != 0) return;
  const ADDRINT* const stack = reinterpret_cast<ADDRINT*>(PIN_GetContextReg(context, REG_STACK_PTR));
  for (ADDRINT i = 1; i < stack[0]; ++i)
    taint(stack[1 + i], strlen(reinterpret_cast<char*>(stack[1 + i])), 1);
}

VOID finish(INT32, VOID*) {
  FILE* out = std::fopen(output_file.Value().c_str(), "w");
  if (out == nullptr) {
    std::cerr << "taint: cannot write " << output_file.Value() << "\n";
    return;
  }
  std::fprintf(out, "source_bytes %lu\n", source_bytes);
  for (const auto& [where, times] : findings) {
    IMG img = IMG_FindByAddress(where.second);
    const std::string path = IMG_Valid(img) ? IMG_Name(img) : "?";
    std::fprintf(out, "%s 0x%lx times %lu %s %s+0x%lx\n", where.first.c_str(), where.second, times,
                 RTN_FindNameByAddress(where.second).c_str(), path.substr(path.rfind('/') + 1).c_str(),
                 where.second - (IMG_Valid(img) ? IMG_LowAddress(img) : 0));
  }
  std::fclose(out);
}

}  // namespace

int main(int argc, char** argv) {
  PIN_InitSymbols();
  if (PIN_Init(argc, argv)) {
    std::cerr << "Follows what comes from outside to branches and addresses.\n"
              << KNOB_BASE::StringKnobSummary();
    return 2;
  }
  PIN_InitLock(&lock);
  INS_AddInstrumentFunction(instrument, nullptr);
  PIN_AddSyscallEntryFunction(before_call, nullptr);
  PIN_AddSyscallExitFunction(after_call, nullptr);
  PIN_AddThreadStartFunction(thread_starts, nullptr);
  PIN_AddFiniFunction(finish, nullptr);
  PIN_StartProgram();
}

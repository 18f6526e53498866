// The oracle: runs a program one instruction at a time by ptrace(2) and says what it did, so that an engine's
// counts and records can be compared with the truth.
//
//   step [--trace FILE] [--vectors FILE] [--memory FILE] [--image NAME] [--limit N] [--first LOW:HIGH] --
//   COMMAND [ARGS]
//
// Prints "steps N repeated R distinct D" behind the end of the program to descriptor 2. A step is an
// instruction, or one iteration of a repeated string instruction; repeated are the iterations behind the
// first; distinct are steps without them. An instruction that faults is no step; one that traps is. A handler
// that is entered is none.
//
// --trace    for each step a line: pc, a digest of the registers and flags before it
// --vectors  the same, where also the vector registers, of the width that the processor has, and the mask
// registers count
// --memory   for each memory access of an instruction a line: pc, r or w, address, size, value (what was
// read, or
//            what lies there behind the instruction), in the order of the operands; stack accesses included
// --image    only instructions in mappings whose file ends in NAME, for --memory
// --limit    ends the program after so many steps
//
// One thread, no children: a program that makes threads is stepped in its first one only. Address
// randomisation is off. Exit code: the program's own, 128 + signal, 125 when it cannot be stepped.
#include <Zydis/Zydis.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

#include "vector_state.h"

namespace {

using Registers = user_regs_struct;

struct Options {
  FILE* trace = nullptr;
  FILE* memory = nullptr;
  FILE* vectors = nullptr;
  std::string image;
  uint64_t limit = ~0ull;
  char** command = nullptr;
};

struct Access {
  bool write = false;
  uint64_t address = 0;
  uint32_t size = 0;
};

[[noreturn]] void fail(const char* what) {
  fprintf(stderr, "step: %s: %s\n", what, strerror(errno));
  exit(125);
}

class Stepper {
 public:
  Stepper(pid_t process, const Options& options) : process_(process), options_(options) {
    ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  }

  int run();

 private:
  bool read(uint64_t address, void* to, size_t size) const {
    iovec local{to, size}, remote{reinterpret_cast<void*>(address), size};
    return process_vm_readv(process_, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
  }
  size_t read_code(uint64_t address, uint8_t* bytes) const;
  bool in_image(uint64_t pc);
  void find_accesses(const Registers& registers);
  void add_elements(const ZydisDecodedInstruction& instruction, const ZydisDecodedOperand* operands,
                    const ZydisDecodedOperand& memory, const uint64_t* general, const Registers& r);
  void print_accesses(bool writes);

  pid_t process_;
  const Options& options_;
  ZydisDecoder decoder_;
  std::vector<Access> accesses_;
  uint64_t accesses_pc_ = 0;
  std::unordered_map<uint64_t, bool> page_in_image_;
};

size_t Stepper::read_code(uint64_t address, uint8_t* bytes) const {
  if (read(address, bytes, 15)) return 15;
  const size_t rest = 4096 - (address & 4095);
  return rest < 15 && read(address, bytes, rest) ? rest : 0;
}

bool Stepper::in_image(uint64_t pc) {
  if (options_.image.empty()) return true;
  const auto found = page_in_image_.find(pc >> 12);
  if (found != page_in_image_.end()) return found->second;
  bool result = false;
  char path[64], line[4400];
  snprintf(path, sizeof path, "/proc/%d/maps", process_);
  FILE* maps = fopen(path, "r");
  while (maps != nullptr && fgets(line, sizeof line, maps) != nullptr) {
    uint64_t low = 0, high = 0;
    if (sscanf(line, "%lx-%lx", &low, &high) != 2 || pc < low || pc >= high) continue;
    std::string name = line;
    while (!name.empty() && name.back() == '\n') name.pop_back();
    result = name.size() >= options_.image.size() &&
             name.compare(name.size() - options_.image.size(), std::string::npos, options_.image) == 0;
  }
  if (maps != nullptr) fclose(maps);
  page_in_image_[pc >> 12] = result;
  return result;
}

// Of a gather or scatter, the elements that its mask lets be accessed.
void Stepper::add_elements(const ZydisDecodedInstruction& instruction, const ZydisDecodedOperand* operands,
                           const ZydisDecodedOperand& memory, const uint64_t* general, const Registers& r) {
  test::VectorState state;
  if (!test::read_vector_state(process_, state)) fail("PTRACE_GETREGSET");
  const std::string name =
      ZydisMnemonicGetString(instruction.mnemonic);  // v[p]gather or v[p]scatter, then d or q, ...
  const char index_type = name[name.find("er") + 2];
  const bool is_scatter = name.find("scatter") != std::string::npos;
  const ZydisDecodedOperand& data = operands[is_scatter ? 2 : 0];
  const bool has_mask_register = instruction.encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX;
  const ZydisRegister mask = operands[is_scatter ? 1 : has_mask_register ? 1 : 2].reg.value;
  const unsigned size = name.back() == 'q' || name.back() == 'd' ? (name.back() == 'q' ? 8 : 4) : 0;
  const unsigned bytes = name.ends_with("pd") ? 8 : name.ends_with("ps") ? 4 : size;
  const auto width = [](ZydisRegister reg) {
    return ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, reg) / 8u;
  };
  const unsigned index_bytes = index_type == 'q' ? 8 : 4;
  const unsigned count = std::min(width(data.reg.value) / bytes, width(memory.mem.index) / index_bytes);
  const int8_t index_number = ZydisRegisterGetId(memory.mem.index);
  const uint64_t base =
      memory.mem.base == ZYDIS_REGISTER_NONE ? 0 : general[ZydisRegisterGetId(memory.mem.base)];
  for (unsigned i = 0; i < count; ++i) {
    const int8_t mask_number = ZydisRegisterGetId(mask);
    const bool is_on = has_mask_register ? (state.masks[mask_number] >> i & 1) != 0
                                         : (state.vectors[mask_number][bytes * i + bytes - 1] & 0x80) != 0;
    if (!is_on) continue;
    int64_t index = 0;
    std::memcpy(&index, state.vectors[index_number] + index_bytes * i, index_bytes);
    if (index_bytes == 4) index = static_cast<int32_t>(index);
    uint64_t address = base + static_cast<uint64_t>(index * memory.mem.scale + memory.mem.disp.value);
    if (memory.mem.segment == ZYDIS_REGISTER_FS) address += r.fs_base;
    if (memory.mem.segment == ZYDIS_REGISTER_GS) address += r.gs_base;
    accesses_.push_back({is_scatter, address, bytes});
  }
}

// The memory operands of the instruction at pc with the addresses that they have now.
void Stepper::find_accesses(const Registers& r) {
  accesses_.clear();
  accesses_pc_ = r.rip;
  if (!in_image(r.rip)) return;
  uint8_t bytes[15];
  const size_t size = read_code(r.rip, bytes);
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  if (size == 0 || !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder_, bytes, size, &instruction, operands)))
    return;
  // A nop's operand is not looked at.
  if (instruction.meta.category == ZYDIS_CATEGORY_NOP || instruction.meta.category == ZYDIS_CATEGORY_WIDENOP)
    return;
  ZydisRegisterContext context;
  memset(&context, 0, sizeof context);
  const uint64_t general[16] = {r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi,
                                r.r8,  r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15};
  for (int i = 0; i < 16; ++i) {
    context.values[ZYDIS_REGISTER_RAX + i] = general[i];
    context.values[ZYDIS_REGISTER_EAX + i] = general[i] & 0xffffffff;
  }
  context.values[ZYDIS_REGISTER_RIP] = r.rip;
  const bool repeated_none = (instruction.attributes &
                              (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE)) != 0 &&
                             r.rcx == 0;
  for (int i = 0; i < instruction.operand_count; ++i) {
    const ZydisDecodedOperand& operand = operands[i];
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.type == ZYDIS_MEMOP_TYPE_VSIB)
      add_elements(instruction, operands, operand, general, r);
    if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY || operand.mem.type != ZYDIS_MEMOP_TYPE_MEM ||
        repeated_none)
      continue;
    ZyanU64 address = 0;
    if (!ZYAN_SUCCESS(ZydisCalcAbsoluteAddressEx(&instruction, &operand, r.rip, &context, &address)))
      continue;
    const auto bytes_count = static_cast<uint32_t>(operand.size / 8);
    if (operand.mem.segment == ZYDIS_REGISTER_FS) address += r.fs_base;
    if (operand.mem.segment == ZYDIS_REGISTER_GS) address += r.gs_base;
    // What is pushed lies below the old stack pointer; pop computes an address from rsp with the new one.
    const bool stack =
        operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN && operand.mem.base == ZYDIS_REGISTER_RSP;
    const bool writes = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
    const bool reads = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
    // An address-size prefix does not concern them.
    if (stack) address = writes ? r.rsp - bytes_count : r.rsp;
    if (!stack && operand.mem.base == ZYDIS_REGISTER_RSP && instruction.mnemonic == ZYDIS_MNEMONIC_POP)
      address += bytes_count;
    if (reads) accesses_.push_back({false, address, bytes_count});
    if (writes) accesses_.push_back({true, address, bytes_count});
  }
}

void Stepper::print_accesses(bool writes) {
  for (const Access& access : accesses_) {
    if (access.write != writes) continue;
    uint8_t value[64] = {};
    const uint32_t size = access.size < sizeof value ? access.size : sizeof value;
    fprintf(options_.memory, "%lx %c %lx %u ", accesses_pc_, access.write ? 'w' : 'r', access.address,
            access.size);
    if (!read(access.address, value, size)) {
      fprintf(options_.memory, "?\n");
      continue;
    }
    for (uint32_t i = 0; i < size; ++i) fprintf(options_.memory, "%02x", value[i]);
    fprintf(options_.memory, "\n");
  }
}

bool is_repeated_string(const uint8_t* bytes) {
  bool repeated = false;
  for (int i = 0; i < 14; ++i) {
    const uint8_t byte = bytes[i];
    if (byte == 0xf2 || byte == 0xf3) {
      repeated = true;
    } else if (byte != 0x66 && byte != 0x67 && byte != 0x2e && byte != 0x36 && byte != 0x3e && byte != 0x26 &&
               byte != 0x64 && byte != 0x65 && (byte & 0xf0) != 0x40) {
      return repeated && ((byte >= 0xa4 && byte <= 0xa7) || (byte >= 0xaa && byte <= 0xaf) ||
                          (byte >= 0x6c && byte <= 0x6f));
    }
  }
  return false;
}

// Without the trap flag in r11, where a system call leaves it: it is the stepper's own.
uint64_t digest(const Registers& r) {
  const uint64_t values[] = {r.rax, r.rcx, r.rdx, r.rbx, r.rsp,           r.rbp,
                             r.rsi, r.rdi, r.r8,  r.r9,  r.r10,           r.r11 & ~uint64_t{0x100},
                             r.r12, r.r13, r.r14, r.r15, r.eflags & 0xcd5};
  uint64_t result = 0xcbf29ce484222325;
  for (uint64_t value : values) {
    result = (result ^ value) * 0x9fb21c651e98df25;
    result ^= result >> 29;
  }
  return result;
}

uint64_t digest(uint64_t result, const test::VectorState& state) {
  const auto add = [&result](const void* bytes, size_t size) {
    for (size_t i = 0; i < size; i += 8) {
      uint64_t value;
      std::memcpy(&value, static_cast<const uint8_t*>(bytes) + i, sizeof value);
      result = (result ^ value) * 0x9fb21c651e98df25;
      result ^= result >> 29;
    }
  };
  // As the tool that this is compared with has them: what the processor lacks does not count.
  const bool has_512 = __builtin_cpu_supports("avx512f") != 0;
  for (unsigned i = 0; i < (has_512 ? 32u : 16u); ++i)
    add(state.vectors[i], has_512 ? 64 : __builtin_cpu_supports("avx") != 0 ? 32 : 16);
  if (has_512) add(state.masks, sizeof state.masks);
  return result;
}

int Stepper::run() {
  uint64_t steps = 0, repeated = 0;
  int signal = 0, status = 0;
  for (;;) {
    Registers before;
    if (ptrace(PTRACE_GETREGS, process_, nullptr, &before) != 0) fail("PTRACE_GETREGS");
    if (options_.memory != nullptr && signal == 0) {
      find_accesses(before);
      print_accesses(false);
    }
    test::VectorState vectors;
    if (options_.vectors != nullptr && !test::read_vector_state(process_, vectors)) fail("PTRACE_GETREGSET");
    if (steps >= options_.limit) {
      kill(process_, SIGKILL);
      waitpid(process_, &status, 0);
      fprintf(stderr, "steps %lu repeated %lu distinct %lu\n", steps, repeated, steps - repeated);
      return 0;
    }
    if (ptrace(PTRACE_SINGLESTEP, process_, nullptr, signal) != 0) fail("PTRACE_SINGLESTEP");
    if (waitpid(process_, &status, __WALL) != process_) fail("waitpid");
    const bool delivered = signal != 0;
    signal = 0;
    bool executed = true;
    if (WIFSTOPPED(status)) {
      siginfo_t information{};
      ptrace(PTRACE_GETSIGINFO, process_, nullptr, &information);
      const int stop = WSTOPSIG(status);
      // The kernel reports the entry of a handler as a trap of its own kind; no instruction has run.
      if (stop == SIGTRAP && information.si_code == SIGTRAP) executed = false;
      // Another signal: a fault (nothing was executed), or one from outside.
      if (stop != SIGTRAP || (information.si_code != TRAP_TRACE && information.si_code != TRAP_BRKPT &&
                              information.si_code != TRAP_HWBKPT && information.si_code != SIGTRAP)) {
        signal = stop;
        Registers now;
        ptrace(PTRACE_GETREGS, process_, nullptr, &now);
        executed = now.rip != before.rip && !delivered;
      }
    } else if (WIFSIGNALED(status)) {
      executed = false;
    }
    if (executed) {
      ++steps;
      if (options_.trace != nullptr)
        fprintf(options_.trace, "%lx %016lx\n", static_cast<uint64_t>(before.rip), digest(before));
      if (options_.vectors != nullptr)
        fprintf(options_.vectors, "%lx %016lx\n", static_cast<uint64_t>(before.rip),
                digest(digest(before), vectors));
      if (options_.memory != nullptr) print_accesses(true);
    }
    if (WIFEXITED(status) || WIFSIGNALED(status)) break;
    Registers after;
    if (ptrace(PTRACE_GETREGS, process_, nullptr, &after) != 0) fail("PTRACE_GETREGS");
    if (executed && after.rip == before.rip) {
      uint8_t bytes[16] = {};
      if (read_code(after.rip, bytes) != 0 && is_repeated_string(bytes)) ++repeated;
    }
  }
  fprintf(stderr, "steps %lu repeated %lu distinct %lu\n", steps, repeated, steps - repeated);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

FILE* open_output(const char* name) {
  FILE* file = fopen(name, "w");
  if (file == nullptr) fail(name);
  return file;
}

bool parse(int count, char** words, Options& options) {
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word == "--") {
      options.command = words + i + 1;
      return i + 1 < count;
    }
    if (i + 1 >= count) return false;
    const char* value = words[++i];
    if (word == "--trace")
      options.trace = open_output(value);
    else if (word == "--vectors")
      options.vectors = open_output(value);
    else if (word == "--memory")
      options.memory = open_output(value);
    else if (word == "--image")
      options.image = value;
    else if (word == "--limit")
      options.limit = strtoull(value, nullptr, 0);
    else
      return false;
  }
  return false;
}

}  // namespace

int main(int count, char** words) {
  Options options;
  if (!parse(count, words, options)) {
    fprintf(stderr,
            "usage: step [--trace FILE] [--vectors FILE] [--memory FILE] [--image NAME] [--limit N] -- "
            "COMMAND [ARGS]\n");
    return 2;
  }
  const pid_t process = fork();
  if (process < 0) fail("fork");
  if (process == 0) {
    personality(ADDR_NO_RANDOMIZE);
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    execvp(options.command[0], options.command);
    _exit(127);
  }
  int status = 0;
  if (waitpid(process, &status, 0) != process) fail("waitpid");
  if (!WIFSTOPPED(status)) {
    fprintf(stderr, "step: %s cannot be run\n", options.command[0]);
    return 125;
  }
  ptrace(PTRACE_SETOPTIONS, process, nullptr, PTRACE_O_EXITKILL);
  const int code = Stepper(process, options).run();
  if (options.trace != nullptr) fclose(options.trace);
  if (options.vectors != nullptr) fclose(options.vectors);
  if (options.memory != nullptr) fclose(options.memory);
  return code;
}

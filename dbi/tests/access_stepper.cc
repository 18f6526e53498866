// Runs a program one instruction at a time by ptrace(2) and prints what each does to memory:
//
//   i PC             an instruction, each repetition of a REP too
//   r PC ADDRESS SIZE BYTES
//   w PC ADDRESS SIZE BEFORE AFTER
//
// An oracle for recordings: it shares nothing with the engine but the processor and the decoder's tables.
//
// usage: access_stepper PROGRAM [ARGUMENTS]; ends with the program's exit code
#include <Zydis/Zydis.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

struct Access {
  uint64_t address = 0;
  uint32_t size = 0;
  bool read = false, written = false;
  std::vector<uint8_t> before;
};

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(120);
}

std::vector<uint8_t> bytes_at(pid_t child, uint64_t address, size_t size) {
  std::vector<uint8_t> bytes(size);
  const iovec local{bytes.data(), size}, remote{reinterpret_cast<void*>(address), size};
  if (process_vm_readv(child, &local, 1, &remote, 1, 0) != static_cast<ssize_t>(size)) bytes.clear();
  return bytes;
}

uint64_t value_of(ZydisRegister name, const user_regs_struct& r) {
  switch (ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, name)) {
    case ZYDIS_REGISTER_RAX:
      return r.rax;
    case ZYDIS_REGISTER_RBX:
      return r.rbx;
    case ZYDIS_REGISTER_RCX:
      return r.rcx;
    case ZYDIS_REGISTER_RDX:
      return r.rdx;
    case ZYDIS_REGISTER_RSI:
      return r.rsi;
    case ZYDIS_REGISTER_RDI:
      return r.rdi;
    case ZYDIS_REGISTER_RBP:
      return r.rbp;
    case ZYDIS_REGISTER_RSP:
      return r.rsp;
    case ZYDIS_REGISTER_R8:
      return r.r8;
    case ZYDIS_REGISTER_R9:
      return r.r9;
    case ZYDIS_REGISTER_R10:
      return r.r10;
    case ZYDIS_REGISTER_R11:
      return r.r11;
    case ZYDIS_REGISTER_R12:
      return r.r12;
    case ZYDIS_REGISTER_R13:
      return r.r13;
    case ZYDIS_REGISTER_R14:
      return r.r14;
    case ZYDIS_REGISTER_R15:
      return r.r15;
    default:
      return 0;
  }
}

// Condition of cmovCC, from the low bits of its opcode.
bool holds(uint8_t code, uint64_t flags) {
  const bool carry = flags & 1, parity = flags & 4, zero = flags & 0x40, sign = flags & 0x80,
             overflow = flags & 0x800;
  bool result = false;
  switch (code >> 1 & 7) {
    case 0:
      result = overflow;
      break;
    case 1:
      result = carry;
      break;
    case 2:
      result = zero;
      break;
    case 3:
      result = carry || zero;
      break;
    case 4:
      result = sign;
      break;
    case 5:
      result = parity;
      break;
    case 6:
      result = sign != overflow;
      break;
    case 7:
      result = zero || sign != overflow;
      break;
  }
  return result != static_cast<bool>(code & 1);
}

std::vector<Access> accesses_of(const ZydisDecodedInstruction& one, const ZydisDecodedOperand* operands,
                                const user_regs_struct& r) {
  std::vector<Access> result;
  const bool repeats =
      (one.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE)) != 0;
  if (repeats && r.rcx == 0) return result;
  if (one.meta.category == ZYDIS_CATEGORY_CMOV && !holds(one.opcode, r.eflags)) return result;
  for (unsigned i = 0; i < one.operand_count; ++i) {
    const ZydisDecodedOperand& operand = operands[i];
    if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY || operand.mem.type != ZYDIS_MEMOP_TYPE_MEM) continue;
    const bool hidden = operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
    Access access;
    access.size = operand.size / 8;
    access.read = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
    access.written = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
    uint64_t address = static_cast<uint64_t>(operand.mem.disp.has_displacement ? operand.mem.disp.value : 0);
    if (operand.mem.base == ZYDIS_REGISTER_RIP)
      address += r.rip + one.length;
    else
      address += value_of(operand.mem.base, r);
    address += value_of(operand.mem.index, r) * operand.mem.scale;
    if (operand.mem.segment == ZYDIS_REGISTER_FS) address += r.fs_base;
    // What pushes, pushes below where rsp points now; what a pop writes to may lie above that.
    if (hidden && operand.mem.base == ZYDIS_REGISTER_RSP && access.written) address -= access.size;
    access.address = address;
    result.push_back(access);
  }
  return result;
}

void print(char kind, uint64_t pc, const Access& access, const std::vector<uint8_t>& first,
           const std::vector<uint8_t>* second) {
  std::printf("%c %#lx %#lx %u ", kind, pc, access.address, access.size);
  for (const uint8_t byte : first) std::printf("%02x", byte);
  if (second != nullptr) {
    std::putchar(' ');
    for (const uint8_t byte : *second) std::printf("%02x", byte);
  }
  std::putchar('\n');
}

int trace(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) die("start");
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  for (;;) {
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, child, nullptr, &registers) != 0) die("registers");
    std::vector<uint8_t> code;
    for (size_t size = 15; size > 0 && code.empty(); --size) code = bytes_at(child, registers.rip, size);
    ZydisDecodedInstruction one;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code.data(), code.size(), &one, operands)))
      die("decode");
    std::vector<Access> accesses = accesses_of(one, operands, registers);
    std::printf("i %#llx\n", registers.rip);
    for (Access& access : accesses) {
      access.before = bytes_at(child, access.address, access.size);
      if (access.read) print('r', registers.rip, access, access.before, nullptr);
    }
    if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) die("step");
    if (waitpid(child, &status, 0) != child) die("wait");
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
    // The trap flag is ours, not the program's: what pushf stores must not have it.
    if (one.mnemonic == ZYDIS_MNEMONIC_PUSHFQ && accesses.size() == 1) {
      constexpr long kTrapFlag = 0x100;
      void* const at = reinterpret_cast<void*>(accesses[0].address);
      const long flags = ptrace(PTRACE_PEEKDATA, child, at, nullptr);
      if (ptrace(PTRACE_POKEDATA, child, at, flags & ~kTrapFlag) != 0) die("flags");
    }
    for (const Access& access : accesses) {
      if (!access.written) continue;
      const std::vector<uint8_t> after = bytes_at(child, access.address, access.size);
      print('w', registers.rip, access, access.before, &after);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 120;
  const pid_t child = fork();
  if (child == 0) {
    personality(ADDR_NO_RANDOMIZE);
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    execv(argv[1], argv + 1);
    std::_Exit(121);
  }
  return trace(child);
}

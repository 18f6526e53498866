// A runtime for tests of the launcher: it arrives in the program as the engine does, uses its own C library,
// says what it was told when asked to, and goes back to the program, which then runs natively.
//
// Arguments (where the engine's stand):  -say TEXT  writes "TEXT ARGUMENTS" to descriptor 2;  -fail  ends.
#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "engine/os/arrival.h"

using isotach::dbi::Handover;
using isotach::dbi::ProgramRegisters;

extern "C" {
uint64_t native_target;
[[noreturn]] void go_native(const ProgramRegisters* registers);
}

asm(R"(
.text
.globl go_native
go_native:
  mov 0x80(%rdi), %rax
  mov %rax, native_target(%rip)
  pushq 0x90(%rdi)
  popfq
  mov 0x00(%rdi), %r15
  mov 0x08(%rdi), %r14
  mov 0x10(%rdi), %r13
  mov 0x18(%rdi), %r12
  mov 0x20(%rdi), %rbp
  mov 0x28(%rdi), %rbx
  mov 0x30(%rdi), %r11
  mov 0x38(%rdi), %r10
  mov 0x40(%rdi), %r9
  mov 0x48(%rdi), %r8
  mov 0x50(%rdi), %rax
  mov 0x58(%rdi), %rcx
  mov 0x60(%rdi), %rdx
  mov 0x68(%rdi), %rsi
  mov 0x98(%rdi), %rsp
  mov 0x70(%rdi), %rdi
  jmp *native_target(%rip)
)");

// Each thread sets its mask on the program's stack below the red zone, then goes on where it was.
extern "C" void native_set_mask();
asm(R"(
.text
.globl native_set_mask
native_set_mask:        # rsp: below the frame that take_over_natively() has made
  pushq %rax
  pushq %rdi
  pushq %rsi
  pushq %rdx
  pushq %r10
  pushq %rcx
  pushq %r11
  pushfq
  mov $14, %eax         # rt_sigprocmask
  mov $2, %edi          # SIG_SETMASK
  lea 64(%rsp), %rsi
  xor %edx, %edx
  mov $8, %r10d
  syscall
  popfq
  popq %r11
  popq %rcx
  popq %r10
  popq %rdx
  popq %rsi
  popq %rdi
  popq %rax
  lea 8(%rsp), %rsp
  ret $128
)");

void take_over_natively(const Handover& handover) {
  auto* threads = reinterpret_cast<isotach::dbi::StoppedThread*>(handover.threads);
  for (uint64_t i = 0; i < handover.thread_count; i++) {
    isotach::dbi::StoppedThread& thread = threads[i];
    auto* frame = reinterpret_cast<uint64_t*>(thread.registers.rsp - 128 - 16);
    frame[0] = thread.signal_mask;
    frame[1] = thread.registers.rip;
    thread.resume = thread.registers;
    thread.resume.rsp = reinterpret_cast<uint64_t>(frame);
    thread.resume.rip = reinterpret_cast<uint64_t>(native_set_mask);
  }
}

int main(int argc, char** argv) {
  Handover* handover = isotach::dbi::arrive(argc, argv);
  if (!handover) return 1;
  std::vector<std::string> words;
  for (uint32_t i = 0; i < handover->argument_count; i++)
    words.emplace_back(reinterpret_cast<char**>(handover->arguments)[i]);
  for (size_t i = 0; i < words.size(); i++) {
    if (words[i] == "-fail") return 3;
    if (words[i] != "-say") continue;
    std::string line = words[i + 1];
    for (const std::string& word : words) line += " " + word;
    line += "\n";
    if (write(2, line.data(), line.size()) < 0) return 4;
  }
  if (handover->take_over == isotach::dbi::TakeOver::attach) {
    for (const std::string& word : words) {
      if (word == "-crash") *static_cast<volatile int*>(nullptr) = 1;
      if (word == "-hesitate") return 0;
    }
    // Threads go on as they are, but for the signal mask, which only the launcher of an engine leaves to it.
    take_over_natively(*handover);
    handover->ready = 1;
    syscall(SYS_set_tid_address, nullptr);
    for (;;) syscall(SYS_exit, 0);
  }
  // At its first instruction the vector registers of a program are clear.
  asm volatile("fninit; pxor %%xmm0, %%xmm0" ::: "xmm0");
  const ProgramRegisters registers = handover->registers;
  syscall(SYS_arch_prctl, ARCH_SET_FS, 0);  // no C from here on: the thread control block is gone
  go_native(&registers);
}

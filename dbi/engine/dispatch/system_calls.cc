#include "engine/dispatch/system_calls.h"

#include <asm/prctl.h>
#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "engine/dispatch/attach.h"
#include "engine/dispatch/code_pages.h"
#include "engine/dispatch/engine.h"
#include "engine/dispatch/signals.h"
#include "engine/dispatch/single_step.h"
#include "engine/dispatch/stop_threads.h"
#include "engine/dispatch/threads.h"
#include "engine/os/private_fds.h"
#include "engine/os/raw_syscall.h"

extern "C" int64_t isotach_program_system_call(const uint64_t* registers, uint64_t number,
                                               const uint32_t* pending);

namespace isotach::dbi {
namespace {

constexpr int64_t kNoResult = -4097;  // the registers are set already
constexpr uint64_t kPageBytes = 4096;

int64_t pass(ThreadContext& context) {
  const uint64_t number = context.registers[rax];
  begin_system_call(context);
  int64_t result = isotach_program_system_call(context.registers, number, &context.pending);
  // The kernel cannot write to pages whose code we guard.
  if (result == -EFAULT && let_all_code_be_written()) {
    result = isotach_program_system_call(context.registers, number, &context.pending);
  }
  end_system_call(context);
  return result;
}

int64_t arch_prctl(ThreadContext& context) {
  const uint64_t value = context.registers[rsi];
  const auto is_canonical = [](uint64_t address) { return address < uint64_t{1} << 47; };
  switch (context.registers[rdi]) {
    case ARCH_SET_FS:
      if (!is_canonical(value)) return -EPERM;
      context.program_fs = value;
      return 0;
    case ARCH_SET_GS:
      if (!is_canonical(value)) return -EPERM;
      context.program_gs = value;
      return 0;
    case ARCH_GET_FS:
      return isotach_safe_copy(reinterpret_cast<void*>(value), &context.program_fs, 8) ? 0 : -EFAULT;
    case ARCH_GET_GS:
      return isotach_safe_copy(reinterpret_cast<void*>(value), &context.program_gs, 8) ? 0 : -EFAULT;
    default:
      return pass(context);
  }
}

uint64_t round_up(uint64_t size) {
  return (size + kPageBytes - 1) & ~(kPageBytes - 1);
}

void memory_changed(uint64_t begin, uint64_t size, bool is_unmapped) {
  const uint64_t end = begin + round_up(size);
  if (end <= begin) return;
  forget_protection(begin, end);
  flush_code(begin, end);
  if (is_unmapped && engine().events.memory_unmapped != nullptr) engine().events.memory_unmapped(begin, end);
}

int64_t change_memory(ThreadContext& context) {
  const uint64_t number = context.registers[rax];
  const uint64_t address = context.registers[rdi];
  const uint64_t size = context.registers[rsi];
  // These leave our protection on the pages, where they are or somewhere else.
  if (number == SYS_mremap || number == SYS_madvise) let_code_be_written(address, address + round_up(size));
  const int64_t result = pass(context);
  if (result < 0 && result > -4096) return result;
  switch (number) {
    case SYS_munmap:
      memory_changed(address, size, true);
      break;
    case SYS_mprotect:
    case SYS_pkey_mprotect:
      memory_changed(address, size, false);
      break;
    case SYS_mmap:
      memory_changed(static_cast<uint64_t>(result), size, (context.registers[r10] & MAP_FIXED) != 0);
      break;
    case SYS_mremap:
      memory_changed(address, size, true);
      memory_changed(static_cast<uint64_t>(result), context.registers[rdx], true);
      break;
    case SYS_madvise:
      if (context.registers[rdx] == MADV_DONTNEED || context.registers[rdx] == MADV_REMOVE) {
        memory_changed(address, size, false);
      }
      break;
    default:
      break;
  }
  return result;
}

int64_t shared_memory_detached(ThreadContext& context) {
  Mapping mapping;
  const uint64_t address = context.registers[rdi];
  const bool is_known = engine().memory.find(address, mapping);
  const int64_t result = pass(context);
  if (result == 0 && is_known) memory_changed(mapping.begin, mapping.end - mapping.begin, true);
  return result;
}

int64_t clone_by_registers(ThreadContext& context, uint64_t next_pc) {
  CloneArguments arguments;
  arguments.flags = context.registers[rdi] & 0xffffff00;
  arguments.exit_signal = context.registers[rdi] & 0xff;
  arguments.stack = context.registers[rsi];
  arguments.parent_tid = context.registers[rdx];
  arguments.pidfd = context.registers[rdx];
  arguments.child_tid = context.registers[r10];
  arguments.tls = context.registers[r8];
  return program_clone(context, arguments, next_pc);
}

// struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, ...
int64_t clone_by_struct(ThreadContext& context, uint64_t next_pc) {
  const uint64_t size = context.registers[rsi];
  uint64_t fields[11] = {};
  if (size < 64 || size > sizeof fields) return size < 64 ? -EINVAL : -ENOSYS;
  if (!isotach_safe_copy(fields, reinterpret_cast<void*>(context.registers[rdi]), size)) return -EFAULT;
  const bool is_plain = fields[8] == 0 && fields[9] == 0 && (fields[0] >> 32) == 0;
  if (!is_plain) return -ENOSYS;  // chosen thread ids, control groups: callers fall back to clone(2)
  CloneArguments arguments;
  arguments.flags = fields[0];
  arguments.pidfd = fields[1];
  arguments.child_tid = fields[2];
  arguments.parent_tid = fields[3];
  arguments.exit_signal = fields[4];
  arguments.stack = fields[5] != 0 ? fields[5] + fields[6] : 0;
  arguments.tls = fields[7];
  // clone(2) has one word for both.
  if ((arguments.flags & CLONE_PIDFD) != 0 && (arguments.flags & CLONE_PARENT_SETTID) != 0) return -ENOSYS;
  return program_clone(context, arguments, next_pc);
}

int64_t execute_program(ThreadContext& context) {
  Engine& engine = dbi::engine();
  // What exec keeps must be the program's: ignored faults, blocked faults.
  give_back_signals(context, false);
  const uint64_t faults = context.signals->blocked_faults;
  if (faults != 0) raw_syscall(SYS_rt_sigprocmask, SIG_BLOCK, reinterpret_cast<uint64_t>(&faults), 0, 8);
  protect_private_fds_at_exec();
  int64_t result;
  if (engine.events.exec_follow != nullptr && engine.options.follow_exec) {
    result = engine.events.exec_follow(context);
  } else {
    result = pass(context);
  }
  if (faults != 0) raw_syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, reinterpret_cast<uint64_t>(&faults), 0, 8);
  return result;
}

int64_t close_descriptor(ThreadContext& context) {
  const uint64_t number = context.registers[rax];
  uint64_t* r = context.registers;
  if (number == SYS_close_range) return close_range_of_program(r[rdi], r[rsi], r[rdx]);
  const uint64_t closed = number == SYS_close ? r[rdi] : r[rsi];
  if (is_private_fd(static_cast<int>(closed))) return -EBADF;
  return pass(context);
}

}  // namespace

void program_system_call(ThreadContext& context, unsigned length) {
  Engine& engine = dbi::engine();
  uint64_t* r = context.registers;
  const uint64_t next_pc = context.pc + length;
  if (__atomic_load_n(&context.pending, __ATOMIC_RELAXED) != 0) return;  // the signal first
  if (engine.events.system_call_entry != nullptr) engine.events.system_call_entry(context);
  int64_t result = kNoResult;
  switch (r[rax]) {
    case SYS_arch_prctl:
      result = arch_prctl(context);
      break;
    case SYS_rseq:
      result = program_rseq(context, r[rdi], r[rsi], r[rdx], r[r10]);
      break;
    case SYS_restart_syscall:
      result = pass(context);
      context.is_restarting = 0;
      break;
    case SYS_munmap:
    case SYS_mprotect:
    case SYS_pkey_mprotect:
    case SYS_mmap:
    case SYS_mremap:
    case SYS_madvise:
      result = change_memory(context);
      break;
    case SYS_shmdt:
      result = shared_memory_detached(context);
      break;
    case SYS_clone:
      result = clone_by_registers(context, next_pc);
      break;
    case SYS_clone3:
      result = clone_by_struct(context, next_pc);
      break;
    case SYS_fork:
      result = program_clone(context, {0, SIGCHLD}, next_pc);
      break;
    case SYS_vfork:
      result = program_clone(context, {CLONE_VM | CLONE_VFORK, SIGCHLD}, next_pc);
      break;
    case SYS_execve:
    case SYS_execveat:
      result = execute_program(context);
      break;
    case SYS_exit:
      program_exit_thread(context, static_cast<int>(r[rdi]));
    case SYS_exit_group:
      program_exit_process(context, static_cast<int>(r[rdi]));
    case SYS_close:
    case SYS_dup2:
    case SYS_dup3:
    case SYS_close_range:
      result = close_descriptor(context);
      break;
    case SYS_rt_sigaction:
      result = program_sigaction(context, static_cast<int>(r[rdi]), r[rsi], r[rdx], r[r10]);
      break;
    case SYS_rt_sigprocmask:
      result = program_sigprocmask(context, static_cast<int>(r[rdi]), r[rsi], r[rdx], r[r10]);
      break;
    case SYS_sigaltstack:
      result = program_sigaltstack(context, r[rdi], r[rsi]);
      break;
    case SYS_rt_sigreturn:
      if (engine.events.context_changing != nullptr) {
        engine.events.context_changing(context, ContextChange::return_from_signal, 0);
      }
      if (!program_sigreturn(context)) {
        raise_fault(context, SIGSEGV, SI_KERNEL, 0);
      } else if (engine.events.context_changed != nullptr) {
        engine.events.context_changed(context, ContextChange::return_from_signal, 0);
      }
      return;
    default:
      result = pass(context);
      break;
  }
  if (result == kInterrupted) return;  // the signal's handler returns to the system call
  r[rax] = static_cast<uint64_t>(result);
  r[rcx] = next_pc;
  r[r11] = flags_with_trap(context);
  context.pc = next_pc;
  if (engine.events.system_call_exit != nullptr) engine.events.system_call_exit(context);
}

}  // namespace isotach::dbi

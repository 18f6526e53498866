#include "engine/dispatch/attach.h"

#include <errno.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstddef>
#include <cstdio>
#include <string>

#include "engine/dispatch/code_pages.h"
#include "engine/dispatch/engine.h"
#include "engine/dispatch/signals.h"
#include "engine/dispatch/single_step.h"
#include "engine/dispatch/threads.h"
#include "engine/os/lent_thread.h"
#include "engine/os/own_memory.h"
#include "engine/os/private_fds.h"
#include "engine/os/raw_syscall.h"

extern "C" {
void isotach_attached_entry();
void isotach_leave_system_call();
void isotach_finish_entry();
void isotach_system_call_done();
[[noreturn]] void isotach_park(isotach::dbi::ThreadContext* context);
isotach::dbi::DetachRequest isotach_detach_request;  // for isotach_park
}
static_assert(offsetof(isotach::dbi::DetachRequest, wanted) == DETACH_WANTED);

namespace isotach::dbi {
namespace {

constexpr size_t kMostParked = 65536;
constexpr size_t kMostRegions = 16384;
constexpr uint64_t kRequestValue = 0x69736f746163682d;  // "-hcatosi"
constexpr uint64_t kPage = 4096;
constexpr uint64_t kCodeSegment = 0x33, kStackSegment = 0x2b;

DetachRequest& request = isotach_detach_request;
Interval* regions = nullptr;
Interval own_places[2];  // the private loader, and the mapping with the first stack
Interval left[kMostLeft];

bool was_taken_over = false;
std::string launcher;

template <class Function>
uint64_t address_of(Function* function) {
  return reinterpret_cast<uint64_t>(function);
}

void* map_memory(size_t size) {
  const int64_t result = raw_syscall(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, ~uint64_t{0}, 0);
  if (result < 0 && result > -4096) return nullptr;
  note_own_memory(static_cast<uint64_t>(result), (size + kPage - 1) / kPage * kPage);
  return reinterpret_cast<void*>(result);
}

ProgramRegisters registers_of(const ThreadContext& context) {
  const uint64_t* r = context.registers;
  ProgramRegisters to{};
  to.rax = r[rax];
  to.rcx = r[rcx];
  to.rdx = r[rdx];
  to.rbx = r[rbx];
  to.rsp = r[rsp];
  to.rbp = r[rbp];
  to.rsi = r[rsi];
  to.rdi = r[rdi];
  to.r8 = r[r8];
  to.r9 = r[r9];
  to.r10 = r[r10];
  to.r11 = r[r11];
  to.r12 = r[r12];
  to.r13 = r[r13];
  to.r14 = r[r14];
  to.r15 = r[r15];
  to.rip = context.pc;
  to.eflags = flags_with_trap(context);
  to.fs_base = context.program_fs;
  to.gs_base = context.program_gs;
  to.cs = kCodeSegment;
  to.ss = kStackSegment;
  to.orig_rax = ~uint64_t{0};
  return to;
}

// All signals blocked; the context holds the program's registers.
[[noreturn]] void park(ThreadContext& context, uint64_t mask) {
  context.first_mask = mask;  // should it stay
  stack_t stack = context.signals->program_stack;
  stack.ss_flags &= ~SS_ONSTACK;
  raw_syscall(SYS_sigaltstack, reinterpret_cast<uint64_t>(&stack), 0);
  const uint32_t index = __atomic_fetch_add(&request.parked_count, 1, __ATOMIC_ACQ_REL);
  if (index < kMostParked) {
    auto& own = reinterpret_cast<StoppedThread*>(request.parked)[index];
    own.resume = registers_of(context);
    own.signal_mask = mask;
    own.sequence = context.sequence;
    __atomic_store_n(&own.thread_id, context.kernel_id, __ATOMIC_RELEASE);
  }
  isotach_park(&context);
}

void block_all_signals() {
  const uint64_t all = ~uint64_t{0};
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<uint64_t>(&all), 0, sizeof all);
}

int add_image(dl_phdr_info* image, size_t, void* data) {
  auto& count = *static_cast<size_t*>(data);
  uint64_t low = ~uint64_t{0}, high = 0;
  for (unsigned i = 0; i < image->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = image->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD) continue;
    const uint64_t begin = image->dlpi_addr + segment.p_vaddr;
    if (begin < low) low = begin;
    if (begin + segment.p_memsz > high) high = begin + segment.p_memsz;
  }
  // The vdso is the program's.
  if (low >= high || low == getauxval(AT_SYSINFO_EHDR) || count == kMostRegions) return 0;
  regions[count++] = {low / kPage * kPage, (high + kPage - 1) / kPage * kPage};
  return 0;
}

void list_regions() {
  size_t count = list_own_memory(regions, kMostRegions);
  if (count > kMostRegions) count = kMostRegions;
  dl_iterate_phdr(add_image, &count);
  for (const Interval& place : own_places)
    if (count < kMostRegions) regions[count++] = place;
  for (uint64_t i = 0; i < request.left_count && i < kMostLeft && count < kMostRegions; ++i)
    regions[count++] = left[i];
  request.region_count = count;
}

}  // namespace

bool take_over_threads(Handover& handover, ProcessState& process) {
  auto* threads = reinterpret_cast<StoppedThread*>(handover.threads);
  was_taken_over = true;
  for (uint64_t i = 0; i < handover.thread_count; ++i) {
    StoppedThread& thread = threads[i];
    LentThread* lent = lend_thread();
    if (lent == nullptr) return false;
    ThreadContext& context = adopt_stopped_thread(process, lent, thread.registers, thread.signal_mask);
    context.kernel_id = thread.thread_id;
    thread.resume = thread.registers;
    thread.resume.rip = address_of(isotach_attached_entry);
    thread.resume.rdi = reinterpret_cast<uint64_t>(&context);
    thread.resume.rsp = lent->stack_top & ~uint64_t{63};
    thread.resume.fs_base = lent->fs_base;
    thread.resume.gs_base = reinterpret_cast<uint64_t>(&context);
    thread.resume.eflags = 0x202;
    context.sequence = thread.sequence;
    context.is_restarting = thread.is_restarting;
  }
  take_over_actions(process);
  if (request.magic == kDetachMagic) list_regions();
  return true;
}

uint64_t prepare_to_detach(const Handover& handover) {
  void* parked = map_memory(kMostParked * sizeof(StoppedThread));
  regions = static_cast<Interval*>(map_memory(kMostRegions * sizeof(Interval)));
  if (parked == nullptr || regions == nullptr) return 0;
  launcher = std::string(reinterpret_cast<const char*>(handover.kit)) + "/pin";
  own_places[0] = {handover.loader_low, handover.loader_high};
  own_places[1] = {handover.stack_low, handover.stack_high + handover.size};
  request.parked = reinterpret_cast<uint64_t>(parked);
  request.regions = reinterpret_cast<uint64_t>(regions);
  request.left = reinterpret_cast<uint64_t>(left);
  request.signal = SIGTRAP;  // never blocked under the engine, see signals.h
  request.signal_value = kRequestValue;
  request.system_call_end = address_of(isotach_system_call_done);
  request.leave_system_call = address_of(isotach_leave_system_call);
  request.finish = address_of(isotach_finish_entry);
  request.kernel_id_offset = offsetof(ThreadContext, kernel_id);
  request.is_restarting_offset = offsetof(ThreadContext, is_restarting);
  request.magic = kDetachMagic;
  return reinterpret_cast<uint64_t>(&request);
}

bool ask_to_be_let_go() {
  if (request.magic != kDetachMagic) return false;
  char process[32], address[32];
  std::snprintf(process, sizeof process, "%ld", static_cast<long>(raw_syscall(SYS_getpid)));
  std::snprintf(address, sizeof address, "%lx", reinterpret_cast<unsigned long>(&request));
  char option[] = "--detach-process";
  char* words[] = {launcher.data(), option, process, address, nullptr};
  char* environment[] = {nullptr};
  // The launcher is no ancestor of ours, which Yama would ask for.
  raw_syscall(SYS_prctl, PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  // Its parent ends at once, so that the program gets no child; neither sends a signal at its end.
  const int64_t between = raw_syscall(SYS_clone, 0);
  if (between == 0) {
    if (raw_syscall(SYS_clone, 0) == 0) {
      const uint64_t none = 0;
      raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<uint64_t>(&none), 0, sizeof none);
      raw_syscall(SYS_execve, reinterpret_cast<uint64_t>(words[0]), reinterpret_cast<uint64_t>(words),
                  reinterpret_cast<uint64_t>(environment));
    }
    for (;;) raw_syscall(SYS_exit_group, 0);
  }
  if (between < 0) return false;
  while (raw_syscall(SYS_wait4, static_cast<uint64_t>(between), 0, __WALL, 0) == -EINTR) {
  }
  return true;
}

int64_t program_rseq(ThreadContext& context, uint64_t pointer, uint64_t size, uint64_t flags,
                     uint64_t signature) {
  constexpr uint64_t kUnregister = 1;
  if (!was_taken_over) return -ENOSYS;
  RestartableSequence& sequence = context.sequence;
  if ((flags & ~kUnregister) != 0) return -EINVAL;
  if ((flags & kUnregister) != 0) {
    if (pointer == 0 || sequence.pointer != pointer) return -EINVAL;
    sequence = {};
    return 0;
  }
  if (sequence.pointer != 0) return sequence.pointer == pointer ? -EBUSY : -EINVAL;
  sequence = {pointer, static_cast<uint32_t>(size), static_cast<uint32_t>(signature)};
  return 0;
}

bool is_request_to_leave(const siginfo_t& info) {
  return request.magic == kDetachMagic && info.si_code == SI_QUEUE &&
         reinterpret_cast<uint64_t>(info.si_value.sival_ptr) == kRequestValue;
}

bool is_wanted_to_leave() {
  return __atomic_load_n(&request.wanted, __ATOMIC_ACQUIRE) != 0;
}

void leave_engine(ThreadContext& context, uint64_t mask) {
  block_all_signals();
  park(context, mask);
}

}  // namespace isotach::dbi

// A thread that was taken over, on its lent stack.
extern "C" [[noreturn]] void isotach_attached(isotach::dbi::ThreadContext* context) {
  using namespace isotach::dbi;
  context->host_fs = context->lent->fs_base;
  enter_lent_thread(context->lent, static_cast<uint32_t>(context->kernel_id));
  stack_t stack{};
  raw_syscall(SYS_sigaltstack, 0, reinterpret_cast<uint64_t>(&stack));
  stack.ss_flags &= ~SS_ONSTACK;
  context->signals->program_stack = stack;
  install_signal_stack(*context);
  begin_with_mask(*context, context->first_mask);
  Engine& engine = isotach::dbi::engine();
  if (engine.events.thread_started != nullptr) engine.events.thread_started(*context);
  run_program(*context);
}

// A thread that was stopped by the launcher within a system call of the program, every signal blocked. Its
// registers are in the context, as they were before the call.
extern "C" [[noreturn]] void isotach_left_system_call(uint64_t by_restart, uint64_t mask) {
  using namespace isotach::dbi;
  ThreadContext& context = current_context();
  if (by_restart != 0) context.registers[rax] = SYS_restart_syscall;
  context.is_restarting = by_restart != 0;
  park(context, mask | context.signals->blocked_faults);
}

// A thread that was parked, when another one could not leave: on the stack that the cache was entered on.
extern "C" [[noreturn]] void isotach_stay(isotach::dbi::ThreadContext* context) {
  using namespace isotach::dbi;
  install_signal_stack(*context);
  begin_with_mask(*context, context->first_mask);
  run_program(*context);
}

extern "C" [[noreturn]] void isotach_finish_detach(isotach::dbi::ThreadContext* context) {
  using namespace isotach::dbi;
  Engine& engine = isotach::dbi::engine();
  if (engine.events.detaching != nullptr) engine.events.detaching(*context);
  close_private_fds();
  let_all_code_be_written();
  give_back_signals(*context, true);
  list_regions();
  __atomic_store_n(&request.finished, 1, __ATOMIC_RELEASE);
  isotach_park(context);
}

#include "engine/os/lent_thread.h"

#include <dlfcn.h>
#include <link.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "engine/os/own_memory.h"
#include "engine/os/raw_syscall.h"

namespace isotach::dbi {

struct ThreadExit {
  void (*function)(void*);
  void* object;
  ThreadExit* next;
};

namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kStackSize = 1 << 20;
// What may lie between the frame of the maker, which stays, and the borrower's stack.
constexpr uint64_t kBelowMaker = 512;

std::atomic<LentThread*> all_threads{nullptr};

// Set for each kernel thread that runs on a control block: found again through the control block itself.
thread_local LentThread* own_thread = nullptr;

uint64_t word(const void* pointer) {
  return reinterpret_cast<uint64_t>(pointer);
}

struct SignalsBlocked {
  uint64_t before = 0;
  SignalsBlocked() {
    const uint64_t all = ~uint64_t{0};
    raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, word(&all), word(&before), sizeof all);
  }
  ~SignalsBlocked() { raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, word(&before), 0, sizeof before); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
};

// With its first thread the C library takes signal 33 for its own use (setuid(2) on all threads at once). It
// would do that to the program, which may use that number or have a C library that does.
struct SignalKept {
  static constexpr int kSignal = 33;
  uint64_t action[4] = {};  // struct sigaction as the kernel has it
  SignalKept() { raw_syscall(SYS_rt_sigaction, kSignal, 0, word(action), 8); }
  ~SignalKept() { raw_syscall(SYS_rt_sigaction, kSignal, word(action), 0, 8); }
  SignalKept(const SignalKept&) = delete;
  SignalKept& operator=(const SignalKept&) = delete;
};

// Where glibc keeps the kernel's thread id in the control block. The kernel was told, to clear it at exit.
uint32_t* kernel_id_address() {
  uint32_t* address = nullptr;
  if (prctl(PR_GET_TID_ADDRESS, &address, 0, 0, 0) == 0 && address) return address;
  // A kernel without CONFIG_CHECKPOINT_RESTORE: look for the number itself.
  const auto id = static_cast<uint32_t>(raw_syscall(SYS_gettid));
  auto* words = static_cast<uint32_t*>(__builtin_thread_pointer());
  for (size_t i = 0x200 / sizeof id; i < 0x400 / sizeof id; i++)
    if (words[i] == id) return &words[i];
  return nullptr;
}

void* make(void* argument) {
  auto* thread = static_cast<LentThread*>(argument);
  thread->fs_base = reinterpret_cast<uint64_t>(__builtin_thread_pointer());
  thread->kernel_id = kernel_id_address();
  own_thread = thread;
  free(malloc(1));  // the heap of this control block is made now, not in the midst of a program
  uint64_t here;
  asm volatile("mov %%rsp, %0" : "=r"(here));
  thread->stack_top = (here - kBelowMaker) & ~15ull;
  // No function is called from here on: the moment that the kernel has cleared `maker_lives`, the stack is
  // another's.
  asm volatile(
      "mov %[set], %%eax\n\t"
      "syscall\n\t"
      "xor %%edi, %%edi\n\t"
      "mov %[exit], %%eax\n\t"
      "syscall"
      :
      : [set] "i"(SYS_set_tid_address), [exit] "i"(SYS_exit), "D"(&thread->maker_lives)
      : "rax", "rcx", "r11", "memory");
  __builtin_unreachable();
}

void wait_for_maker(const LentThread& thread) {
  // Not a private futex: the kernel's own wake at exit is none.
  while (const uint32_t lives = __atomic_load_n(&thread.maker_lives, __ATOMIC_ACQUIRE))
    raw_syscall(SYS_futex, word(&thread.maker_lives), FUTEX_WAIT, lives);
}

LentThread* make_thread() {
  char* memory = static_cast<char*>(mmap(nullptr, kPage + kStackSize, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0));
  if (memory == MAP_FAILED) return nullptr;
  mprotect(memory, kPage, PROT_NONE);
  auto* thread = new (std::nothrow) LentThread;
  if (!thread) {
    munmap(memory, kPage + kStackSize);
    return nullptr;
  }
  thread->stack_low = reinterpret_cast<uint64_t>(memory) + kPage;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstack(&attributes, memory + kPage, kStackSize);
  pthread_t made;
  int error;
  {
    // It inherits the mask: no signal of the program may be delivered to it.
    const SignalsBlocked blocked;
    const SignalKept kept;
    error = pthread_create(&made, &attributes, make, thread);
  }
  pthread_attr_destroy(&attributes);
  if (error) {
    delete thread;
    munmap(memory, kPage + kStackSize);
    return nullptr;
  }
  note_own_memory(reinterpret_cast<uint64_t>(memory), kPage + kStackSize);
  wait_for_maker(*thread);
  return thread;
}

void publish(LentThread* thread) {
  LentThread* first = all_threads.load(std::memory_order_relaxed);
  do thread->next = first;
  while (!all_threads.compare_exchange_weak(first, thread, std::memory_order_release,
                                            std::memory_order_relaxed));
}

// Libraries whose thread_local variables are about the control block, not about the thread that borrows it:
// the C library's own, the heap's, those of C++ exceptions.
bool keeps_its_variables(const char* name) {
  const char* base = strrchr(name, '/');
  base = base ? base + 1 : name;
  if (!*base) return true;  // the runtime itself
  for (const char* library : {"libc.so", "ld-linux", "libmimalloc", "libstdc++", "libgcc_s", "libpthread"})
    if (strncmp(base, library, strlen(library)) == 0) return true;
  return false;
}

int reset_variables(dl_phdr_info* image, size_t, void*) {
  if (!image->dlpi_tls_data || keeps_its_variables(image->dlpi_name)) return 0;
  for (unsigned i = 0; i < image->dlpi_phnum; i++) {
    const ElfW(Phdr)& segment = image->dlpi_phdr[i];
    if (segment.p_type != PT_TLS) continue;
    auto* variables = static_cast<char*>(image->dlpi_tls_data);
    memcpy(variables, reinterpret_cast<const void*>(image->dlpi_addr + segment.p_vaddr), segment.p_filesz);
    memset(variables + segment.p_filesz, 0, segment.p_memsz - segment.p_filesz);
  }
  return 0;
}

}  // namespace

LentThread* lend_thread() {
  for (LentThread* thread = all_threads.load(std::memory_order_acquire); thread; thread = thread->next) {
    uint32_t expected = 0;
    if (__atomic_load_n(&thread->in_use, __ATOMIC_RELAXED) == 0 &&
        __atomic_compare_exchange_n(&thread->in_use, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
      return thread;
  }
  LentThread* thread = make_thread();
  if (thread) publish(thread);
  return thread;
}

void prepare_lent_threads(unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    LentThread* thread = make_thread();
    if (!thread) return;
    thread->in_use = 0;
    publish(thread);
  }
}

void enter_lent_thread(LentThread* lent, uint32_t kernel_id) {
  // The number of the maker may be given by the kernel to another thread; recursive locks of two threads with
  // one number would not keep them apart.
  if (lent->kernel_id) *lent->kernel_id = kernel_id;
}

void clean_lent_thread(LentThread* lent) {
  // A destructor may register another one. The bound is for one that registers itself for ever: it would keep
  // the thread from ending.
  constexpr unsigned kMostExits = 1000000;
  for (unsigned count = 0; lent->exits && count < kMostExits; count++) {
    ThreadExit* due = lent->exits;
    lent->exits = due->next;
    due->function(due->object);
    delete due;
  }
  dl_iterate_phdr(reset_variables, nullptr);
}

void give_back_thread(LentThread* lent) {
  __atomic_store_n(&lent->in_use, 0, __ATOMIC_RELEASE);
}

LentThread* adopt_current_thread(uint64_t stack_low, uint64_t stack_high) {
  auto* thread = new (std::nothrow) LentThread;
  if (!thread) return nullptr;
  thread->fs_base = word(__builtin_thread_pointer());
  thread->stack_low = stack_low;
  thread->stack_top = stack_high & ~uint64_t{15};
  thread->kernel_id = kernel_id_address();
  thread->maker_lives = 0;
  thread->stays = true;
  own_thread = thread;
  raw_syscall(SYS_set_tid_address, 0);
  raw_syscall(SYS_set_robust_list, 0, 3 * sizeof(void*));
  publish(thread);
  return thread;
}

void forget_lent_threads(LentThread* mine) {
  reset_own_memory_lock();
  if (mine) enter_lent_thread(mine, static_cast<uint32_t>(raw_syscall(SYS_gettid)));
}

LentCount count_lent_threads() {
  LentCount count;
  for (LentThread* thread = all_threads.load(std::memory_order_acquire); thread; thread = thread->next) {
    count.all++;
    if (__atomic_load_n(&thread->in_use, __ATOMIC_RELAXED) == 0) count.free++;
  }
  return count;
}

}  // namespace isotach::dbi

// The C library runs destructors of thread_local variables when a thread ends by its own function, which one
// that was lent never does. C++'s runtime library finds this function before the C library's.
extern "C" __attribute__((visibility("default"))) int __cxa_thread_atexit_impl(void (*function)(void*),
                                                                               void* object, void* image) {
  using isotach::dbi::LentThread;
  using isotach::dbi::ThreadExit;
  LentThread* thread = isotach::dbi::own_thread;
  if (!thread) {  // a thread that the tool has made: it ends as usual
    using Register = int (*)(void (*)(void*), void*, void*);
    static const auto next = reinterpret_cast<Register>(dlsym(RTLD_NEXT, "__cxa_thread_atexit_impl"));
    return next ? next(function, object, image) : -1;
  }
  auto* due = new (std::nothrow) ThreadExit{function, object, thread->exits};
  if (!due) abort();
  thread->exits = due;
  return 0;
}

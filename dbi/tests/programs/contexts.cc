// Control that leaves by other doors than return: longjmp, contexts, exceptions, edited signal frames,
// overflown stacks.
#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <stdexcept>
#include <string>

#include "case.h"
#include "signal_tools.h"

namespace {

using Word = uint64_t;
using test::install;
using test::reg;

jmp_buf back;
__attribute__((noinline)) void jump_from_depth(int depth) {
  volatile char pad[100];
  pad[0] = 1;
  if (depth == 0) longjmp(back, 42);
  jump_from_depth(depth - 1);
  pad[1] = pad[0];
}

CASE(longjmp_out_of_depth) {
  volatile int jumps = 0;
  for (volatile int i = 0; i < 2000;) {
    i = i + 1;
    const int value = setjmp(back);
    if (value == 0) {
      jump_from_depth(i % 50);
    } else {
      EXPECT_EQ(value, 42);
      jumps = jumps + 1;
    }
  }
  EXPECT_EQ(jumps, 2000);
}

ucontext_t main_context, other_context;
volatile int switches;
void other_function(int a, int b) {
  EXPECT_EQ(a, 11);
  EXPECT_EQ(b, 22);
  for (int i = 0; i < 1000; ++i) {
    switches = switches + 1;
    swapcontext(&other_context, &main_context);
  }
}

CASE(contexts_switch) {
  static uint8_t stack[65536];
  getcontext(&other_context);
  other_context.uc_stack.ss_sp = stack;
  other_context.uc_stack.ss_size = sizeof stack;
  other_context.uc_link = &main_context;
  makecontext(&other_context, reinterpret_cast<void (*)()>(other_function), 2, 11, 22);
  switches = 0;
  for (int i = 0; i < 1000; ++i) swapcontext(&main_context, &other_context);
  swapcontext(&main_context, &other_context);
  EXPECT_EQ(switches, 1000);
}

// Green threads by hand: a stack switch is a mov to rsp.
asm(R"(
  .text
hand_switch:
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  ret
)");
extern "C" __attribute__((visibility("hidden"))) void hand_switch(Word* save, Word next);
Word main_stack, fiber_stack;
volatile int fiber_rounds;
void fiber() {
  for (;;) {
    fiber_rounds = fiber_rounds + 1;
    hand_switch(&fiber_stack, main_stack);
  }
}

CASE(stacks_switched_by_hand) {
  alignas(16) static Word stack[4096];
  Word* top = stack + 4096;
  *--top = 0;
  *--top = reinterpret_cast<Word>(&fiber);
  for (int i = 0; i < 6; ++i) *--top = 0;
  fiber_stack = reinterpret_cast<Word>(top);
  fiber_rounds = 0;
  for (int i = 0; i < 5000; ++i) hand_switch(&main_stack, fiber_stack);
  EXPECT_EQ(fiber_rounds, 5000);
}

struct Counted {
  explicit Counted(int* alive) : counter(alive) { ++*counter; }
  ~Counted() { --*counter; }
  int* counter;
};
__attribute__((noinline)) int throw_from_depth(int depth, int* alive) {
  Counted counted(alive);
  if (depth == 0) throw std::runtime_error("from the depth");
  return throw_from_depth(depth - 1, alive) + 1;
}

void throw_often(int rounds) {
  int alive = 0, caught = 0;
  for (int i = 0; i < rounds; ++i) {
    try {
      throw_from_depth(i % 40, &alive);
    } catch (const std::runtime_error& error) {
      if (std::string(error.what()) == "from the depth") ++caught;
    }
  }
  EXPECT_EQ(caught, rounds);
  EXPECT_EQ(alive, 0);
}

CASE(exceptions) {
  throw_often(300);
}

CASE(exceptions_in_threads) {
  pthread_t threads[8];
  for (pthread_t& thread : threads) {
    pthread_create(
        &thread, nullptr,
        [](void*) -> void* {
          throw_often(60);
          return nullptr;
        },
        nullptr);
  }
  for (pthread_t& thread : threads) pthread_join(thread, nullptr);
}

CASE(exceptions_rethrown) {
  int caught = 0;
  for (int i = 0; i < 50; ++i) {
    try {
      try {
        throw i;
      } catch (int) {
        ++caught;
        throw;
      }
    } catch (...) {
      std::exception_ptr kept = std::current_exception();
      try {
        std::rethrow_exception(kept);
      } catch (int value) {
        caught += value == i;
      }
    }
  }
  EXPECT_EQ(caught, 100);
}

// -fnon-call-exceptions is not needed: the throw is in the handler's frame and unwinds through the signal
// frame.
CASE(exception_out_of_a_handler) {
  install(
      SIGUSR1, [](int, siginfo_t*, void*) { throw 5; }, SA_NODEFER);
  volatile int caught = 0;
  static int (*volatile may_throw)(int) = raise;
  for (int i = 0; i < 20; ++i) {
    try {
      may_throw(SIGUSR1);
    } catch (int value) {
      caught = caught + value;
    }
  }
  EXPECT_EQ(caught, 100);
}

CASE(uncaught_exception_aborts) {
  pid_t child = fork();
  if (child == 0) {
    close(2);
    throw std::runtime_error("nobody catches this");
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

CASE(backtraces) {
  // The frames of the program alone, with the addresses of its own code.
  void* frames[64];
  const int depth = backtrace(frames, 64);
  EXPECT(depth >= 3 && depth < 20);
  Dl_info information;
  for (int i = 0; i < depth; ++i) EXPECT(dladdr(frames[i], &information) != 0);
  static volatile int from_handler;
  install(SIGUSR1, [](int, siginfo_t*, void*) {
    void* addresses[64];
    from_handler = backtrace(addresses, 64);
  });
  raise(SIGUSR1);
  EXPECT(from_handler > depth);
}

// Pops a frame that it wrote itself.
CASE(signal_frame_made_by_hand) {
  // A handler changes the registers in its frame one by one: rip, rsp, flags and all take effect.
  static Word target, stack_top;
  static uint8_t stack[16384];
  stack_top = reinterpret_cast<Word>(stack + sizeof stack - 64);
  install(SIGUSR1, [](int, siginfo_t*, void* context) {
    reg(context, REG_R14) = reg(context, REG_RSP);
    reg(context, REG_R13) = reg(context, REG_RIP);
    reg(context, REG_RSP) = static_cast<greg_t>(stack_top);
    reg(context, REG_RIP) = static_cast<greg_t>(target);
    reg(context, REG_RCX) = 0x1234;
    reg(context, REG_R11) = 0x5678;
    reg(context, REG_RAX) = 0x9abc;
  });
  Word rcx = 0, r11 = 0, rax = 0, rsp = 0;
  asm volatile(R"(
    sub $128, %%rsp
    lea 1f(%%rip), %%rax
    mov %%rax, %4
    mov $39, %%eax
    syscall
    mov %%eax, %%edi
    mov $10, %%esi
    mov $62, %%eax
    syscall
    ud2
  1: mov %%rsp, %%rbx
    mov %%r14, %%rsp
    add $128, %%rsp
    mov %%rcx, %0
    mov %%r11, %1
    mov %%rax, %2
    mov %%rbx, %3)"
               : "=m"(rcx), "=m"(r11), "=m"(rax), "=m"(rsp), "=m"(target)::"rax", "rbx", "rcx", "rdx", "rsi",
                 "rdi", "r11", "r13", "r14", "memory", "cc");
  EXPECT_EQ(rcx, 0x1234u);
  EXPECT_EQ(r11, 0x5678u);
  EXPECT_EQ(rax, 0x9abcu);
  EXPECT_EQ(rsp, stack_top);
}

sigjmp_buf overflow_back;
__attribute__((noinline)) Word use_stack(Word depth) {
  volatile char pad[4000];
  pad[0] = static_cast<char>(depth);
  return use_stack(depth + 1) + static_cast<Word>(pad[0]);
}
volatile Word fault_address, fault_rsp;

CASE(stack_overflow_is_caught) {
  static uint8_t stack[65536];
  stack_t alternate{};
  alternate.ss_sp = stack;
  alternate.ss_size = sizeof stack;
  sigaltstack(&alternate, nullptr);
  install(
      SIGSEGV,
      [](int, siginfo_t* information, void* context) {
        fault_address = reinterpret_cast<Word>(information->si_addr);
        fault_rsp = static_cast<Word>(reg(context, REG_RSP));
        siglongjmp(overflow_back, 1);
      },
      SA_ONSTACK);
  rlimit limit;
  getrlimit(RLIMIT_STACK, &limit);
  for (volatile int i = 0; i < 5;) {
    i = i + 1;
    fault_address = 0;
    if (sigsetjmp(overflow_back, 1) == 0) use_stack(0);
    EXPECT(fault_address != 0);
    EXPECT(fault_address > fault_rsp - 8192 && fault_address < fault_rsp + 8192);
  }
}

CASE(stack_overflow_kills) {
  pid_t child = fork();
  if (child == 0) {
    test::restore_default(SIGSEGV);
    use_stack(0);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

__attribute__((noinline)) Word deep(Word depth) {
  return depth == 0 ? 0 : deep(depth - 1) + 1 + (depth & 1 ? 0 : 0);
}
CASE(deep_recursion) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256u << 20);
  pthread_t thread;
  EXPECT_EQ(pthread_create(
                &thread, &attributes,
                [](void*) -> void* {
                  static Word (*volatile function)(Word) = deep;
                  EXPECT_EQ(function(1000000), 1000000u);
                  return nullptr;
                },
                nullptr),
            0);
  pthread_join(thread, nullptr);
}

CASE(exit_handlers) {
  int results[2];
  EXPECT_EQ(pipe(results), 0);
  static int out;
  out = results[1];
  pid_t child = fork();
  if (child == 0) {
    atexit([] { (void)!write(out, "a", 1); });
    atexit([] { (void)!write(out, "b", 1); });
    on_exit([](int status, void*) { (void)!write(out, status == 9 ? "9" : "?", 1); }, nullptr);
    exit(9);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 9);
  char text[4] = {};
  EXPECT_EQ(read(results[0], text, 4), 3);
  EXPECT_EQ(strcmp(text, "9ba"), 0);
  close(results[0]);
  close(results[1]);
}

}  // namespace

TEST_MAIN()

// pthread_create(3) as the tool and its libraries find it (std::thread too): a thread of the tool's own. It
// must not be taken for the thread of the program that made it, whose context GS would name, and the
// program's signals are not for it. The program's own library has its own function and never comes here.
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <new>

#include "engine/dispatch/threads.h"
#include "engine/os/raw_syscall.h"

namespace {

struct Start {
  void* (*function)(void*);
  void* argument;
};

void* begin(void* pointer) {
  isotach::dbi::set_gs_base(0);
  auto* given = static_cast<Start*>(pointer);
  const Start start = *given;
  delete given;
  return start.function(start.argument);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int pthread_create(pthread_t* thread,
                                                                     const pthread_attr_t* attributes,
                                                                     void* (*function)(void*),
                                                                     void* argument) noexcept {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto next = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  auto* start = new (std::nothrow) Start{function, argument};
  if (start == nullptr) return EAGAIN;
  // By the kernel itself: the C library's functions leave out its own signals, 32 and 33, which would unblock
  // those of the program's C library, a timer's for example.
  uint64_t all = ~uint64_t{0}, before = 0;
  for (const int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP}) all &= ~(uint64_t{1} << (fault - 1));
  const auto set_mask = [](const uint64_t& mask, uint64_t* old) {
    isotach::dbi::raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<uint64_t>(&mask),
                              reinterpret_cast<uint64_t>(old), sizeof mask);
  };
  set_mask(all, &before);
  const int error = next(thread, attributes, begin, start);
  set_mask(before, nullptr);
  if (error != 0) delete start;
  return error;
}

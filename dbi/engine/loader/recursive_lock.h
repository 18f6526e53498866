// A lock that its owner may take again. Threads of the program run on control blocks lent by the runtime,
// whose thread numbers belong to threads that have ended: std::recursive_mutex could take two for one.
#pragma once

#include <atomic>

#include "engine/os/lock.h"

namespace isotach::dbi {

class RecursiveLock {
 public:
  void lock() {
    if (owner_.load(std::memory_order_relaxed) != self()) {
      lock_.lock();
      owner_.store(self(), std::memory_order_relaxed);
    }
    ++depth_;
  }
  void unlock() {
    if (--depth_ > 0) return;
    owner_.store(nullptr, std::memory_order_relaxed);
    lock_.unlock();
  }
  // In the child of a fork, whose other threads are gone.
  void reset() {
    owner_.store(nullptr);
    depth_ = 0;
    lock_.reset();
  }

 private:
  // Each thread that may take it has a control block of its own, and so its own copy of this.
  static const void* self() {
    static thread_local const char mark = 0;
    return &mark;
  }

  Lock lock_;
  std::atomic<const void*> owner_{nullptr};
  unsigned depth_ = 0;
};

}  // namespace isotach::dbi

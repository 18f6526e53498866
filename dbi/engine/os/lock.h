// A lock that needs no thread control block: a futex. Not recursive.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>

#include <atomic>
#include <cstdint>

#include "engine/os/raw_syscall.h"

namespace isotach::dbi {

class Lock {
 public:
  void lock() {
    uint32_t seen = 0;
    if (state_.compare_exchange_strong(seen, 1, std::memory_order_acquire)) {
      owner_ = __builtin_thread_pointer();
      return;
    }
    // 2: taken, and others wait. (Drepper, "Futexes are tricky", 2011)
    while (state_.exchange(2, std::memory_order_acquire) != 0) {
      raw_syscall(SYS_futex, reinterpret_cast<uint64_t>(&state_), FUTEX_WAIT_PRIVATE, 2);
    }
    owner_ = __builtin_thread_pointer();
  }
  // Whether the calling thread holds it: for the handler of a fault that happened under it.
  bool is_mine() const { return owner_ == __builtin_thread_pointer(); }
  void unlock() {
    owner_ = nullptr;
    if (state_.exchange(0, std::memory_order_release) == 2) {
      raw_syscall(SYS_futex, reinterpret_cast<uint64_t>(&state_), FUTEX_WAKE_PRIVATE, 1);
    }
  }
  // In the child of a fork, whose other threads are gone.
  void reset() {
    owner_ = nullptr;
    state_.store(0);
  }

 private:
  std::atomic<uint32_t> state_{0};
  std::atomic<void*> owner_{nullptr};
};

class Locked {
 public:
  explicit Locked(Lock& lock) : lock_(lock) { lock_.lock(); }
  ~Locked() { lock_.unlock(); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  Lock& lock_;
};

}  // namespace isotach::dbi

// Atomic access to values that threads of a tool share, as tools of Pin's kit spell it. Each of these orders
// memory fully.
#pragma once

#include "pin/base.h"

namespace ATOMIC {

struct OPS {
  template <typename T>
  static T Load(const volatile T* from) {
    return __atomic_load_n(from, __ATOMIC_SEQ_CST);
  }
  template <typename T>
  static void Store(volatile T* to, T value) {
    __atomic_store_n(to, value, __ATOMIC_SEQ_CST);
  }
  // The value before.
  template <typename T>
  static T Increment(volatile T* at, T by) {
    return __atomic_fetch_add(at, by, __ATOMIC_SEQ_CST);
  }
  template <typename T>
  static T Swap(volatile T* at, T value) {
    return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);
  }
  // The value before: `expected` when it was replaced.
  template <typename T>
  static T CompareAndSwap(volatile T* at, T expected, T value) {
    __atomic_compare_exchange_n(at, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return expected;
  }
  // Whether it was replaced.
  template <typename T>
  static bool CompareAndDidSwap(volatile T* at, T expected, T value) {
    return __atomic_compare_exchange_n(at, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  }
  // Waits about as many times as long as the processor's hint to a waiting loop takes.
  static void Delay(LEVEL_BASE::UINT32 times) {
    while (times-- != 0) __builtin_ia32_pause();
  }
};

}  // namespace ATOMIC

// Gives the processor, every few calls, to whoever waits for it. Belongs to the thread that makes the calls.
//
// Where that is the other end of the stream, it takes what has been sent while caches still hold it, and
// needs not be woken for each call.
#pragma once

#include <sched.h>

#include <cstdint>

namespace isotach::nettest {

class Turns {
 public:
  // After each call; `clock` tells monotonic ns.
  template <class Clock>
  void called(const Clock& clock) {
    if (++calls_ < kCallsATurn) return;
    calls_ = 0;
    const std::int64_t from_ns = clock();
    if (from_ns < calm_until_ns_) return;
    ::sched_yield();
    const std::int64_t now_ns = clock();
    if (now_ns - from_ns > kTakenAwayNs) calm_until_ns_ = now_ns + kCalmNs;
  }

 private:
  // So many joined datagrams fit into the nearer caches.
  static constexpr int kCallsATurn = 4;
  // The other end is through with them long before: somebody else wants the processor too, and would get most
  // of it from who gives it away so often.
  static constexpr std::int64_t kTakenAwayNs = 500'000;
  static constexpr std::int64_t kCalmNs = 100'000'000;

  int calls_ = 0;
  std::int64_t calm_until_ns_ = 0;
};

}  // namespace isotach::nettest

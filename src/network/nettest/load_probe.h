// Latency while a stream runs: how much longer a small request takes when the path is full ("bufferbloat").
//
// A second test of the same client asks at a steady rate over a connection of its own, first alone, then
// beside the stream. Each latency counts from when its request was due, so that a long queue cannot hide the
// requests that it kept from being sent.
#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <thread>

#include "base/result.h"
#include "network/nettest/client.h"
#include "network/nettest/load_verdict.h"

namespace isotach::nettest {

// Measures alone, before the stream; blocks for that time. Adds to `into`.
void measure_idle(const ClientOptions& stream, std::int64_t duration_ns, SignalWaiter& waiter, Clock& clock,
                  LoadLatency& into);

// Asks in a thread of its own from start() to stop(). Waits for the same signals as the thread of the stream.
class LoadProbe {
 public:
  LoadProbe(const ClientOptions& stream, SignalWaiter& waiter, Clock& clock)
      : stream_(stream), waiter_(waiter), clock_(clock) {}
  ~LoadProbe();
  LoadProbe(const LoadProbe&) = delete;
  LoadProbe& operator=(const LoadProbe&) = delete;

  // Returns when it asks, or has failed to: what comes then meets it at work.
  void start();
  // Blocks until the probe has its results, and adds them to `into`.
  void stop(LoadLatency& into);

 private:
  ClientOptions stream_;
  SignalWaiter& waiter_;
  Clock& clock_;
  std::atomic<bool> over_{false};
  std::promise<void> asks_;
  LoadLatency measured_;
  std::thread thread_;
};

}  // namespace isotach::nettest

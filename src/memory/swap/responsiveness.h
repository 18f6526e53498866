// Whether the machine stays responsive: a thread that wants to run every few milliseconds and to get a
// little memory, and notes how late it gets either.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "base/fd.h"

namespace isotach::memory {

struct LatencySummary {
  std::size_t count = 0;
  std::int64_t p50_ns = 0, p99_ns = 0, max_ns = 0;
};
// Nothing of nothing. Pure.
[[nodiscard]] std::optional<LatencySummary> summarize_latencies(std::vector<std::int64_t> latencies_ns);

class ResponsivenessProbe {
 public:
  static constexpr std::int64_t kIntervalNs = 5'000'000;
  // Some minutes' worth; later ones are not kept.
  static constexpr std::size_t kKeptLatencies = std::size_t{1} << 17;

  ResponsivenessProbe();  // starts the thread
  ~ResponsivenessProbe();
  ResponsivenessProbe(const ResponsivenessProbe&) = delete;
  ResponsivenessProbe& operator=(const ResponsivenessProbe&) = delete;

  struct Result {
    std::optional<LatencySummary> wake;      // late by so much after the time it wanted to run
    std::optional<LatencySummary> allocate;  // 64 KiB mapped, touched and given back
  };
  // Ends the thread.
  [[nodiscard]] Result finish();

 private:
  void run();

  Fd timer_;
  std::atomic<bool> stop_ = false;
  std::vector<std::int64_t> wake_ns_, allocate_ns_;  // the thread's, until it has ended
  std::thread thread_;
};

}  // namespace isotach::memory

#include "memory/swap/responsiveness.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

#include "base/clock.h"

namespace isotach::memory {
namespace {

constexpr std::size_t kPieceBytes = 65536;
constexpr std::size_t kTouchEvery = 4096;

// The value below which `share` of them lie, by the nearest rank.
std::int64_t rank(const std::vector<std::int64_t>& sorted, double share) {
  const auto index = static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5);
  return sorted[std::min(index, sorted.size() - 1)];
}

void take_and_give_back() {
  void* const piece =
      ::mmap(nullptr, kPieceBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (piece == MAP_FAILED) return;
  volatile char* const bytes = static_cast<char*>(piece);
  for (std::size_t at = 0; at < kPieceBytes; at += kTouchEvery) bytes[at] = 1;
  ::munmap(piece, kPieceBytes);
}

}  // namespace

std::optional<LatencySummary> summarize_latencies(std::vector<std::int64_t> latencies_ns) {
  if (latencies_ns.empty()) return std::nullopt;
  std::sort(latencies_ns.begin(), latencies_ns.end());
  return LatencySummary{latencies_ns.size(), rank(latencies_ns, 0.5), rank(latencies_ns, 0.99),
                        latencies_ns.back()};
}

ResponsivenessProbe::ResponsivenessProbe() : timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) {
  wake_ns_.reserve(kKeptLatencies);
  allocate_ns_.reserve(kKeptLatencies);
  // Signals are for the thread that decides.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

ResponsivenessProbe::~ResponsivenessProbe() {
  static_cast<void>(finish());
}

void ResponsivenessProbe::run() {
  SystemClock clock;
  std::int64_t due_ns = clock.now().monotonic_ns;
  while (timer_.is_open() && !stop_.load(std::memory_order_relaxed)) {
    due_ns += kIntervalNs;
    itimerspec at{};
    at.it_value.tv_sec = due_ns / kNanosecondsPerSecond;
    at.it_value.tv_nsec = due_ns % kNanosecondsPerSecond;
    std::uint64_t times = 0;
    if (::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &at, nullptr) != 0 ||
        ::read(timer_.get(), &times, sizeof times) < 0)
      break;
    const std::int64_t woken_ns = clock.now().monotonic_ns;
    take_and_give_back();
    const std::int64_t done_ns = clock.now().monotonic_ns;
    if (wake_ns_.size() < kKeptLatencies) {
      wake_ns_.push_back(std::max<std::int64_t>(0, woken_ns - due_ns));
      allocate_ns_.push_back(done_ns - woken_ns);
    }
    // A late one is one late one: those missed meanwhile are not made up for.
    if (done_ns > due_ns + kIntervalNs) due_ns = done_ns;
  }
}

ResponsivenessProbe::Result ResponsivenessProbe::finish() {
  stop_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
  return {summarize_latencies(wake_ns_), summarize_latencies(allocate_ns_)};
}

}  // namespace isotach::memory

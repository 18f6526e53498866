#include "network/connections/tracking_crew.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace isotach::network {
namespace {

// Batches in work. Enough that nobody waits for who reads, few enough to stay in the cache.
constexpr std::uint64_t kBatches = 64;
// A turn at reading lasts until so many wait for who reads.
constexpr std::uint64_t kTurn = 16;
// How often somebody looks for work before going to sleep: some microseconds, for waking up takes as long.
constexpr int kLooks = 1000;

struct alignas(64) Progress {
  std::atomic<std::uint64_t> next = 0;
};

}  // namespace

// Batches are numbered; batch n stands at n % kBatches until every member has passed it. Who reads has set
// `reading`, and nobody else touches batches from `filled` on.
struct TrackingCrew::Shared {
  std::vector<std::unique_ptr<PacketBatch>> batches;
  std::vector<Progress> members;
  std::atomic<std::uint64_t> filled = 0;
  std::atomic<bool> reading = false;
  std::atomic<bool> ended = false;
  // For those that sleep.
  std::mutex mutex;
  std::condition_variable changed;
  std::atomic<int> sleepers = 0;

  [[nodiscard]] std::uint64_t slowest() const {
    std::uint64_t least = filled;
    for (const Progress& member : members) least = std::min(least, member.next.load());
    return least;
  }
  [[nodiscard]] bool has_room() const { return filled < slowest() + kBatches; }
  [[nodiscard]] bool has_work(std::size_t member) const {
    return members[member].next < filled || ended || (!reading && has_room());
  }
  void wait(std::size_t member) {
    for (int i = 0; i < kLooks; ++i) {
      if (has_work(member)) return;
      __builtin_ia32_pause();
    }
    std::unique_lock lock(mutex);
    ++sleepers;
    changed.wait(lock, [&] { return has_work(member); });
    --sleepers;
  }
  // After any change of the above.
  void wake() {
    if (sleepers == 0) return;
    const std::scoped_lock lock(mutex);
    changed.notify_all();
  }
};

TrackingCrew::TrackingCrew(std::span<Tracker* const> trackers)
    : trackers_(trackers.begin(), trackers.end()),
      seed_(trackers.front()->seed()),
      shared_(std::make_unique<Shared>()) {}

TrackingCrew::~TrackingCrew() = default;

void TrackingCrew::work_alone(const Fill& fill) {
  PacketBatch batch(1, seed_);
  bool more = true;
  while (more) {
    more = fill(batch);
    trackers_[0]->add(batch, 0);
  }
}

void TrackingCrew::read(std::size_t member, const Fill& fill) {
  Shared& shared = *shared_;
  const std::uint64_t until = shared.members[member].next + kTurn;
  do {
    const std::uint64_t filled = shared.filled;
    const bool more = fill(*shared.batches[filled % kBatches]);
    // In this order, so that who sees the end has seen all batches.
    shared.filled = filled + 1;
    if (!more) shared.ended = true;
    shared.wake();
  } while (!shared.ended && shared.filled < until && shared.has_room());
  shared.reading = false;
  shared.wake();
}

void TrackingCrew::work(std::size_t member, const Fill& fill) {
  Shared& shared = *shared_;
  std::atomic<std::uint64_t>& next = shared.members[member].next;
  for (;;) {
    // In this order: once it has ended nothing more is filled.
    const bool ended = shared.ended;
    const std::uint64_t until = shared.filled;
    if (next < until) {
      for (std::uint64_t n = next; n < until; ++n)
        trackers_[member]->add(*shared.batches[n % kBatches], member);
      next = until;
      shared.wake();
    } else if (ended) {
      return;
    } else if (shared.has_room() && !shared.reading.exchange(true)) {
      // Somebody may have read, and ended, since.
      if (shared.ended || !shared.has_room()) {
        shared.reading = false;
      } else {
        read(member, fill);
      }
    } else {
      shared.wait(member);
    }
  }
}

void TrackingCrew::run(const Fill& fill) {
  if (trackers_.size() == 1) return work_alone(fill);
  shared_->members = std::vector<Progress>(trackers_.size());
  for (std::uint64_t i = 0; i < kBatches; ++i)
    shared_->batches.push_back(std::make_unique<PacketBatch>(trackers_.size(), seed_));
  std::vector<std::thread> threads;
  for (std::size_t member = 1; member < trackers_.size(); ++member)
    threads.emplace_back([this, member, &fill] { work(member, fill); });
  work(0, fill);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace isotach::network

#include "network/connections/tracking_crew.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace isotach::network {
namespace {

// Batches in work. Enough that nobody waits for who reads, few enough to stay in the cache.
constexpr std::uint64_t kBatches = 16;
// A turn at reading lasts until so many are ahead of the slowest.
constexpr std::uint64_t kTurn = 6;

}  // namespace

// Batches are numbered; batch n stands at n % kBatches until every member has passed it.
struct TrackingCrew::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::unique_ptr<PacketBatch>> batches;
  std::vector<std::uint64_t> next;  // for each member
  std::uint64_t filled = 0;
  bool reading = false;
  bool ended = false;

  [[nodiscard]] std::uint64_t slowest() const { return *std::min_element(next.begin(), next.end()); }
};

TrackingCrew::TrackingCrew(std::span<Tracker* const> trackers, std::uint64_t seed)
    : trackers_(trackers.begin(), trackers.end()), seed_(seed), shared_(std::make_unique<Shared>()) {}

TrackingCrew::~TrackingCrew() = default;

void TrackingCrew::work_alone(const Fill& fill) {
  PacketBatch batch(1, seed_);
  bool more = true;
  while (more) {
    more = fill(batch);
    trackers_[0]->add(batch, 0);
  }
}

void TrackingCrew::work(std::size_t member, const Fill& fill) {
  Shared& shared = *shared_;
  std::unique_lock lock(shared.mutex);
  std::uint64_t& next = shared.next[member];
  for (;;) {
    if (next < shared.filled) {
      const std::uint64_t until = shared.filled;
      lock.unlock();
      for (std::uint64_t n = next; n < until; ++n)
        trackers_[member]->add(*shared.batches[n % kBatches], member);
      lock.lock();
      next = until;
      shared.changed.notify_all();
    } else if (shared.ended) {
      return;
    } else if (!shared.reading && shared.filled < shared.slowest() + kBatches) {
      shared.reading = true;
      do {
        PacketBatch& batch = *shared.batches[shared.filled % kBatches];
        lock.unlock();
        const bool more = fill(batch);
        lock.lock();
        ++shared.filled;
        shared.ended = !more;
        shared.changed.notify_all();
      } while (!shared.ended && shared.filled < shared.slowest() + kTurn);
      shared.reading = false;
      shared.changed.notify_all();
    } else {
      shared.changed.wait(lock);
    }
  }
}

void TrackingCrew::run(const Fill& fill) {
  if (trackers_.size() == 1) return work_alone(fill);
  shared_->next.assign(trackers_.size(), 0);
  for (std::uint64_t i = 0; i < kBatches; ++i)
    shared_->batches.push_back(std::make_unique<PacketBatch>(trackers_.size(), seed_));
  std::vector<std::thread> threads;
  for (std::size_t member = 1; member < trackers_.size(); ++member)
    threads.emplace_back([this, member, &fill] { work(member, fill); });
  work(0, fill);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace isotach::network

// Accounts for a capture on several threads, with the result that one thread has.
//
// Each thread owns a tracker and the flows that fall to it, and takes a turn at reading when it has nothing
// else to do: so the one with less to account for reads more. Memory is bounded: who reads waits until all
// have come near.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "network/connections/packet_batch.h"
#include "network/connections/tracker.h"

namespace isotach::network {

class TrackingCrew {
 public:
  // Fills a batch that was begun; false when there is no more. Called by one thread at a time, in order, but
  // not always by the same.
  using Fill = std::function<bool(PacketBatch& batch)>;

  // One thread for each tracker, the caller's included; all are made with the same seed, and so are the
  // batches.
  explicit TrackingCrew(std::span<Tracker* const> trackers);
  ~TrackingCrew();
  TrackingCrew(const TrackingCrew&) = delete;
  TrackingCrew& operator=(const TrackingCrew&) = delete;

  // Returns when all that `fill` has given is accounted for.
  void run(const Fill& fill);

 private:
  struct Shared;
  void read(std::size_t member, const Fill& fill);
  void work(std::size_t member, const Fill& fill);
  void work_alone(const Fill& fill);

  std::vector<Tracker*> trackers_;
  std::uint64_t seed_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace isotach::network

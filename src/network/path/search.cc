#include "network/path/search.h"

#include <algorithm>
#include <cmath>

namespace isotach::path {
namespace {

// Bounds of finding the capacity.
constexpr std::uint64_t kCapacityBytes = 1'700'000;
constexpr double kCapacityNs = 3e9;
constexpr double kCheckNs = 4e9;   // after that it is not begun any more
constexpr double kAgreed = 0.004;  // spread of spacings that are one and the same
constexpr std::uint32_t kShortTrain = 6;
constexpr std::uint32_t kLongTrain = 44;
constexpr std::size_t kShortTrains = 110;
constexpr std::uint32_t kAtOnce = 6;  // trains until what has come is asked for
constexpr double kLongTrainNs = 60e6;
constexpr double kLeastRestNs = 4e6, kMostRestNs = 40e6;
// Of a stream for the available bandwidth.
constexpr double kStreamNs = 12e6;
constexpr double kLongStreamNs = 30e6;
constexpr double kQueueNs = 3e6;  // that it may build
constexpr std::uint32_t kLeastProbes = 40;
constexpr std::uint32_t kMostProbes = 2000;
constexpr double kStreamShare = 0.15;  // of the time: what fills the queue meanwhile must drain

class CapacityFinder {
 public:
  CapacityFinder(StreamSender& sender, std::size_t wire_bytes)
      : sender_(sender), wire_bytes_(wire_bytes), start_ns_(sender.now_ns()) {}

  Result<CapacitySearch> find() {
    // Both lengths in turns, so that the time may end at any moment; a few first, to learn what a train
    // takes.
    std::uint32_t some = 2;
    for (std::size_t sent = 0; sent < kShortTrains && may_go_on(kShortTrain * some);
         sent += some, some = kAtOnce) {
      if (auto done = send(wire_bytes_, kShortTrain, some, found_.trains); !done)
        return tl::make_unexpected(std::move(done.error()));
      if (per_packet_ns_ * kLongTrain > kLongTrainNs || !may_go_on(kLongTrain)) continue;
      if (auto done = send(wire_bytes_, kLongTrain, 1, found_.trains); !done)
        return tl::make_unexpected(std::move(done.error()));
    }
    found_.capacity = estimate_capacity(found_.trains);
    if (auto checked = check_by_small(); !checked) return tl::make_unexpected(std::move(checked.error()));
    found_.seconds = static_cast<double>(sender_.now_ns() - start_ns_) / 1e9;
    return std::move(found_);
  }

 private:
  [[nodiscard]] bool may_go_on(std::uint32_t count) const {
    return !sender_.is_stopped() && found_.bytes + count * wire_bytes_ < kCapacityBytes &&
           static_cast<double>(sender_.now_ns() - start_ns_) < kCapacityNs;
  }

  // Even traffic on a faster link behind the narrow one may leave no gap that two large packets pass
  // untouched, and hold up all of them alike. Small ones pass; they can be spaced by less than the large ones
  // only then. The smaller the more of them pass, but the faster this machine has to send: two sizes.
  Result<void> check_by_small() {
    for (const double gap_ns : {3500.0, 7500.0}) {
      if (static_cast<double>(sender_.now_ns() - start_ns_) > kCheckNs) break;
      const double before = found_.capacity ? found_.capacity->bps.value : 0;
      if (auto checked = check_by_small(gap_ns); !checked) return checked;
      if (!found_.capacity || found_.capacity->bps.value > before) break;
    }
    return {};
  }

  // `gap_ns` from one to the next.
  Result<void> check_by_small(double gap_ns) {
    if (!found_.capacity) return {};
    constexpr double kSmallest = 100;  // what a probe holds, over IPv6
    constexpr std::uint32_t kTrains = 40;
    constexpr double kFaster = 1.02;
    constexpr double kAlike = 0.02;
    const double bps = found_.capacity->bps.value;
    const double wanted = std::max(kSmallest, bps * gap_ns / 8e9);
    if (wanted > static_cast<double>(wire_bytes_)) return {};
    const std::size_t bytes = std::min(static_cast<std::size_t>(wanted), wire_bytes_ / 2);
    std::vector<StreamRecord> trains;
    if (auto sent = send(bytes, kShortTrain, kTrains, trains); !sent) return sent;
    const auto small = estimate_capacity(trains);
    if (!small || small->spread >= kAgreed || small->bps.value <= bps * kFaster) return {};
    // Behind a busy faster link all of them may leave one after the other, as some large ones do.
    const auto fastest = fastest_spacing_bps(found_.trains);
    if (fastest && std::abs(small->bps.value / *fastest - 1) < kAlike) return {};
    found_.capacity = small;
    return {};
  }

  Result<void> send(std::size_t bytes, std::uint32_t count, std::uint32_t number,
                    std::vector<StreamRecord>& trains) {
    const double part = static_cast<double>(bytes) / static_cast<double>(wire_bytes_);
    const double rest_ns = std::clamp(per_packet_ns_ * part * count * 2, kLeastRestNs, kMostRestNs);
    auto records = sender_.trains(bytes, count, number, rest_ns);
    if (!records) return tl::make_unexpected(std::move(records.error()));
    found_.bytes += count * number * bytes;
    for (StreamRecord& record : *records) {
      // What a train takes on the path decides when the next may follow.
      if (record.arrivals.size() > 1 && bytes == wire_bytes_) {
        const double took =
            static_cast<double>(record.arrivals.back().received_ns - record.arrivals.front().received_ns);
        per_packet_ns_ = std::max(took / static_cast<double>(record.arrivals.size() - 1), 100.0);
      }
      trains.push_back(std::move(record));
    }
    sender_.wait_until(sender_.now_ns() + static_cast<std::int64_t>(rest_ns));
    return {};
  }

  StreamSender& sender_;
  std::size_t wire_bytes_;
  std::int64_t start_ns_;
  double per_packet_ns_ = 1e6;
  CapacitySearch found_;
};

class AvailableFinder {
 public:
  AvailableFinder(StreamSender& sender, std::size_t wire_bytes, const CapacitySearch& capacity)
      : sender_(sender),
        wire_bytes_(wire_bytes),
        capacity_bps_(capacity.capacity ? capacity.capacity->bps.value : 0),
        fastest_(capacity.trains) {}

  Result<AvailableSearch> find(std::int64_t limit_ns) {
    const std::int64_t start_ns = sender_.now_ns();
    for (int i = 0; sender_.now_ns() < start_ns + limit_ns && !sender_.is_stopped(); ++i) {
      if (auto sent = one_rate(next_rate(i) * capacity_bps_); !sent)
        return tl::make_unexpected(std::move(sent.error()));
    }
    found_.seconds = static_cast<double>(sender_.now_ns() - start_ns) / 1e9;
    found_.usable = streams_.size();
    found_.available = estimate_available(streams_, capacity_bps_, link_behind(fastest_, capacity_bps_));
    return std::move(found_);
  }

 private:
  Result<void> one_rate(double bps) {
    const double gap_ns = static_cast<double>(wire_bytes_) * 8e9 / bps;
    const auto count = static_cast<std::uint32_t>(
        std::clamp(stream_ns() / gap_ns, double{kLeastProbes}, double{kMostProbes}));
    const std::int64_t begun_ns = sender_.now_ns();
    auto record = sender_.stream(wire_bytes_, count, gap_ns);
    if (!record) return tl::make_unexpected(std::move(record.error()));
    if (const auto rates = rates_of(*record, capacity_bps_)) {
      streams_.push_back(*rates);
      if (bps >= capacity_bps_) fastest_.push_back(std::move(*record));
    } else {
      ++found_.unusable;
    }
    const double period_ns = gap_ns * count / kStreamShare;
    sender_.wait_until(begun_ns + static_cast<std::int64_t>(period_ns));
    return {};
  }

  // The less a stream is slowed the longer it has to be, to tell it from chance; the queue that it builds
  // stays short.
  [[nodiscard]] double stream_ns() const {
    const double slowed = slowed_at(1);
    return std::clamp(kQueueNs / std::max(slowed, 0.001), kStreamNs, kLongStreamNs);
  }

  // Half of the streams as fast as the narrow link lets through; others slower, as long as they are slowed
  // still: together they tell the capacity of the tight link from that of the narrow one.
  [[nodiscard]] double next_rate(int number) const {
    if (number % 2 == 0) return 1;
    constexpr int kSteps = 10;
    constexpr double kLittle = 0.1;
    const double step = slowed_at(1) < kLittle ? 0.04 : 0.08;
    int steps = 1;
    while (steps < kSteps && is_slowed(1 - step * steps)) ++steps;
    return 1 - step * (1 + number / 2 % steps);
  }

  // Whether streams of about that rate were slowed beyond what a busy link does now and then.
  [[nodiscard]] bool is_slowed(double rate) const {
    constexpr double kSlowed = 0.015;
    return slowed_at(rate) > kSlowed;
  }

  // By how much they were slowed on average; not at all where that was hardly tried.
  [[nodiscard]] double slowed_at(double rate) const {
    constexpr double kNear = 0.015;
    constexpr int kFew = 2;
    double sum = 0;
    int count = 0;
    for (const StreamRates& each : streams_) {
      if (std::abs(each.in_bps / capacity_bps_ - rate) > kNear) continue;
      sum += each.settled;
      ++count;
    }
    return count < kFew ? 0 : sum / count;
  }

  StreamSender& sender_;
  std::size_t wire_bytes_;
  double capacity_bps_;
  std::vector<StreamRates> streams_;
  std::vector<StreamRecord> fastest_;
  AvailableSearch found_;
};

}  // namespace

Result<CapacitySearch> find_capacity(StreamSender& sender, std::size_t wire_bytes) {
  return CapacityFinder(sender, wire_bytes).find();
}

Result<AvailableSearch> find_available(StreamSender& sender, std::size_t wire_bytes,
                                       const CapacitySearch& capacity, std::int64_t limit_ns) {
  if (!capacity.capacity) return AvailableSearch{};
  return AvailableFinder(sender, wire_bytes, capacity).find(limit_ns);
}

}  // namespace isotach::path

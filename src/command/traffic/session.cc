#include "command/traffic/session.h"

#include <algorithm>
#include <utility>

namespace isotach::command {
namespace {

using network::TrafficBy;
using network::TrafficGroup;
using network::TrafficSnapshot;

// More peaks than rows of all tables: then those of rows that are gone are forgotten.
constexpr std::size_t kMostPeaks = 131'072;

double seconds_between(const Instant& from, const Instant& to) {
  return static_cast<double>(to.monotonic_ns - from.monotonic_ns) /
         static_cast<double>(kNanosecondsPerSecond);
}

void push(view::Past& past, double value) {
  if (past.size() >= TrafficSession::kPastSamples) past.erase(past.begin());
  past.emplace_back(value);
}

}  // namespace

std::optional<std::uint64_t> unaccounted_packets(const TrafficSnapshot& snapshot) {
  std::optional<std::uint64_t> sum;
  for (const network::InterfaceTraffic& interface : snapshot.interfaces)
    for (const auto& missing : {interface.not_accounted_in, interface.not_accounted_out})
      if (missing) sum = sum.value_or(0) + static_cast<std::uint64_t>(std::max<std::int64_t>(0, *missing));
  return sum;
}

std::uint64_t other_packets(const TrafficSnapshot& snapshot) {
  return snapshot.flows_rest.overflow.packets();
}

Result<std::unique_ptr<TrafficSession>> TrafficSession::begin(
    std::unique_ptr<network::TrafficSource> source) {
  std::unique_ptr<TrafficSession> session(new TrafficSession(std::move(source)));
  if (auto read = session->source_->read(session->now_); !read)
    return tl::make_unexpected(std::move(read.error()));
  session->first_ = session->now_;
  return session;
}

Result<void> TrafficSession::read() {
  std::swap(before_, now_);
  if (auto read = source_->read(now_); !read) {
    std::swap(before_, now_);
    return read;
  }
  // Nothing newer, as at the end of a recording: what was last stays.
  if (now_.time.monotonic_ns <= before_.time.monotonic_ns) {
    std::swap(before_, now_);
    return {};
  }
  rates_ = network::rates(before_, now_);
  remember();
  return {};
}

double TrafficSession::running_s() const {
  return seconds_between(first_.time, now().time);
}

void TrafficSession::hold(bool on) {
  if (!on) held_.reset();
  if (on && !held_) held_ = Held{now_, rates_, in_past_, out_past_};
}

void TrafficSession::remember() {
  if (!rates_) return;
  const network::TwoWayRate total = network::traffic_total_rate(now_, *rates_);
  total_peak_bits_s_ = std::max(total_peak_bits_s_, total.bits_s());
  push(in_past_, total.in.bits_s());
  push(out_past_, total.out.bits_s());
  for (std::size_t i = 0; i < network::kTrafficBys; ++i) {
    const auto by = static_cast<TrafficBy>(i);
    const auto groups = network::traffic_groups(now_, &*rates_, by);
    remember_peaks(by, groups);
    if (watched_ && watched_->by == by) remember_watched(groups);
  }
}

void TrafficSession::remember_peaks(TrafficBy by, const std::vector<TrafficGroup>& groups) {
  Peaks& peaks = peaks_[static_cast<std::size_t>(by)];
  if (peaks.size() > kMostPeaks) {
    Peaks kept;
    for (const TrafficGroup& group : groups)
      if (const auto known = peaks.find(group.key); known != peaks.end()) kept.insert(*known);
    peaks = std::move(kept);
  }
  for (const TrafficGroup& group : groups) {
    const double bits_s = group.rate.bits_s();
    if (bits_s <= 0) continue;
    double& peak = peaks[group.key];
    peak = std::max(peak, bits_s);
  }
}

void TrafficSession::watch(TrafficBy by, std::uint64_t key) {
  watched_ = Watched{by, key, {}, {}, false};
}

void TrafficSession::remember_watched(const std::vector<TrafficGroup>& groups) {
  const auto found = std::find_if(groups.begin(), groups.end(),
                                  [&](const TrafficGroup& group) { return group.key == watched_->key; });
  watched_->is_gone = found == groups.end();
  const network::TwoWayRate rate = watched_->is_gone ? network::TwoWayRate{} : found->rate;
  push(watched_->in_past, rate.in.bits_s());
  push(watched_->out_past, rate.out.bits_s());
}

TrafficSpeeds TrafficSession::speeds(TrafficBy by, const TrafficGroup& group) const {
  TrafficSpeeds speeds;
  if (rates() == nullptr) return speeds;
  const Peaks& peaks = peaks_[static_cast<std::size_t>(by)];
  const auto known = peaks.find(group.key);
  speeds.peak_bits_s = known == peaks.end() ? 0 : known->second;
  double seconds = running_s();
  if (by == TrafficBy::flow) {
    // Since its first packet: of a flow that has just begun the mean is no smaller than its peak.
    const std::int64_t first_ns = std::max(now().flows[group.index].first_ns, first_.time.monotonic_ns);
    const double age =
        static_cast<double>(now().time.monotonic_ns - first_ns) / static_cast<double>(kNanosecondsPerSecond);
    seconds = std::max(age, rates()->seconds);
  }
  if (seconds > 0) speeds.mean_bits_s = static_cast<double>(group.traffic.bytes()) * 8 / seconds;
  return speeds;
}

TrafficSpeeds TrafficSession::total_speeds() const {
  TrafficSpeeds speeds;
  if (rates() == nullptr) return speeds;
  speeds.peak_bits_s = total_peak_bits_s_;
  const double seconds = running_s();
  if (seconds > 0) {
    const std::uint64_t bytes =
        network::traffic_total(now()).bytes() - network::traffic_total(first_).bytes();
    speeds.mean_bits_s = static_cast<double>(bytes) * 8 / seconds;
  }
  return speeds;
}

}  // namespace isotach::command

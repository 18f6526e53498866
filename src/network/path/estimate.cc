#include "network/path/estimate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <functional>
#include <utility>

#include "network/path/elbow.h"

namespace isotach::path {
namespace {

constexpr std::array<std::uint32_t, 12> kSpacings = {1, 2, 3, 4, 5, 8, 12, 16, 24, 32, 40, 43};
// Of all spacings of a kind, so many of the least delayed are believed.
constexpr double kBelieved = 0.015;
constexpr std::size_t kFewestBelieved = 5;
// When they agree as well as that, a longer spacing would only catch more of others' traffic.
constexpr double kAgreed = 0.004;
constexpr double kNever = -1e18;

struct Spacing {
  double excess_ns;  // delay of both packets beyond the least seen at their places
  double time_ns;
};

double median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return quantile(values, 0.5);
}

// Arrival times by sequence number; kNever: lost. The first copy counts. Clocks may differ by anything.
std::vector<double> by_sequence(const StreamRecord& stream) {
  std::vector<double> times(stream.sent_ns.size(), kNever);
  if (stream.arrivals.empty()) return times;
  const std::int64_t base = stream.sent_ns.empty() ? 0 : stream.sent_ns.front();
  for (const Arrival& arrival : stream.arrivals) {
    if (arrival.sequence >= times.size() || times[arrival.sequence] > kNever) continue;
    times[arrival.sequence] = static_cast<double>(arrival.received_ns - base);
  }
  return times;
}

// The longest part that left evenly: the first packet, and one beyond the last.
std::pair<std::size_t, std::size_t> longest_even_part(const StreamRecord& stream) {
  const std::size_t count = stream.sent_ns.size();
  const double limit_ns = evenness_ns(stream.gap_ns, count);
  const auto late_ns = [&](std::size_t at) {
    return static_cast<double>(stream.sent_ns[at] - stream.sent_ns[0]) -
           stream.gap_ns * static_cast<double>(at);
  };
  std::deque<std::size_t> least, most;  // the candidates for both, the present one in front
  std::pair<std::size_t, std::size_t> best{0, 0};
  std::size_t from = 0;
  for (std::size_t to = 0; to < count; ++to) {
    while (!least.empty() && late_ns(least.back()) >= late_ns(to)) least.pop_back();
    while (!most.empty() && late_ns(most.back()) <= late_ns(to)) most.pop_back();
    least.push_back(to);
    most.push_back(to);
    for (; late_ns(most.front()) - late_ns(least.front()) > limit_ns; ++from)
      for (auto* each : {&least, &most})
        if (each->front() == from) each->pop_front();
    if (to + 1 - from > best.second - best.first) best = {from, to + 1};
  }
  return best;
}

class TrainTable {
 public:
  explicit TrainTable(const std::vector<StreamRecord>& trains) {
    for (const StreamRecord& train : trains) {
      trains_.push_back(by_sequence(train));
      bytes_ = static_cast<double>(train.wire_bytes);
      for (std::size_t i = 0; i < trains_.back().size(); ++i) {
        const double time = trains_.back()[i];
        if (i >= least_.size()) {
          least_.resize(i + 1, kUnknown);
          seen_.resize(i + 1, 0);
        }
        ++seen_[i];
        if (time > kNever) least_[i] = std::min(least_[i], time);
      }
    }
  }
  [[nodiscard]] double bytes() const { return bytes_; }

  [[nodiscard]] std::vector<Spacing> spacings(std::uint32_t apart) const {
    std::vector<Spacing> found;
    for (const auto& train : trains_) {
      for (std::size_t i = 0; i + apart < train.size(); ++i) {
        if (train[i] <= kNever || train[i + apart] <= kNever || !is_known(i, apart)) continue;
        found.push_back(
            {train[i] - least_[i] + train[i + apart] - least_[i + apart], train[i + apart] - train[i]});
      }
    }
    std::sort(found.begin(), found.end(),
              [](const Spacing& a, const Spacing& b) { return a.excess_ns < b.excess_ns; });
    return found;
  }

 private:
  // The least delay at a place that few trains reach may be none at all: it is believed where most have one,
  // if the packets that are compared leave the choice.
  [[nodiscard]] bool is_known(std::size_t first, std::size_t apart) const {
    const std::size_t most = seen_.front();
    if (seen_[first + apart] * 2 >= most) return true;
    return apart >= seen_.size() || seen_[apart] * 2 < most;
  }

  static constexpr double kUnknown = 1e18;
  std::vector<std::vector<double>> trains_;
  std::vector<double> least_;
  std::vector<std::size_t> seen_;  // how many trains have a packet there
  double bytes_ = 0;
};

}  // namespace

double evenness_ns(double gap_ns, std::size_t count) {
  constexpr double kOfItsTime = 0.02;
  return gap_ns * (1 + kOfItsTime * static_cast<double>(count));
}

double quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - static_cast<double>(below));
}

std::optional<Capacity> estimate_capacity(const std::vector<StreamRecord>& trains) {
  const TrainTable table(trains);
  std::optional<Capacity> best;
  for (const std::uint32_t apart : kSpacings) {
    const std::vector<Spacing> all = table.spacings(apart);
    const auto wanted = static_cast<std::size_t>(static_cast<double>(all.size()) * kBelieved);
    const std::size_t count = std::min(all.size(), std::max(kFewestBelieved, wanted));
    if (count < kFewestBelieved) break;
    std::vector<double> times;
    for (std::size_t i = 0; i < count; ++i) times.push_back(all[i].time_ns);
    const double middle = median(times);
    if (middle <= 0) continue;
    Capacity found;
    found.spacing = apart;
    found.samples = count;
    found.spread = (quantile(times, 0.75) - quantile(times, 0.25)) / middle;
    const double bits = table.bytes() * 8 * apart * 1e9;
    found.bps = {bits / middle, bits / quantile(times, 0.9), bits / std::max(1.0, quantile(times, 0.1))};
    if (!best || found.spread < best->spread) best = found;
    if (found.spread < kAgreed) break;
  }
  return best;
}

std::optional<StreamRates> rates_of(const StreamRecord& stream, double capacity_bps) {
  constexpr std::size_t kFewest = 10;
  constexpr double kMostLost = 0.1;
  constexpr double kEnough = 0.4;  // of the stream
  constexpr double kSettles = 1.0 / 3;
  const std::vector<double> times = by_sequence(stream);
  const std::size_t count = times.size();
  if (count < kFewest || capacity_bps <= 0) return std::nullopt;
  const auto arrived =
      static_cast<double>(std::count_if(times.begin(), times.end(), [](double t) { return t > kNever; }));
  if (arrived < kFewest || arrived < static_cast<double>(count) * (1 - kMostLost)) return std::nullopt;
  // A sender that was held up has sent two streams, or more: the longest of them counts.
  const auto [begin, end] = longest_even_part(stream);
  if (static_cast<double>(end - begin) < static_cast<double>(count) * kEnough) return std::nullopt;
  // When each would leave the narrow link if it met nobody there.
  const double one_ns = static_cast<double>(stream.wire_bytes) * 8e9 / capacity_bps;
  std::vector<double> alone(count);
  double free_ns = -1e18;
  for (std::size_t i = begin; i < end; ++i)
    alone[i] = free_ns =
        std::max(static_cast<double>(stream.sent_ns[i] - stream.sent_ns[0]), free_ns) + one_ns;
  const auto next_arrived = [&](std::size_t at) {
    while (at < end && times[at] <= kNever) ++at;
    return at;
  };
  const std::size_t first = next_arrived(begin);
  const std::size_t later =
      next_arrived(begin + static_cast<std::size_t>(static_cast<double>(end - begin) * kSettles));
  std::size_t last = end - 1;
  while (last > begin && times[last] <= kNever) --last;
  if (last <= later) return std::nullopt;
  const double alone_ns = alone[last] - alone[first];
  const double settled_ns = alone[last] - alone[later];
  if (settled_ns <= 0) return std::nullopt;
  StreamRates rates;
  rates.in_bps = static_cast<double>(stream.wire_bytes) * 8e9 * static_cast<double>(last - first) / alone_ns;
  rates.slowed = (times[last] - times[first]) / alone_ns - 1;
  rates.settled = (times[last] - times[later]) / settled_ns - 1;
  return rates;
}

std::optional<double> link_behind(const std::vector<StreamRecord>& streams, double capacity_bps) {
  constexpr double kShorter = 0.97;  // than the narrow link's spacing
  constexpr double kAlike = 0.01;
  constexpr double kOfAll = 0.02;
  constexpr double kOfShorter = 0.1;
  constexpr double kOneKind = 0.9;
  constexpr double kOften = 0.1;
  constexpr std::size_t kFewest = 20;
  std::vector<double> gaps;
  std::size_t all = 0;
  std::size_t unchanged = 0;  // as the narrow link spaced them
  double bits = 0;
  for (const StreamRecord& stream : streams) {
    const std::vector<double> times = by_sequence(stream);
    bits = static_cast<double>(stream.wire_bytes) * 8e9;
    for (std::size_t i = 1; i < times.size(); ++i) {
      if (times[i] <= kNever || times[i - 1] <= kNever) continue;
      ++all;
      const double gap = (times[i] - times[i - 1]) * capacity_bps / bits;
      if (gap > 0 && gap < kShorter) gaps.push_back(gap);
      if (std::abs(gap - 1) < kAlike) ++unchanged;
    }
  }
  if (gaps.size() < kFewest) return std::nullopt;
  std::sort(gaps.begin(), gaps.end());
  // The shortest, but for a few that something else made.
  const double shortest = quantile(gaps, 0.05);
  const auto from = std::lower_bound(gaps.begin(), gaps.end(), shortest * (1 - kAlike));
  const auto to = std::upper_bound(gaps.begin(), gaps.end(), shortest * (1 + kAlike));
  const auto alike = static_cast<std::size_t>(to - from);
  // Where it is not the tight one, most packets do not wait there. Behind a link of half its rate a packet of
  // others between two of ours looks as if nothing had happened: there the shorter ones have to be of one
  // kind.
  const bool waits =
      alike >= unchanged || (static_cast<double>(alike) > kOneKind * static_cast<double>(gaps.size()) &&
                             static_cast<double>(alike) > kOften * static_cast<double>(all));
  if (alike < kFewest || !waits || static_cast<double>(alike) < kOfAll * static_cast<double>(all) ||
      static_cast<double>(alike) < kOfShorter * static_cast<double>(gaps.size()))
    return std::nullopt;
  return capacity_bps / *(from + static_cast<std::ptrdiff_t>(alike / 2));
}

std::optional<double> fastest_spacing_bps(const std::vector<StreamRecord>& trains) {
  constexpr std::size_t kSome = 3;
  constexpr double kAlike = 0.01;
  std::vector<double> rates;
  for (const StreamRecord& train : trains) {
    const std::vector<double> times = by_sequence(train);
    for (std::size_t i = 1; i < times.size(); ++i)
      if (times[i - 1] > kNever && times[i] > times[i - 1])
        rates.push_back(static_cast<double>(train.wire_bytes) * 8e9 / (times[i] - times[i - 1]));
  }
  std::sort(rates.begin(), rates.end(), std::greater<>());
  for (std::size_t i = 0; i + kSome <= rates.size(); ++i)
    if (rates[i + kSome - 1] > rates[i] * (1 - kAlike)) return rates[i + kSome / 2];
  return std::nullopt;
}

std::optional<Available> estimate_available(const std::vector<StreamRates>& streams, double capacity_bps,
                                            std::optional<double> behind_bps) {
  if (capacity_bps <= 0) return std::nullopt;
  std::vector<SlowedStream> points;
  for (const StreamRates& each : streams)
    points.push_back({each.in_bps / capacity_bps, each.slowed, each.settled});
  const auto elbow = fit_elbow(points, behind_bps ? std::optional(*behind_bps / capacity_bps) : std::nullopt);
  if (!elbow) return std::nullopt;
  Available found;
  found.bps = {elbow->available * capacity_bps, elbow->low * capacity_bps, elbow->high * capacity_bps};
  std::vector<double> each_bps;
  for (const SlowedStream& each : points)
    each_bps.push_back(std::clamp(each.rate - elbow->tight * each.slowed, 0.0, 1.0) * capacity_bps);
  std::sort(each_bps.begin(), each_bps.end());
  found.least_bps = quantile(each_bps, 0.05);
  found.most_bps = quantile(each_bps, 0.95);
  if (elbow->tight > 1) found.tight_bps = elbow->tight * capacity_bps;
  found.streams = streams.size();
  return found;
}

void count_losses(const StreamRecord& stream, Losses& losses) {
  losses.sent += stream.sent_ns.size();
  std::vector<bool> seen(stream.sent_ns.size(), false);
  std::uint32_t next = 0;
  std::uint64_t unique = 0;
  std::vector<std::uint32_t> order;
  for (const Arrival& arrival : stream.arrivals) {
    if (arrival.sequence >= seen.size()) continue;
    if (seen[arrival.sequence]) {
      ++losses.duplicates;
      continue;
    }
    seen[arrival.sequence] = true;
    ++unique;
    if (arrival.sequence >= next) {
      next = arrival.sequence + 1;
    } else {
      ++losses.reordered;
      const auto later = static_cast<std::uint64_t>(std::count_if(
          order.begin(), order.end(), [&](std::uint32_t other) { return other > arrival.sequence; }));
      losses.reorder_extent = std::max(losses.reorder_extent, later);
    }
    order.push_back(arrival.sequence);
  }
  losses.arrived += unique;
  losses.lost += stream.sent_ns.size() - unique;
}

}  // namespace isotach::path

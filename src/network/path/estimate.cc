#include "network/path/estimate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace isotach::path {
namespace {

constexpr std::array<std::uint32_t, 12> kSpacings = {1, 2, 3, 4, 5, 8, 12, 16, 24, 32, 40, 43};
// Of all spacings of a kind, so many of the least delayed are believed.
constexpr double kBelieved = 0.015;
constexpr std::size_t kFewestBelieved = 5;
// When they agree as well as that, a longer spacing would only catch more of others' traffic.
constexpr double kAgreed = 0.004;
constexpr double k95 = 1.96;
// A stream that comes out slower by less than that was not slowed, as far as can be told.
constexpr double kSlowed = 0.03;

struct Spacing {
  double excess_ns;  // delay of both packets beyond the least seen at their places
  double time_ns;
};

double median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return quantile(values, 0.5);
}

// Arrival times by sequence number; below 0: lost. The first copy counts.
std::vector<double> by_sequence(const StreamRecord& stream) {
  std::vector<double> times(stream.sent_ns.size(), -1);
  if (stream.arrivals.empty()) return times;
  const std::int64_t base = stream.sent_ns.empty() ? 0 : stream.sent_ns.front();
  for (const Arrival& arrival : stream.arrivals) {
    if (arrival.sequence >= times.size() || times[arrival.sequence] >= 0) continue;
    times[arrival.sequence] = static_cast<double>(arrival.received_ns - base);
  }
  return times;
}

class TrainTable {
 public:
  explicit TrainTable(const std::vector<StreamRecord>& trains) {
    for (const StreamRecord& train : trains) {
      trains_.push_back(by_sequence(train));
      bytes_ = static_cast<double>(train.wire_bytes);
      // Clocks may differ by anything: only differences of delays count, so a time may be below 0.
      for (std::size_t i = 0; i < trains_.back().size(); ++i) {
        const double time = trains_.back()[i];
        if (i >= least_.size()) {
          least_.resize(i + 1, kUnknown);
          seen_.resize(i + 1, 0);
        }
        ++seen_[i];
        if (time >= 0) least_[i] = std::min(least_[i], time);
      }
    }
  }
  [[nodiscard]] double bytes() const { return bytes_; }

  [[nodiscard]] std::vector<Spacing> spacings(std::uint32_t apart) const {
    std::vector<Spacing> found;
    for (const auto& train : trains_) {
      for (std::size_t i = 0; i + apart < train.size(); ++i) {
        if (train[i] < 0 || train[i + apart] < 0 || !is_known(i, apart)) continue;
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

std::optional<StreamRates> rates_of(const StreamRecord& stream) {
  constexpr std::size_t kFewest = 10;
  constexpr double kMostLost = 0.1;
  constexpr double kHeldUp = 0.05;  // of the stream's time
  const std::vector<double> times = by_sequence(stream);
  const std::size_t count = times.size();
  if (count < kFewest) return std::nullopt;
  const std::size_t arrived =
      static_cast<std::size_t>(std::count_if(times.begin(), times.end(), [](double t) { return t >= 0; }));
  if (arrived < kFewest || static_cast<double>(arrived) < static_cast<double>(count) * (1 - kMostLost))
    return std::nullopt;
  std::size_t first = 0;
  while (times[first] < 0) ++first;
  std::size_t last = count - 1;
  while (times[last] < 0) --last;
  const auto sent = [&](std::size_t i) { return static_cast<double>(stream.sent_ns[i] - stream.sent_ns[0]); };
  const double in_ns = sent(last) - sent(first);
  const double out_ns = times[last] - times[first];
  if (in_ns <= 0 || out_ns <= 0) return std::nullopt;
  const double planned_ns = stream.gap_ns * static_cast<double>(last - first);
  double most_gap_ns = 0;
  for (std::size_t i = 1; i < count; ++i)
    most_gap_ns = std::max(most_gap_ns, sent(i) - sent(i - 1) - stream.gap_ns);
  if (most_gap_ns > planned_ns * kHeldUp && most_gap_ns > 2 * stream.gap_ns) return std::nullopt;
  const double bits = static_cast<double>(stream.wire_bytes) * 8e9 * static_cast<double>(last - first);
  StreamRates rates;
  rates.in_bps = bits / in_ns;
  rates.out_bps = bits / out_ns;
  rates.delay_rise_ns = out_ns - in_ns;
  // Medians of groups as large as there are groups.
  const auto group = static_cast<std::size_t>(std::sqrt(static_cast<double>(count)));
  std::vector<double> medians;
  for (std::size_t at = 0; at + group <= count; at += group) {
    std::vector<double> delays;
    for (std::size_t i = at; i < at + group; ++i)
      if (times[i] >= 0) delays.push_back(times[i] - sent(i));
    if (!delays.empty()) medians.push_back(median(delays));
  }
  std::size_t rises = 0;
  for (std::size_t i = 1; i < medians.size(); ++i) rises += medians[i] > medians[i - 1] ? 1 : 0;
  if (medians.size() > 1) rates.trend = static_cast<double>(rises) / static_cast<double>(medians.size() - 1);
  return rates;
}

namespace {

// Of the rates that were tried, those that count: the tight link's queue was never empty. Near what is
// available it is now and then, for traffic comes in bursts, and streams are slowed by less than nothing in
// between would tell.
std::vector<StreamRates> without_too_slow(const std::vector<StreamRates>& all, double capacity_bps) {
  struct Rate {
    double slowed = 0;
    double count = 0;
  };
  constexpr double kRates = 20;  // steps of 5 %
  constexpr double kSlowedEnough = 0.3;
  std::map<int, Rate> rates;
  const auto step_of = [&](const StreamRates& each) {
    return static_cast<int>(std::lround(each.in_bps / capacity_bps * kRates));
  };
  for (const StreamRates& each : all) {
    Rate& rate = rates[step_of(each)];
    rate.slowed += each.in_bps / each.out_bps - 1;
    ++rate.count;
  }
  if (rates.empty()) return all;
  // The fastest that was tried more than by accident.
  constexpr double kSome = 3;
  auto fastest = rates.rbegin();
  while (std::next(fastest) != rates.rend() && fastest->second.count < kSome) ++fastest;
  const double most = fastest->second.slowed / fastest->second.count;
  std::vector<StreamRates> kept;
  for (const StreamRates& each : all) {
    const Rate& rate = rates[step_of(each)];
    const bool counts = step_of(each) >= fastest->first ||
                        (most > kSlowed && rate.slowed / rate.count >= most * kSlowedEnough);
    if (counts) kept.push_back(each);
  }
  return kept;
}

struct Line {
  double at_zero = 0, slope = 0, slope_error = 0;
};

// y = a + b x through points, by least squares.
std::optional<Line> fit(const std::vector<std::pair<double, double>>& points) {
  const auto n = static_cast<double>(points.size());
  if (points.size() < 6) return std::nullopt;
  double mx = 0, my = 0;
  for (const auto& [x, y] : points) {
    mx += x / n;
    my += y / n;
  }
  double sxx = 0, sxy = 0;
  for (const auto& [x, y] : points) {
    sxx += (x - mx) * (x - mx);
    sxy += (x - mx) * (y - my);
  }
  if (sxx <= 0) return std::nullopt;
  Line line;
  line.slope = sxy / sxx;
  line.at_zero = my - line.slope * mx;
  double rest = 0;
  for (const auto& [x, y] : points) {
    const double off = y - line.at_zero - line.slope * x;
    rest += off * off;
  }
  line.slope_error = std::sqrt(rest / (n - 2) / sxx);
  return line;
}

}  // namespace

std::optional<Available> estimate_available(const std::vector<StreamRates>& all, double capacity_bps) {
  constexpr std::size_t kFewest = 6;
  if (capacity_bps <= 0) return std::nullopt;
  const std::vector<StreamRates> streams = without_too_slow(all, capacity_bps);
  if (streams.size() < kFewest) return std::nullopt;
  std::vector<std::pair<double, double>> points;
  double slowed = 0;
  for (const StreamRates& each : streams) {
    points.emplace_back(each.in_bps / capacity_bps, each.in_bps / each.out_bps - 1);
    slowed += points.back().second;
  }
  slowed /= static_cast<double>(points.size());
  // Most streams came out as they went in: what disturbed the others was no traffic, that would have met all.
  constexpr double kNotSlowed = 0.015;
  std::vector<double> ratios;
  for (const auto& [rate, slower] : points) ratios.push_back(slower);
  const double usual = median(ratios);
  const bool loaded = slowed > kSlowed && usual >= kNotSlowed;
  // In units of the narrow link's capacity the slope is 1 where the tight link is the narrow one.
  double tight = capacity_bps;
  bool other = false;
  double tight_error = 0;  // relative
  if (const auto line = loaded ? fit(points) : std::nullopt) {
    // Another link must be faster than the narrow one: a smaller slope, beyond chance, and by a wide margin.
    constexpr double kClearly = 3.5;
    constexpr double kMargin = 0.2;
    // Much faster than the narrow one it would have to be nearly full, and a little noise would decide.
    constexpr double kLeastSlope = 0.15;
    if (line->slope > kLeastSlope && 1 - line->slope > kMargin &&
        1 - line->slope > kClearly * line->slope_error) {
      tight = capacity_bps / line->slope;
      other = true;
      tight_error = line->slope_error / line->slope;
    }
  }
  std::vector<double> each_bps;
  double sum = 0;
  for (const StreamRates& each : streams) {
    const double available = each.in_bps - tight * (each.in_bps / each.out_bps - 1);
    each_bps.push_back(std::min(available, std::min(tight, capacity_bps)));
    sum += available;
  }
  const auto n = static_cast<double>(each_bps.size());
  const double mean = std::min(sum / n, capacity_bps);
  double variance = 0;
  for (const double value : each_bps) variance += (value - mean) * (value - mean);
  // Streams are apart, but traffic in bursts goes on from one to the next: the error is that of half as many.
  const double error = std::hypot(std::sqrt(variance / (n - 1) / (n / 2)), slowed * tight * tight_error);
  std::sort(each_bps.begin(), each_bps.end());
  Available found;
  const double floor_error = 0.003 * capacity_bps;
  found.bps = {std::max(0.0, mean), std::max(0.0, mean - k95 * error - floor_error),
               std::min(capacity_bps, mean + k95 * error + floor_error)};
  // A sender that is held up for a moment and makes up for it builds a short queue even on an idle path,
  // never the other way round: nearly all of it is as good as all.
  constexpr double kNearlyAll = 0.96;
  if (!other && usual < kNotSlowed) {
    found.bps.value = capacity_bps * (1 - std::max(0.0, usual));
    found.bps.high = capacity_bps;
  } else if (!other && mean > kNearlyAll * capacity_bps) {
    found.bps.value = (mean + capacity_bps) / 2;
    found.bps.high = capacity_bps;
  }
  found.least_bps = std::max(0.0, quantile(each_bps, 0.05));
  found.most_bps = std::min(capacity_bps, quantile(each_bps, 0.95));
  if (other) found.tight_bps = tight;
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

#include "network/path/elbow.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <random>

#include "network/path/estimate.h"

namespace isotach::path {
namespace {

constexpr std::size_t kFewest = 6;
// Streams whose rates are nearer than that are a group.
constexpr double kRateStep = 0.04;
// What a model may be off by for reasons of its own: near the elbow traffic in bursts rounds it.
constexpr double kModelError = 0.004;
// How much better than the simpler model another has to fit, in squares of errors.
constexpr double kClearlyTight = 1.2;
constexpr double kFreeGain = 6;
constexpr double kMostTight = 4;
// How far the shares of slowed streams are off, as a share.
constexpr double kSharesError = 0.25;
// Streams that were slowed by less tell nothing by their shares.
constexpr double kSharesTell = 0.05;
constexpr int kResamples = 160;

struct Group {
  double rate = 0, slowed = 0, settled = 0, weight = 0;
};

struct Fit {
  double available = 1, tight = 1, misfit = 1e300;
};

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double each : values) sum += each;
  return sum / static_cast<double>(values.size());
}

std::vector<Group> group(const std::vector<SlowedStream>& streams) {
  struct Members {
    std::vector<double> rates, slowed, settled;
  };
  std::map<long, Members> all;
  double squares = 0;
  double freedom = 0;
  for (const SlowedStream& each : streams) {
    Members& members = all[std::lround(each.rate / kRateStep)];
    members.rates.push_back(each.rate);
    members.slowed.push_back(each.slowed);
    members.settled.push_back(each.settled);
  }
  const auto squares_of = [](const std::vector<double>& values) {
    const double mean = mean_of(values);
    double sum = 0;
    for (const double each : values) sum += (each - mean) * (each - mean);
    return sum;
  };
  for (const auto& [step, members] : all) {
    squares += squares_of(members.settled);
    freedom += static_cast<double>(members.settled.size()) - 1;
  }
  const double usual = freedom > 0 ? squares / freedom : 1;
  std::vector<Group> groups;
  for (const auto& [step, members] : all) {
    const auto n = static_cast<double>(members.settled.size());
    // Of few the spread is known badly: that of all counts as some more.
    constexpr double kPrior = 4;
    const double variance = (squares_of(members.settled) + kPrior * usual) / (n - 1 + kPrior);
    groups.push_back({mean_of(members.rates), mean_of(members.slowed), mean_of(members.settled),
                      1 / (variance / n + kModelError * kModelError)});
  }
  return groups;
}

Fit fit_with(const std::vector<Group>& groups, double tight) {
  Fit best;
  constexpr int kSteps = 200;
  for (int step = kSteps; step >= 0; --step) {
    const double available = static_cast<double>(step) / kSteps;
    double misfit = 0;
    for (const Group& each : groups) {
      const double off = each.settled - std::max(0.0, (each.rate - available) / tight);
      misfit += off * off * each.weight;
    }
    if (misfit < best.misfit) best = {available, tight, misfit};
  }
  return best;
}

// What share of the streams at a rate is slowed says how often less than that was available; how much, what
// the rest is divided by. Half of what the fastest were slowed by is the line between the two.
double tight_of(const std::vector<SlowedStream>& streams, const std::vector<Group>& groups) {
  const Group& fastest = groups.back();
  const double line = fastest.settled / 2;
  if (line <= 0) return 1;
  double slower = 0;  // integral over the rate of the share that was slowed
  double before_rate = groups.front().rate, before_share = 0;
  for (const Group& each : groups) {
    double count = 0, beyond = 0;
    for (const SlowedStream& stream : streams) {
      if (std::lround(stream.rate / kRateStep) != std::lround(each.rate / kRateStep)) continue;
      ++count;
      beyond += stream.settled > line ? 1 : 0;
    }
    const double share = count > 0 ? beyond / count : before_share;
    slower += (each.rate - before_rate) * (share + before_share) / 2;
    before_rate = each.rate;
    before_share = share;
  }
  return slower / line;
}

// How ill a capacity of the tight link goes with what the shares say, in squares of errors.
double misfit_of_shares(double tight, double by_shares) {
  const double off = (tight / by_shares - 1) / kSharesError;
  return off * off;
}

// With a tight link of any capacity: those that fit, weighed by how well, by how near they are to what the
// shares of slowed streams say, and by how many there are (few links are very much faster than others of
// their path).
Fit fit_free(const std::vector<Group>& groups, double tight_by_shares) {
  constexpr double kStep = 1.05;
  std::vector<Fit> fits;
  Fit best;
  for (double tight = kClearlyTight; tight <= kMostTight; tight *= kStep) {
    Fit each = fit_with(groups, tight);
    each.misfit +=
        misfit_of_shares(tight, std::clamp(tight_by_shares, kClearlyTight, kMostTight)) + 2 * std::log(tight);
    fits.push_back(each);
    if (each.misfit < best.misfit) best = each;
  }
  double sum = 0, weights = 0;
  for (const Fit& each : fits) {
    const double weight = std::exp((best.misfit - each.misfit) / 2);
    sum += each.tight * weight;
    weights += weight;
  }
  const double misfit = best.misfit;
  best = fit_with(groups, sum / weights);
  best.misfit = misfit;
  return best;
}

// What groups on the line say that is left, more exactly than the step of the fit.
double available_of(const std::vector<Group>& groups, const Fit& fit) {
  const bool narrow = fit.tight <= 1;
  // Well above the elbow the whole of each stream counts: nothing of it was rounded. Of another tight link
  // only the fastest streams: where traffic comes in bursts, slower ones say what is left of less.
  constexpr double kClear = 0.15;
  const double from = narrow ? fit.available + kClear : groups.back().rate - 1.5 * kRateStep;
  double sum = 0, weights = 0;
  for (const Group& each : groups) {
    if (each.rate < from) continue;
    sum += (each.rate - (narrow ? each.slowed : each.settled) * fit.tight) * each.weight;
    weights += each.weight;
  }
  return weights > 0 ? std::clamp(sum / weights, 0.0, 1.0) : fit.available;
}

Fit fit(const std::vector<SlowedStream>& streams, std::optional<double> hint) {
  const std::vector<Group> groups = group(streams);
  Fit chosen = fit_with(groups, hint.value_or(1));
  if (!hint) {
    const double by_shares = tight_of(streams, groups);
    if (groups.back().settled > kSharesTell)
      chosen.misfit += misfit_of_shares(chosen.tight, std::clamp(by_shares, chosen.tight, kMostTight));
    const Fit other = fit_free(groups, by_shares);
    if (other.misfit < chosen.misfit - kFreeGain) chosen = other;
  }
  chosen.available = available_of(groups, chosen);
  return chosen;
}

// Where a tight link of another capacity fits nearly as well, what it would leave is possible too.
void widen(const std::vector<Group>& groups, const Fit& chosen, Elbow& elbow) {
  constexpr double kAsWell = 3.84;  // 95 % of chance, for one unknown
  constexpr double kStep = 1.1;
  const double best = fit_with(groups, chosen.tight).misfit;
  for (double tight = kClearlyTight; tight <= kMostTight; tight *= kStep) {
    const Fit other = fit_with(groups, tight);
    if (other.misfit + 2 * std::log(tight) > best + kAsWell) continue;
    const double available = available_of(groups, other);
    elbow.low = std::min(elbow.low, available);
    elbow.high = std::max(elbow.high, available);
  }
}

}  // namespace

std::optional<Elbow> fit_elbow(const std::vector<SlowedStream>& streams, std::optional<double> tight_hint) {
  if (streams.size() < kFewest) return std::nullopt;
  const Fit whole = fit(streams, tight_hint);
  // How it would have come out with other streams of the same kind. Traffic in bursts goes on from one stream
  // to the next, so it is as if there were half as many.
  std::mt19937_64 chance(streams.size());
  std::uniform_int_distribution<std::size_t> any(0, streams.size() - 1);
  std::vector<double> found;
  std::vector<SlowedStream> drawn;
  for (int i = 0; i < kResamples; ++i) {
    drawn.clear();
    while (drawn.size() < std::max(kFewest, streams.size() / 2)) drawn.push_back(streams[any(chance)]);
    found.push_back(fit(drawn, tight_hint).available);
  }
  std::sort(found.begin(), found.end());
  constexpr double kFloor = 0.004;
  Elbow elbow;
  elbow.available = whole.available;
  elbow.tight = whole.tight;
  elbow.low = std::max(0.0, std::min(whole.available, quantile(found, 0.025)) - kFloor);
  elbow.high = std::min(1.0, std::max(whole.available, quantile(found, 0.975)) + kFloor);
  if (!tight_hint) widen(group(streams), whole, elbow);
  // A busy link elsewhere slows streams as fast as the narrow one a little, for those never catch up.
  constexpr double kNearlyAll = 0.96;
  if (elbow.available > kNearlyAll) elbow.high = 1;
  return elbow;
}

}  // namespace isotach::path

#include "network/nettest/confidence.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace isotach::nettest {
namespace {

constexpr std::size_t kShortestSequence = 8;

// The regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz and
// Stegun 26.5.8, summed up by Lentz's method).
double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // It converges fast on this side of the mean; the other is its mirror.
  if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(b, a, 1 - x);
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x)) /
      a;
  constexpr double kTiny = 1e-300;
  double c = 1;
  double d = 1 - (a + b) * x / (a + 1);
  d = 1 / (std::abs(d) < kTiny ? kTiny : d);
  double sum = d;
  for (int m = 1; m < 500; ++m) {
    const auto next = [&](double coefficient) {
      d = 1 + coefficient * d;
      d = 1 / (std::abs(d) < kTiny ? kTiny : d);
      c = 1 + coefficient / c;
      if (std::abs(c) < kTiny) c = kTiny;
      sum *= d * c;
    };
    next(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)));
    next(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)));
    if (std::abs(d * c - 1) < 1e-12) break;
  }
  return front * sum;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Sum of the products with the value `lag` places before, divided by the number of all.
double covariance(const std::vector<double>& values, double mean, std::size_t lag) {
  double sum = 0;
  for (std::size_t i = lag; i < values.size(); ++i) sum += (values[i] - mean) * (values[i - lag] - mean);
  return sum / static_cast<double>(values.size());
}

}  // namespace

double student_t(double level, std::size_t degrees_of_freedom) {
  const auto freedom = static_cast<double>(std::max<std::size_t>(1, degrees_of_freedom));
  const double outside = 1 - std::clamp(level, 0.0, 0.9999);
  double low = 0;
  double high = 1e6;
  for (int i = 0; i < 200 && high - low > 1e-9 * high; ++i) {
    const double t = (low + high) / 2;
    // The share of both tails beyond t.
    (incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t)) > outside ? low : high) = t;
  }
  return (low + high) / 2;
}

std::optional<MeanEstimate> estimate_runs(const std::vector<double>& values, double level) {
  if (values.size() < 2) return std::nullopt;
  const auto count = static_cast<double>(values.size());
  MeanEstimate estimate;
  estimate.mean = mean_of(values);
  const double variance = covariance(values, estimate.mean, 0) * count / (count - 1);
  estimate.half_width = student_t(level, values.size() - 1) * std::sqrt(variance / count);
  return estimate;
}

std::optional<MeanEstimate> estimate_sequence(const std::vector<double>& values, double level) {
  if (values.size() < kShortestSequence) return std::nullopt;
  const auto count = static_cast<double>(values.size());
  MeanEstimate estimate;
  estimate.mean = mean_of(values);
  const auto lags = static_cast<std::size_t>(std::sqrt(count));
  double variance = covariance(values, estimate.mean, 0);
  for (std::size_t lag = 1; lag <= lags; ++lag)
    variance += 2 * (1 - static_cast<double>(lag) / static_cast<double>(lags + 1)) *
                covariance(values, estimate.mean, lag);
  // Neighbours that differ more than strangers do not make us surer than the spread does.
  variance = std::max(variance, covariance(values, estimate.mean, 0)) * count / (count - 1);
  estimate.half_width = student_t(level, values.size() - 1) * std::sqrt(variance / count);
  return estimate;
}

}  // namespace isotach::nettest

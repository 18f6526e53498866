#include "record/history.h"

#include <algorithm>

#include "base/check.h"
#include "record/derive.h"

namespace isotach::record {

History::History(const SeriesTable& table, std::size_t sample_limit)
    : table_(table), sample_limit_(sample_limit) {
  CHECK(sample_limit >= 2);
}

void History::append(const Sample& sample) {
  const std::lock_guard lock(mutex_);
  if (samples_.size() == sample_limit_) {
    // The oldest sample's memory is used again for the newest.
    Sample recycled = std::move(samples_.front());
    samples_.pop_front();
    recycled = sample;
    samples_.push_back(std::move(recycled));
  } else {
    samples_.push_back(sample);
  }
  ++appended_;
}

void History::append(Event event) {
  const std::lock_guard lock(mutex_);
  if (events_.size() == kEventLimit) events_.pop_front();
  events_.push_back(std::move(event));
}

std::size_t History::size() const {
  const std::lock_guard lock(mutex_);
  return samples_.size();
}

std::uint64_t History::appended() const {
  const std::lock_guard lock(mutex_);
  return appended_;
}

std::optional<Sample> History::latest() const {
  const std::lock_guard lock(mutex_);
  if (samples_.empty()) return std::nullopt;
  return samples_.back();
}

std::optional<Sample> History::previous() const {
  const std::lock_guard lock(mutex_);
  if (samples_.size() < 2) return std::nullopt;
  return samples_[samples_.size() - 2];
}

std::optional<double> History::shown_at(std::size_t index, SeriesId series) const {
  const Sample& sample = samples_[index];
  const Value* now = sample.find(series);
  if (now == nullptr) return std::nullopt;
  const Sample* earlier = index > 0 ? &samples_[index - 1] : nullptr;
  const Value* before = earlier != nullptr ? earlier->find(series) : nullptr;
  const std::int64_t elapsed_ns =
      earlier != nullptr ? sample.time.monotonic_ns - earlier->time.monotonic_ns : 0;
  return derive(table_.at(series).metric, before, *now, elapsed_ns);
}

std::vector<ShownPoint> History::shown(SeriesId series) const {
  const std::lock_guard lock(mutex_);
  const bool counter = table_.at(series).metric.kind == MetricKind::counter;
  std::vector<ShownPoint> points;
  points.reserve(samples_.size());
  for (std::size_t i = counter ? 1 : 0; i < samples_.size(); ++i)
    points.push_back({samples_[i].time, shown_at(i, series)});
  return points;
}

std::optional<double> History::shown_latest(SeriesId series) const {
  const std::lock_guard lock(mutex_);
  if (samples_.empty()) return std::nullopt;
  return shown_at(samples_.size() - 1, series);
}

std::vector<History::ShownSample> History::shown_since(std::uint64_t after, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<ShownSample> news;
  // Also for a number from outside that is absurd: one more than the largest would be 0.
  if (after >= appended_) return news;
  const std::uint64_t oldest = appended_ - samples_.size();  // number of the last sample that fell out
  for (std::uint64_t number = std::max(after, oldest) + 1; number <= appended_; ++number) {
    if (news.size() == limit) break;
    const auto index = static_cast<std::size_t>(number - oldest - 1);
    ShownSample shown{number, samples_[index].time, {}};
    shown.values.reserve(samples_[index].points.size());
    for (const Point& point : samples_[index].points)
      shown.values.emplace_back(point.series, shown_at(index, point.series));
    news.push_back(std::move(shown));
  }
  return news;
}

std::vector<Event> History::events() const {
  const std::lock_guard lock(mutex_);
  return {events_.begin(), events_.end()};
}

}  // namespace isotach::record

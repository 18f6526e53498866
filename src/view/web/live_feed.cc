#include "view/web/live_feed.h"

#include <algorithm>
#include <chrono>

namespace isotach::view {

LiveFeed::LiveFeed(const record::SeriesTable& table, std::size_t sample_limit)
    : table_(table), sample_limit_(sample_limit), history_(table, sample_limit) {}

void LiveFeed::append(const record::Sample& sample) {
  history_.append(sample);
  {
    const std::lock_guard lock(mutex_);
    ++news_.samples;
  }
  bell_.notify_all();
}

void LiveFeed::append(const record::Event& event) {
  history_.append(event);
  {
    const std::lock_guard lock(mutex_);
    ++news_.events;
  }
  bell_.notify_all();
}

void LiveFeed::end() {
  {
    const std::lock_guard lock(mutex_);
    news_.ended = true;
  }
  bell_.notify_all();
}

LiveFeed::News LiveFeed::news() const {
  const std::lock_guard lock(mutex_);
  return news_;
}

LiveFeed::News LiveFeed::wait_for(std::uint64_t samples, std::uint64_t events, int wait_ms) const {
  std::unique_lock lock(mutex_);
  bell_.wait_for(lock, std::chrono::milliseconds(wait_ms),
                 [&] { return news_.ended || news_.samples > samples || news_.events > events; });
  return news_;
}

std::vector<record::Event> LiveFeed::events_since(std::uint64_t after) const {
  const std::uint64_t known = news().events;
  std::vector<record::Event> kept = history_.events();
  const std::uint64_t wanted = known > after ? known - after : 0;
  if (wanted < kept.size()) kept.erase(kept.begin(), kept.end() - static_cast<std::ptrdiff_t>(wanted));
  return kept;
}

}  // namespace isotach::view

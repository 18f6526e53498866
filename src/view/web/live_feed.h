// The history of a session with a bell: viewers sleep until there is news.
//
// Thread rules: one thread appends and ends; any number read and wait.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "record/history.h"
#include "record/sample.h"
#include "record/series.h"

namespace isotach::view {

class LiveFeed {
 public:
  // Keeps the last `sample_limit` samples. `table` must outlive the feed.
  LiveFeed(const record::SeriesTable& table, std::size_t sample_limit);

  void append(const record::Sample& sample);
  void append(const record::Event& event);
  // No more samples will come; wakes every waiter.
  void end();

  struct News {
    std::uint64_t samples = 0;  // ever appended
    std::uint64_t events = 0;   // likewise
    bool ended = false;
  };
  [[nodiscard]] News news() const;
  // Waits until there is a sample after number `samples` or an event after number `events`, until the
  // feed ends, or for `wait_ms`.
  News wait_for(std::uint64_t samples, std::uint64_t events, int wait_ms) const;

  [[nodiscard]] const record::History& history() const { return history_; }
  [[nodiscard]] const record::SeriesTable& table() const { return table_; }
  [[nodiscard]] std::size_t sample_limit() const { return sample_limit_; }
  // Events number `after` + 1 and later that are still kept.
  [[nodiscard]] std::vector<record::Event> events_since(std::uint64_t after) const;

 private:
  const record::SeriesTable& table_;
  const std::size_t sample_limit_;
  record::History history_;
  mutable std::mutex mutex_;
  mutable std::condition_variable bell_;
  News news_;
};

}  // namespace isotach::view

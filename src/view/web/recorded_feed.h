// A recording in memory, as the page's server holds it for its viewers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "record/recording.h"
#include "view/web/live_feed.h"

namespace isotach::view {

// How many samples of `point_count` points each take at most `budget_bytes`, and are still drawn by a
// browser without effort; at least 2.
[[nodiscard]] std::size_t samples_that_fit(std::size_t point_count, std::size_t budget_bytes);

struct RecordedFeed {
  std::unique_ptr<record::Recording> recording;  // owns the series that the feed speaks of
  std::unique_ptr<LiveFeed> feed;
  std::uint64_t stride = 1;  // only each n-th sample of a long one is kept
  std::string damage;        // what could not be read; empty for a sound recording
};

// Reads the recording at `path`, or each n-th sample of a long one: rates between the kept samples are
// still exact means, because recordings keep raw counters. Fails where nothing can be shown.
[[nodiscard]] Result<std::unique_ptr<RecordedFeed>> load_recording(const std::string& path,
                                                                   std::size_t budget_bytes);

}  // namespace isotach::view

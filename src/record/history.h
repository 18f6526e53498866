// The last samples of a running session, bounded, for views that draw more than the present:
// the terminal overview, plots, the web page.
//
// Thread rules: one thread appends, any number read; every call locks. Readers get copies.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "record/sample.h"
#include "record/series.h"

namespace isotach::record {

// One shown value (record/derive.h) of one series.
struct ShownPoint {
  Instant time;
  std::optional<double> value;  // nothing: a gap in the line
};

class History {
 public:
  // Keeps `sample_limit` samples; older ones fall out. `table` must outlive the history.
  History(const SeriesTable& table, std::size_t sample_limit);

  void append(const Sample& sample);
  void append(Event event);

  [[nodiscard]] std::size_t size() const;
  // How many samples were ever appended: tells a reader whether there is news.
  [[nodiscard]] std::uint64_t appended() const;
  [[nodiscard]] std::optional<Sample> latest() const;
  // The sample before latest(); with it rates are made.
  [[nodiscard]] std::optional<Sample> previous() const;
  // What the series showed at each kept sample, oldest first. Counters lack their first point.
  [[nodiscard]] std::vector<ShownPoint> shown(SeriesId series) const;
  // The newest shown value of the series.
  [[nodiscard]] std::optional<double> shown_latest(SeriesId series) const;
  // Samples number `after` + 1 and later (counted as appended() does), at most `limit`, oldest first,
  // each with the shown values of all its series. For the live feed.
  struct ShownSample {
    std::uint64_t number = 0;
    Instant time;
    std::vector<std::pair<SeriesId, std::optional<double>>> values;
  };
  [[nodiscard]] std::vector<ShownSample> shown_since(std::uint64_t after, std::size_t limit) const;
  [[nodiscard]] std::vector<Event> events() const;

 private:
  [[nodiscard]] std::optional<double> shown_at(std::size_t index, SeriesId series) const;

  static constexpr std::size_t kEventLimit = 1024;

  const SeriesTable& table_;
  const std::size_t sample_limit_;
  mutable std::mutex mutex_;
  std::deque<Sample> samples_;
  std::deque<Event> events_;
  std::uint64_t appended_ = 0;
};

}  // namespace isotach::record

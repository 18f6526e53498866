// The series of one session: a metric with the values of its labels, under a small number.
// Ids are given in order of first use and never change, so that samples can refer to them.
//
// Thread rules: intern() and the readers may be called from any thread; a Series reference stays
// valid as long as the table.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "record/metric.h"
#include "record/sample.h"

namespace isotach::record {

using Labels = std::vector<std::pair<std::string, std::string>>;  // in the order they are shown

struct Series {
  MetricDescriptor metric;
  Labels labels;

  // memory_free_bytes or network_receive_bytes{interface="eth0"}: unique within a table, and the
  // key in JSON and CSV. Label values are escaped as in OpenMetrics.
  [[nodiscard]] std::string key() const;
  // What a legend shows: "free", or "eth0 received".
  [[nodiscard]] std::string title() const;
};

class SeriesTable {
 public:
  // A machine with more than this many series at once (interfaces, disks, processes coming and
  // going) is beyond what a person reads; further ones are refused and counted.
  static constexpr std::size_t kLimit = 65536;

  // The id of this metric with these labels; a new one on first sight. nullopt past kLimit.
  std::optional<SeriesId> intern(const MetricDescriptor& metric, const Labels& labels = {});

  [[nodiscard]] const Series& at(SeriesId id) const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::optional<SeriesId> find(std::string_view key) const;
  // Ids whose metric name or key is `pattern`, or matches it as a glob (`*`, `?`), in id order.
  [[nodiscard]] std::vector<SeriesId> matching(std::string_view pattern) const;
  // Series refused because the table was full.
  [[nodiscard]] std::size_t refused() const;

 private:
  mutable std::shared_mutex mutex_;
  std::deque<Series> series_;
  std::unordered_map<std::string, SeriesId> by_key_;
  std::size_t refused_ = 0;
};

}  // namespace isotach::record

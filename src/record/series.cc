#include "record/series.h"

#include <fnmatch.h>

#include <mutex>

#include "base/check.h"

namespace isotach::record {

std::string Series::key() const {
  if (labels.empty()) return metric.name;
  std::string text = metric.name + '{';
  bool first = true;
  for (const auto& [name, value] : labels) {
    if (!first) text += ',';
    first = false;
    text += name + "=\"";
    for (const char c : value) {
      if (c == '\n') {
        text += "\\n";
        continue;
      }
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text + '}';
}

std::string Series::title() const {
  std::string text;
  for (const auto& [name, value] : labels) text += value + ' ';
  return text + (metric.title.empty() ? metric.name : metric.title);
}

std::optional<SeriesId> SeriesTable::intern(const MetricDescriptor& metric, const Labels& labels) {
  Series series{metric, labels};
  std::string key = series.key();
  const std::unique_lock lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) return found->second;
  if (series_.size() >= kLimit) {
    ++refused_;
    return std::nullopt;
  }
  const auto id = static_cast<SeriesId>(series_.size());
  series_.push_back(std::move(series));
  by_key_.emplace(std::move(key), id);
  return id;
}

const Series& SeriesTable::at(SeriesId id) const {
  const std::shared_lock lock(mutex_);
  CHECK(id < series_.size());
  return series_[id];
}

std::size_t SeriesTable::size() const {
  const std::shared_lock lock(mutex_);
  return series_.size();
}

std::optional<SeriesId> SeriesTable::find(std::string_view key) const {
  const std::shared_lock lock(mutex_);
  const auto found = by_key_.find(std::string(key));
  if (found == by_key_.end()) return std::nullopt;
  return found->second;
}

std::vector<SeriesId> SeriesTable::matching(std::string_view pattern) const {
  const std::string glob(pattern);
  const std::shared_lock lock(mutex_);
  std::vector<SeriesId> ids;
  for (SeriesId id = 0; id < series_.size(); ++id) {
    const Series& series = series_[id];
    // The key is compared as it stands as well: its braces are no part of a pattern.
    if (series.metric.name == glob || series.key() == glob ||
        ::fnmatch(glob.c_str(), series.metric.name.c_str(), 0) == 0)
      ids.push_back(id);
  }
  return ids;
}

std::size_t SeriesTable::refused() const {
  const std::shared_lock lock(mutex_);
  return refused_;
}

}  // namespace isotach::record

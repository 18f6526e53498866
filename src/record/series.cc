#include "record/series.h"

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

namespace {

// `*` and `?` only, in time that grows with the product of the lengths at worst: fnmatch(3) takes
// exponential time for some patterns, and these may come from a web page.
bool matches_glob(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t in_text = 0;
  std::size_t star = std::string_view::npos;  // the last `*`, and where the text goes on behind it
  std::size_t behind_star = 0;
  while (in_text < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      behind_star = in_text;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == text[in_text])) {
      ++at;
      ++in_text;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in_text = ++behind_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

}  // namespace

std::vector<SeriesId> SeriesTable::matching(std::string_view pattern) const {
  const std::shared_lock lock(mutex_);
  std::vector<SeriesId> ids;
  for (SeriesId id = 0; id < series_.size(); ++id) {
    const Series& series = series_[id];
    const std::string key = series.key();
    // A label may hold `*` itself, so the key is compared as it stands as well.
    if (key == pattern || matches_glob(pattern, series.metric.name) || matches_glob(pattern, key))
      ids.push_back(id);
  }
  return ids;
}

std::size_t SeriesTable::refused() const {
  const std::shared_lock lock(mutex_);
  return refused_;
}

}  // namespace isotach::record

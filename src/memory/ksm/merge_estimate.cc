#include "memory/ksm/merge_estimate.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "memory/ksm/linear_program.h"

namespace isotach::memory {
namespace {

// Contents seen more often than this are large: their size is estimated one by one.
constexpr std::uint64_t kRareLimit = 60;
// Upper ends of the classes of contents by how often they were seen.
constexpr std::uint64_t kClassEnds[] = {1, 2, 3, 4, 5, 7, 10, 15, 22, 32, 45, kRareLimit};
constexpr std::size_t kClasses = std::size(kClassEnds);
// Of each statement, two-sided: 99 %. That the least and the most hold together in at least 95 of 100
// samples is shown by trials (merge_estimate_test.cc).
constexpr double kDeviations = 2.58;

std::size_t class_of(std::uint64_t seen) {
  std::size_t index = 0;
  while (kClassEnds[index] < seen) ++index;
  return index;
}

// Where the mean of a count lies that was `seen` once (Poisson).
Interval mean_of(double seen, double deviations) {
  const double square = deviations * deviations;
  const double half = deviations * std::sqrt(seen + square / 4);
  return {std::max(0.0, seen + square / 2 - half), seen + square / 2 + half};
}

struct Seen {
  std::uint64_t zero_frames = 0;
  double classes[kClasses] = {};
  double rare_contents = 0;
  std::vector<double> frequent;  // how often each was seen
};

Seen count(const std::vector<PageRecord>& records, std::uint64_t zero_hash) {
  Seen seen;
  for (std::size_t first = 0; first < records.size();) {
    std::uint64_t frames = 0;
    std::size_t next = first;
    for (; next < records.size() && records[next].hash == records[first].hash; ++next)
      if (records[next].frame == 0 || next == first || records[next].frame != records[next - 1].frame)
        ++frames;
    if (records[first].hash == zero_hash) {
      seen.zero_frames = frames;
    } else if (frames > kRareLimit) {
      seen.frequent.push_back(static_cast<double>(frames));
    } else {
      ++seen.classes[class_of(frames)];
      ++seen.rare_contents;
    }
    first = next;
  }
  return seen;
}

// Sizes that a content may have, dense where it matters.
std::vector<double> possible_sizes(double part) {
  const auto most = static_cast<double>(kRareLimit);
  const double largest = (most + 5 * std::sqrt(most)) / part;
  std::vector<double> sizes;
  for (double size = 1; size <= largest; size = size < 8 ? size + 1 : std::ceil(size * 1.2))
    sizes.push_back(size);
  return sizes;
}

// For a content of `size` frames that was seen at most kRareLimit times: the probability of each class.
std::vector<double> class_probabilities(double size, double part) {
  std::vector<double> classes(kClasses, 0);
  double at_most = 0;
  for (std::uint64_t seen = 0; seen <= kRareLimit; ++seen) {
    const auto j = static_cast<double>(seen);
    if (j > size) break;
    const double logarithm = std::lgamma(size + 1) - std::lgamma(j + 1) - std::lgamma(size - j + 1) +
                             j * std::log(part) + (size - j) * std::log1p(-part);
    const double probability = std::exp(logarithm);
    at_most += probability;
    if (seen > 0) classes[class_of(seen)] += probability;
  }
  if (at_most > 0)
    for (double& probability : classes) probability /= at_most;
  return classes;
}

// Frames that stay when a content of so many frames, each of `places_each` places, is merged.
double frames_kept(double frames, double places_each, std::uint64_t max_page_sharing) {
  if (frames < 2) return frames;
  const auto places = static_cast<std::uint64_t>(std::llround(frames * places_each));
  return std::min(frames, static_cast<double>(frames_after(places, max_page_sharing)));
}

// How many frames the rare contents keep, at least and at most.
std::optional<Interval> rare_kept(const Seen& seen, double part, Interval frames, double places_each,
                                  std::uint64_t max_page_sharing, double deviations) {
  const std::vector<double> sizes = possible_sizes(part);
  std::vector<LinearRow> rows(kClasses + 2);
  const double places_limit = static_cast<double>(std::max<std::uint64_t>(2, max_page_sharing));
  std::vector<double> least_kept;
  std::vector<double> most_kept;
  for (const double size : sizes) {
    const std::vector<double> probabilities = class_probabilities(size, part);
    for (std::size_t i = 0; i < kClasses; ++i) rows[i].factors.push_back(probabilities[i]);
    rows[kClasses].factors.push_back(size);
    rows[kClasses + 1].factors.push_back(1);
    // Bounds without steps, since a true size may lie between two of `sizes`.
    const double full = size * places_each / places_limit;
    least_kept.push_back(size < 2 ? size : std::min(size, std::max(1.0, full)));
    most_kept.push_back(size < 2 ? size : std::min(size, full + 1));
  }
  for (std::size_t i = 0; i < kClasses; ++i) {
    const Interval mean = mean_of(seen.classes[i], deviations);
    rows[i].low = mean.low;
    rows[i].high = mean.high;
  }
  rows[kClasses].low = frames.low;
  rows[kClasses].high = frames.high;
  rows[kClasses + 1].low = std::min(seen.rare_contents, frames.high);
  rows[kClasses + 1].high = std::max(frames.high, seen.rare_contents);
  const auto least = minimum(least_kept, rows);
  for (double& cost : most_kept) cost = -cost;
  const auto most = minimum(most_kept, rows);
  if (!least || !most) return std::nullopt;
  return Interval{*least, -*most};
}

MergeEstimate with_net(Interval freed, Interval zeros, std::uint64_t places, const MergeWhatIf& what_if,
                       std::uint64_t page_bytes) {
  MergeEstimate estimate;
  estimate.freed_frames = freed;
  estimate.zero_frames = zeros;
  const auto page = static_cast<double>(page_bytes);
  const auto record = static_cast<double>(kPlaceRecordBytes);
  const auto all = static_cast<double>(places);
  const double low_records = what_if.use_zero_pages ? std::max(0.0, all - zeros.high) : all;
  const double high_records = what_if.use_zero_pages ? std::max(0.0, all - zeros.low) : all;
  estimate.net_bytes = {freed.low * page - high_records * record, freed.high * page - low_records * record};
  return estimate;
}

}  // namespace

MergeEstimate estimate_from_sample(std::vector<PageRecord>& records, std::uint64_t zero_hash, double part,
                                   std::uint64_t places, std::uint64_t frames, const MergeWhatIf& what_if,
                                   std::uint64_t page_bytes) {
  const ContentGroups groups(records, zero_hash);
  if (part >= 1) {
    const MergeResult exact = merge_result(groups.summary(), what_if, page_bytes);
    const auto freed = static_cast<double>(exact.freed_frames);
    const auto zeros = static_cast<double>(groups.summary().zero_frames);
    return with_net({freed, freed}, {zeros, zeros}, places, what_if, page_bytes);
  }
  const Seen seen = count(records, zero_hash);
  const auto all = static_cast<double>(frames);
  const double places_each = frames == 0 ? 1 : std::max(1.0, static_cast<double>(places) / all);

  Interval zeros{0, 0};
  if (seen.zero_frames > 0) {
    zeros = mean_of(static_cast<double>(seen.zero_frames), kDeviations * std::sqrt(1 - part));
    zeros = {std::max(zeros.low / part, static_cast<double>(seen.zero_frames)),
             std::min(zeros.high / part, all)};
  } else {
    zeros.high = std::min(all, kDeviations * kDeviations / part);
  }

  double frequent_frames = 0;
  double frequent_kept = 0;
  for (const double times : seen.frequent) {
    frequent_frames += times / part;
    frequent_kept += frames_kept(times / part, places_each, what_if.max_page_sharing);
  }
  const double frequent_error = kDeviations * std::sqrt(frequent_frames * (1 - part) / part);
  const Interval rare_frames{
      std::max(seen.rare_contents, all - zeros.high - frequent_frames - frequent_error),
      std::max(seen.rare_contents, all - zeros.low - frequent_frames + frequent_error)};
  std::optional<Interval> kept;
  double deviations = kDeviations;
  constexpr int kAttempts = 6;
  for (int attempt = 0; attempt < kAttempts && !kept; ++attempt, deviations *= 1.5)
    kept = rare_kept(seen, part, rare_frames, places_each, what_if.max_page_sharing, deviations);
  // What must hold in any case: nothing is merged, or every content that was not seen is a copy.
  if (!kept) kept = Interval{seen.rare_contents, rare_frames.high};

  // Each frame that is left over in a frequent content may be one more.
  const auto frequent_slack =
      static_cast<double>(seen.frequent.size()) +
      frequent_error / static_cast<double>(std::max<std::uint64_t>(2, what_if.max_page_sharing));
  Interval freed{all - kept->high - frequent_kept - frequent_slack,
                 all - kept->low - frequent_kept + frequent_slack};
  // Zeros are in `all`: they stay as few frames, or none.
  const auto zeros_kept = [&](double count) {
    return what_if.use_zero_pages ? 0.0 : frames_kept(count, places_each, what_if.max_page_sharing);
  };
  // Whole frames, outwards.
  freed.low = std::max(0.0, std::floor(freed.low - zeros_kept(zeros.high)));
  freed.high = std::clamp(std::ceil(freed.high - zeros_kept(zeros.low)), freed.low, all);
  return with_net(freed, zeros, places, what_if, page_bytes);
}

MergeEstimate estimate_from_contents(const ContentSummary& summary, std::uint64_t step, std::uint64_t places,
                                     const MergeWhatIf& what_if, std::uint64_t page_bytes) {
  const auto zeros = static_cast<double>(summary.zero_frames);
  double zeros_freed = zeros;
  if (!what_if.use_zero_pages) zeros_freed -= frames_kept(zeros, 1, what_if.max_page_sharing);

  // A ratio: frames freed for each place of the kept contents. The total number of places is known.
  const double kept_places = static_cast<double>(summary.places - summary.zero_places);
  const double other_places = static_cast<double>(places) - static_cast<double>(summary.zero_places);
  const double frames_each = summary.copies.places == 0 ? 1
                                                        : static_cast<double>(summary.copies.frames) /
                                                              static_cast<double>(summary.copies.places);
  double freed = 0;
  for (const auto& [count_of, contents] : summary.copies.contents) {
    const auto size = static_cast<double>(count_of);
    freed +=
        static_cast<double>(contents) *
        (size * frames_each - frames_kept(size * frames_each, 1 / frames_each, what_if.max_page_sharing));
  }
  const double ratio = kept_places > 0 ? freed / kept_places : 0;
  double squares = 0;
  double copied_places = 0;
  for (const auto& [count_of, contents] : summary.copies.contents) {
    const auto size = static_cast<double>(count_of);
    const double gain =
        size * frames_each - frames_kept(size * frames_each, 1 / frames_each, what_if.max_page_sharing);
    const double residual = gain - ratio * size;
    squares += static_cast<double>(contents) * residual * residual;
    copied_places += static_cast<double>(contents) * size;
  }
  squares += (kept_places - copied_places) * ratio * ratio;
  const auto steps = static_cast<double>(step);
  const double error = kDeviations * std::sqrt(steps * (steps - 1) * squares);
  const double middle = ratio * other_places;
  const Interval whole{std::max(0.0, middle - error) + zeros_freed,
                       std::min(other_places, middle + error) + zeros_freed};
  return with_net(whole, {zeros, zeros}, places, what_if, page_bytes);
}

}  // namespace isotach::memory

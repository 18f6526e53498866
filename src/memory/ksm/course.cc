#include "memory/ksm/course.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "memory/ksm/meaning.h"

namespace isotach::memory {
namespace {

// As large as it became, but for the pages that a program touches on its way out.
constexpr double kLargest = 0.99;

// Merged pages that belong to the program; where the kernel does not tell them by process, those of the
// machine beyond what was there before.
double merged_at(const MergeSample& sample, double before) {
  if (sample.merged_pages) return *sample.merged_pages;
  return std::max(0.0, sample.shared_pages + sample.sharing_pages + sample.zero_pages - before);
}

void find_presence(std::span<const MergeSample> samples, MergeCourse& course) {
  double largest = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].resident_bytes) {
      if (!course.start) course.start = i;
      largest = std::max(largest, *samples[i].resident_bytes);
    } else if (course.start && !course.end) {
      course.end = i;
    }
  }
  for (std::size_t i = course.start.value_or(samples.size()); i < samples.size() && !course.maximum; ++i)
    if (samples[i].resident_bytes.value_or(0) >= kLargest * largest && largest > 0) course.maximum = i;
}

void find_merging(std::span<const MergeSample> samples, MergeCourse& course) {
  if (!course.start) return;
  const std::size_t last = course.end.value_or(samples.size());
  const MergeSample& first = samples[*course.start > 0 ? *course.start - 1 : 0];
  const double before = first.shared_pages + first.sharing_pages + first.zero_pages;
  for (std::size_t i = *course.start; i < last; ++i) {
    const double merged = merged_at(samples[i], before);
    if (merged <= 0) continue;
    if (!course.merge_begin) course.merge_begin = i;
    if (merged > course.merged_pages) {
      course.merged_pages = merged;
      course.merge_end = i;
    }
  }
}

// The longest time between the samples around `index`.
std::int64_t gap_at(std::span<const MergeSample> samples, std::size_t index) {
  std::int64_t gap = 0;
  for (std::size_t i = index > 0 ? index : 1; i <= index + 1 && i < samples.size(); ++i)
    gap = std::max(gap, samples[i].time_ns - samples[i - 1].time_ns);
  return gap;
}

}  // namespace

MergeCourse find_course(std::span<const MergeSample> samples) {
  MergeCourse course;
  find_presence(samples, course);
  find_merging(samples, course);
  return course;
}

std::vector<MergeMoment> moments_of(std::span<const MergeSample> samples, const MergeCourse& course) {
  std::vector<MergeMoment> moments;
  const auto add = [&](const char* name, std::optional<std::size_t> index) {
    if (index && *index < samples.size()) moments.push_back({name, samples[*index].time_ns, samples[*index]});
  };
  if (samples.empty()) return moments;
  add("before", course.start ? (*course.start > 0 ? *course.start - 1 : 0) : 0);
  add("at its maximum", course.maximum);
  add("all merged", course.merge_end);
  if (course.end) add("after", samples.size() - 1);
  return moments;
}

std::vector<MergeIdentity> check_identities(std::span<const MergeSample> samples, const MergeCourse& course,
                                            std::uint64_t pages, std::uint64_t max_page_sharing,
                                            std::uint64_t page_size_bytes) {
  std::vector<MergeIdentity> identities;
  if (!course.start || !course.merge_end) return identities;
  const MergeSample& before = samples[*course.start > 0 ? *course.start - 1 : 0];
  const MergeSample& merged = samples[*course.merge_end];
  const double shared = merged.shared_pages - before.shared_pages;
  const double sharing = merged.sharing_pages - before.sharing_pages;
  const auto count = static_cast<double>(pages);
  identities.push_back({"pages_shared + pages_sharing = merged pages", shared + sharing, count});
  if (max_page_sharing > 0)
    identities.push_back({"pages_shared = merged pages / max_page_sharing, rounded up", shared,
                          std::ceil(count / static_cast<double>(max_page_sharing))});
  const double tracked = merged.shared_pages + merged.sharing_pages + merged.unsettled_pages;
  identities.push_back(
      {"general_profit = (pages_sharing + zero pages) x page size - 64 bytes for each page watched",
       merged.profit_bytes,
       (merged.sharing_pages + merged.zero_pages) * static_cast<double>(page_size_bytes) -
           tracked * static_cast<double>(kKsmBytesPerPage)});
  if (merged.merged_pages)
    identities.push_back(
        {"what the kernel tells of the program = merged pages", *merged.merged_pages, count});
  return identities;
}

bool MergeAgreement::agrees() const {
  return std::abs(begin_difference_ns) <= begin_tolerance_ns &&
         std::abs(end_difference_ns) <= end_tolerance_ns;
}

std::optional<MergeAgreement> compare_with_trace(std::span<const MergeSample> samples,
                                                 const MergeCourse& course, std::int64_t interval_ns,
                                                 std::int64_t first_ns, std::int64_t last_ns) {
  if (!course.merge_begin || !course.merge_end) return std::nullopt;
  const auto tolerance_ns = [&](std::size_t index) {
    return 2 * std::max(interval_ns, gap_at(samples, index));
  };
  return MergeAgreement{samples[*course.merge_begin].time_ns - first_ns,
                        samples[*course.merge_end].time_ns - last_ns, tolerance_ns(*course.merge_begin),
                        tolerance_ns(*course.merge_end)};
}

}  // namespace isotach::memory

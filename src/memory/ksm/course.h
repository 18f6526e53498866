// The course of a program whose pages are merged, found in samples: when it started, when it was as large
// as it became, between which samples ksmd merged, when it ended. Pure: samples in, indexes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace isotach::memory {

struct MergeSample {
  std::int64_t time_ns = 0;  // since the first sample
  // Of the machine.
  double free_bytes = 0;
  double anonymous_bytes = 0;  // falls as pages are merged: merged pages are not counted as anonymous
  double shared_pages = 0, sharing_pages = 0, zero_pages = 0;
  double unsettled_pages = 0;  // unshared and volatile: with smart_scan only their sum is steady
  double profit_bytes = 0;
  std::optional<double> ksmd_cpu_ns;
  std::optional<double> ksmd_wait_ns;  // for a processor that others had
  // Of the program; nothing while there is none.
  std::optional<double> resident_bytes;
  std::optional<double> proportional_bytes;  // read less often: it is dear
  std::optional<double> merged_pages;        // zero pages as well
};

struct MergeCourse {
  // Indexes of samples; nothing for what was not seen.
  std::optional<std::size_t> start;        // the first with the program
  std::optional<std::size_t> maximum;      // the first in which it was as large as it became
  std::optional<std::size_t> merge_begin;  // the first with more merged pages than before
  std::optional<std::size_t> merge_end;    // the first with as many as there ever were
  std::optional<std::size_t> end;          // the first without the program
  double merged_pages = 0;                 // of the program, at the most
};
[[nodiscard]] MergeCourse find_course(std::span<const MergeSample> samples);

// The machine before the program, when it was largest, when all was merged, and after it.
struct MergeMoment {
  std::string name;  // "before", "at its maximum", "merged", "after"
  std::int64_t time_ns = 0;
  MergeSample values;
};
[[nodiscard]] std::vector<MergeMoment> moments_of(std::span<const MergeSample> samples,
                                                  const MergeCourse& course);

// What must be so when `pages` equal pages have been merged and nothing else has been meanwhile.
struct MergeIdentity {
  std::string text;  // "pages_shared + pages_sharing = merged pages"
  double left = 0, right = 0;
  [[nodiscard]] bool holds() const { return left == right; }
};
[[nodiscard]] std::vector<MergeIdentity> check_identities(std::span<const MergeSample> samples,
                                                          const MergeCourse& course, std::uint64_t pages,
                                                          std::uint64_t max_page_sharing,
                                                          std::uint64_t page_size_bytes);

// The interval of merging, seen in samples and told by the kernel's tracepoints.
struct MergeAgreement {
  std::int64_t begin_difference_ns = 0, end_difference_ns = 0;  // samples less tracepoints
  std::int64_t begin_tolerance_ns = 0, end_tolerance_ns = 0;    // two periods, as samples were taken there
  [[nodiscard]] bool agrees() const;
};
// `first_ns` and `last_ns` are on the time axis of the samples. Nothing when no merging was seen.
[[nodiscard]] std::optional<MergeAgreement> compare_with_trace(std::span<const MergeSample> samples,
                                                               const MergeCourse& course,
                                                               std::int64_t interval_ns,
                                                               std::int64_t first_ns, std::int64_t last_ns);

}  // namespace isotach::memory

// Everything that `ksm predict` says, from a scan. Pure but for the scan that it takes the numbers from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "memory/ksm/merge_estimate.h"
#include "memory/ksm/merge_model.h"
#include "memory/ksm/merge_scan.h"

namespace isotach::memory {

// The part of a process or of a control group.
struct PredictionPart {
  unsigned pid = 0;  // 0: a control group
  std::string name;  // command or path; printable() it
  std::string cgroup;
  std::uint64_t places = 0;
  std::uint64_t merged_places = 0;
  std::uint64_t zero_places = 0;
  double freed_bytes = 0;
  double net_bytes = 0;  // less the kernel's records of its places
};

// What another setting would give.
struct PredictionVariant {
  MergeWhatIf what_if;
  MergeResult result;
};

struct PredictionCounts {
  std::uint64_t scanned = 0;
  std::uint64_t not_permitted = 0;
  std::uint64_t vanished = 0;
};

struct Prediction {
  std::uint64_t page_bytes = 4096;
  PredictionCounts processes;
  std::uint64_t places = 0;  // found
  std::uint64_t frames = 0;
  std::uint64_t read_pages = 0;  // less than places in a sample
  std::uint64_t swapped_pages = 0;
  std::uint64_t unreadable_pages = 0;
  std::uint64_t volatile_pages = 0;
  std::uint64_t huge_bytes = 0;
  bool frames_visible = true;
  MergeWhatIf what_if;

  // Where all pages were read and kept.
  std::optional<MergeResult> result;
  std::uint64_t zero_places = 0;
  std::vector<PredictionVariant> variants;  // first those of max_page_sharing, last the other use_zero_pages
  std::vector<PredictionPart> parts;        // processes, those that free most first
  std::vector<PredictionPart> groups;       // control groups, the same
  CrossMatrix cross;                        // of the first of `parts`: owners are their places there

  // Otherwise.
  std::optional<MergeEstimate> estimate;
  std::uint64_t content_step = 1;
};

// `max_page_sharing` values to compare with that of `what_if`; `crossed`: how many processes at most are
// compared with each other.
[[nodiscard]] Prediction make_prediction(MergeScan& scan, const MergeScanOptions& options,
                                         const MergeWhatIf& what_if,
                                         const std::vector<std::uint64_t>& max_page_sharing,
                                         std::size_t crossed);

}  // namespace isotach::memory

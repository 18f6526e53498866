// What merging would free, estimated from a part of the pages. Pure; any thread.
//
// From a sample of frames: each frame was read with the same probability, independently of the others. A
// content of n frames was then seen j times with a binomial probability. How often contents were seen once,
// twice, three times... does not tell how many contents there are: copies whose twin was not read look
// unique. But it limits it. The interval is the least and the most that any distribution of copies frees
// which could have produced what was seen: a linear program over the numbers of contents of each size. It
// makes no assumption about the memory. Its price is that it is wide where the sample says little.
//
// From all pages, contents chosen by their hash (memory limit): each kept content is known with all of its
// places, so that sums over contents are scaled up; the interval is that of such a sum, of the normal
// distribution, plus what a content that was not kept could add.
#pragma once

#include <cstdint>
#include <span>

#include "memory/ksm/merge_model.h"

namespace isotach::memory {

struct Interval {
  double low = 0;
  double high = 0;
  [[nodiscard]] double middle() const { return (low + high) / 2; }
};

struct MergeEstimate {
  Interval freed_frames;
  Interval net_bytes;
  Interval zero_frames;  // of what is zeros
};

// `records` are those of the frames that were read, with the probability `part`; sorted by it. `places` and
// `frames` are how many there are in all. The interval holds the truth in at least 95 of 100 samples.
[[nodiscard]] MergeEstimate estimate_from_sample(std::vector<PageRecord>& records, std::uint64_t zero_hash,
                                                 double part, std::uint64_t places, std::uint64_t frames,
                                                 const MergeWhatIf& what_if, std::uint64_t page_bytes);

// `summary` is of all zeros, and of one content in `step`. `places` are how many there are in all.
[[nodiscard]] MergeEstimate estimate_from_contents(const ContentSummary& summary, std::uint64_t step,
                                                   std::uint64_t places, const MergeWhatIf& what_if,
                                                   std::uint64_t page_bytes);

}  // namespace isotach::memory

// What Kernel Samepage Merging makes of a set of pages, computed from their contents (kernel: mm/ksm.c).
//
// Words: a *place* is a page of the address space of one process; a *frame* is a page of memory. fork()
// leaves many places with one frame. KSM works place by place: when at least two frames have the same
// content, every place that has it is moved to shared frames, at most max_page_sharing places to each.
// A frame that only fork() shares is left alone; one that KSM made before stays merged.
//
//     pages_shared   frames that hold merged content
//     pages_sharing  merged places beyond the first of each such frame
//     general_profit (pages_sharing + zero pages) * page - 64 B * places that ksmd keeps a record of
//
// The profit that the kernel states counts places. What is freed is counted in frames: it is less where
// fork() had shared already, or where something has been merged before. Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace isotach::memory {

// One place. 16 bytes: 0.4 % of a page of 4 KiB.
struct PageRecord {
  std::uint64_t hash = 0;
  std::uint32_t owner = 0;  // number of the process
  std::uint32_t frame = 0;  // 0: mapped nowhere else. Else equal for places with one frame and content
};

// Of PageRecord::frame: KSM has made this frame, not fork().
inline constexpr std::uint32_t kMergedFrame = std::uint32_t{1} << 31;

struct MergeWhatIf {
  std::uint64_t max_page_sharing = 256;
  bool use_zero_pages = false;
};

// What the kernel keeps for each place that ksmd scans (struct ksm_rmap_item on 64-bit machines).
inline constexpr std::uint64_t kPlaceRecordBytes = 64;

// Places and frames whose content some other frame has too, without those of zeros.
struct CopyCounts {
  std::uint64_t places = 0;
  std::uint64_t frames = 0;
  std::map<std::uint64_t, std::uint64_t> contents;  // by how many places have each
};

struct ContentSummary {
  std::uint64_t places = 0;  // all of them
  std::uint64_t frames = 0;
  std::uint64_t contents = 0;
  CopyCounts copies;
  std::uint64_t zero_places = 0;
  std::uint64_t zero_frames = 0;
  bool zeros_merge = false;  // with each other, unless they go to the page of zeros
};

struct MergeResult {
  // As /sys/kernel/mm/ksm/ would show them once everything is merged.
  std::uint64_t pages_shared = 0;
  std::uint64_t pages_sharing = 0;
  std::uint64_t zero_pages = 0;
  std::uint64_t pages_unshared = 0;
  std::int64_t general_profit_bytes = 0;
  // Memory that becomes free, and what the kernel's records take of it.
  std::uint64_t freed_frames = 0;
  std::uint64_t record_bytes = 0;
  std::int64_t net_bytes = 0;
};

[[nodiscard]] MergeResult merge_result(const ContentSummary& summary, const MergeWhatIf& what_if,
                                       std::uint64_t page_bytes);

// Frames that hold a content of `places` places once merged, a place that is left over included.
[[nodiscard]] std::uint64_t frames_after(std::uint64_t places, std::uint64_t max_page_sharing);

// The part of one owner.
struct OwnerShare {
  std::uint64_t places = 0;
  std::uint64_t merged_places = 0;  // ksm_merging_pages of the process would be this
  std::uint64_t zero_places = 0;
  // Its part of the frames that become free: of each content, in proportion to its places.
  double freed_frames = 0;
};

// For pairs of owners: contents that both have. Merging within each alone, one copy remains in each;
// merging across frees so many frames more.
struct CrossMatrix {
  std::vector<std::uint32_t> owners;
  std::vector<std::uint64_t> common;  // owners.size() squared, row by row; the diagonal holds what merging
                                      // within the owner alone frees
  [[nodiscard]] std::uint64_t at(std::size_t row, std::size_t column) const {
    return common[row * owners.size() + column];
  }
};

// Counts what is in the records, which are sorted for it.
class ContentGroups {
 public:
  // `zero_hash` is the hash of a page of zeros.
  ContentGroups(std::vector<PageRecord>& records, std::uint64_t zero_hash);

  [[nodiscard]] const ContentSummary& summary() const { return summary_; }
  // For owners 0 to `owners` - 1. Which processes belong together is the caller's: `group_of`[owner] is the
  // number of its group, below `groups`.
  [[nodiscard]] std::vector<OwnerShare> shares(std::span<const std::uint32_t> group_of, std::size_t groups,
                                               const MergeWhatIf& what_if) const;
  // For the given groups only: it takes the square of their number for each content.
  [[nodiscard]] CrossMatrix cross(std::span<const std::uint32_t> group_of,
                                  std::vector<std::uint32_t> chosen) const;

 private:
  const std::vector<PageRecord>& records_;
  std::uint64_t zero_hash_;
  ContentSummary summary_;
};

}  // namespace isotach::memory

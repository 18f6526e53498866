#include "memory/ksm/merge_model.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/check.h"

namespace isotach::memory {
namespace {

using Records = std::span<const PageRecord>;

// Calls visit(records of one content) for each content.
template <class Visit>
void each_content(const std::vector<PageRecord>& records, const Visit& visit) {
  for (std::size_t first = 0; first < records.size();) {
    std::size_t next = first + 1;
    while (next < records.size() && records[next].hash == records[first].hash) ++next;
    visit(Records(records).subspan(first, next - first));
    first = next;
  }
}

// Records of one content come with equal frames beside each other, those of 0 first.
std::uint64_t count_frames(Records content) {
  std::uint64_t frames = 0;
  for (std::size_t i = 0; i < content.size(); ++i)
    if (content[i].frame == 0 || i == 0 || content[i].frame != content[i - 1].frame) ++frames;
  return frames;
}

// Whether KSM merges this content, or has done so.
bool is_merged(Records content, std::uint64_t frames) {
  if (frames >= 2) return true;
  for (std::size_t i = 0; i < content.size(); ++i) {
    if ((content[i].frame & kMergedFrame) != 0) return true;
    // fork() gives a process a frame at one place only.
    if (i > 0 && content[i].owner == content[i - 1].owner) return true;
  }
  return false;
}

struct Merged {
  std::uint64_t full = 0;  // frames with as many places as allowed
  std::uint64_t last = 0;  // places of one more frame
  [[nodiscard]] std::uint64_t left_over() const { return last == 1 ? 1 : 0; }
  [[nodiscard]] std::uint64_t shared() const { return full + (last >= 2 ? 1 : 0); }
};

// A frame becomes shared when two places meet. One place alone that finds all frames full stays unmerged.
Merged merged(std::uint64_t places, std::uint64_t max_page_sharing) {
  const std::uint64_t most = std::max<std::uint64_t>(max_page_sharing, 2);
  return {places / most, places % most};
}

}  // namespace

std::uint64_t frames_after(std::uint64_t places, std::uint64_t max_page_sharing) {
  const Merged parts = merged(places, max_page_sharing);
  return parts.shared() + parts.left_over();
}

MergeResult merge_result(const ContentSummary& summary, const MergeWhatIf& what_if,
                         std::uint64_t page_bytes) {
  MergeResult result;
  std::uint64_t frames_left = 0;
  const auto add = [&](std::uint64_t places, std::uint64_t contents) {
    const Merged parts = merged(places, what_if.max_page_sharing);
    result.pages_shared += contents * parts.shared();
    result.pages_sharing += contents * (places - parts.shared() - parts.left_over());
    frames_left += contents * (parts.shared() + parts.left_over());
  };
  std::uint64_t frames_now = summary.copies.frames;
  for (const auto& [places, contents] : summary.copies.contents) add(places, contents);
  if (what_if.use_zero_pages) {
    result.zero_pages = summary.zero_places;
    frames_now += summary.zero_frames;
  } else if (summary.zeros_merge) {
    frames_now += summary.zero_frames;
    add(summary.zero_places, 1);
  }
  // frames_left counts places that are left over; they have frames of their own before and after.
  result.freed_frames = frames_now > frames_left ? frames_now - frames_left : 0;
  const std::uint64_t recorded = summary.places - result.zero_pages;
  result.pages_unshared = recorded - result.pages_shared - result.pages_sharing;
  result.record_bytes = recorded * kPlaceRecordBytes;
  const auto record_bytes = static_cast<std::int64_t>(result.record_bytes);
  const auto bytes = [&](std::uint64_t pages) { return static_cast<std::int64_t>(pages * page_bytes); };
  result.general_profit_bytes = bytes(result.pages_sharing + result.zero_pages) - record_bytes;
  result.net_bytes = bytes(result.freed_frames) - record_bytes;
  return result;
}

ContentGroups::ContentGroups(std::vector<PageRecord>& records, std::uint64_t zero_hash)
    : records_(records), zero_hash_(zero_hash) {
  std::sort(records.begin(), records.end(), [](const PageRecord& a, const PageRecord& b) {
    return std::tie(a.hash, a.frame, a.owner) < std::tie(b.hash, b.frame, b.owner);
  });
  each_content(records_, [&](Records content) {
    const std::uint64_t frames = count_frames(content);
    summary_.places += content.size();
    summary_.frames += frames;
    ++summary_.contents;
    if (content.front().hash == zero_hash_) {
      summary_.zero_places = content.size();
      summary_.zero_frames = frames;
      summary_.zeros_merge = is_merged(content, frames);
    } else if (is_merged(content, frames)) {
      summary_.copies.places += content.size();
      summary_.copies.frames += frames;
      ++summary_.copies.contents[content.size()];
    }
  });
}

std::vector<OwnerShare> ContentGroups::shares(std::span<const std::uint32_t> group_of, std::size_t groups,
                                              const MergeWhatIf& what_if) const {
  std::vector<OwnerShare> shares(groups);
  each_content(records_, [&](Records content) {
    const bool zero = content.front().hash == zero_hash_;
    const bool to_zero_page = zero && what_if.use_zero_pages;
    const std::uint64_t frames = count_frames(content);
    const bool merges = to_zero_page || is_merged(content, frames);
    double freed_each = 0;
    std::uint64_t left_over = 0;  // which place it is, is for the kernel to choose
    if (merges) {
      const std::uint64_t left = to_zero_page ? 0 : frames_after(content.size(), what_if.max_page_sharing);
      if (!to_zero_page) left_over = merged(content.size(), what_if.max_page_sharing).left_over();
      if (frames > left)
        freed_each = static_cast<double>(frames - left) / static_cast<double>(content.size());
    }
    for (const PageRecord& record : content) {
      OwnerShare& share = shares[group_of[record.owner]];
      ++share.places;
      if (zero) ++share.zero_places;
      if (merges && !to_zero_page) ++share.merged_places;
      share.freed_frames += freed_each;
    }
    shares[group_of[content.back().owner]].merged_places -= left_over;
  });
  return shares;
}

CrossMatrix ContentGroups::cross(std::span<const std::uint32_t> group_of,
                                 std::vector<std::uint32_t> chosen) const {
  CrossMatrix matrix;
  matrix.owners = std::move(chosen);
  const std::size_t size = matrix.owners.size();
  matrix.common.assign(size * size, 0);
  constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  std::size_t groups = 0;
  for (const std::uint32_t group : group_of) groups = std::max<std::size_t>(groups, group + std::size_t{1});
  std::vector<std::size_t> row_of(groups, kNone);
  for (std::size_t row = 0; row < size; ++row) {
    CHECK(matrix.owners[row] < groups);
    row_of[matrix.owners[row]] = row;
  }
  std::vector<std::uint64_t> frames(size, 0);
  std::vector<std::uint32_t> last_frame(size, 0);
  std::vector<std::size_t> touched;
  each_content(records_, [&](Records content) {
    if (content.size() < 2) return;
    touched.clear();
    for (const PageRecord& record : content) {
      const std::size_t row = row_of[group_of[record.owner]];
      if (row == kNone) continue;
      if (frames[row] == 0) touched.push_back(row);
      if (frames[row] == 0 || record.frame == 0 || record.frame != last_frame[row]) ++frames[row];
      last_frame[row] = record.frame;
    }
    // A frame that fork() shares between two groups is there once already: nothing to gain.
    const bool one_frame = count_frames(content) < 2;
    for (const std::size_t a : touched) {
      matrix.common[a * size + a] += frames[a] - 1;
      for (const std::size_t b : touched)
        if (a != b && !one_frame) ++matrix.common[a * size + b];
    }
    for (const std::size_t row : touched) frames[row] = 0;
  });
  return matrix;
}

}  // namespace isotach::memory

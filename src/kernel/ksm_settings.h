// The settings of Kernel Samepage Merging (/sys/kernel/mm/ksm; kernel: mm/ksm.c) and the order in which
// the kernel takes them:
//
// - max_page_sharing and merge_across_nodes can be changed only while nothing is merged (EBUSY); that
//   ksmd is stopped (run 0) is not enough, only run 2 takes the merged pages apart. For that their
//   memory must be free again: the kernel kills the writer when it is not.
// - pages_to_scan belongs to the advisor while there is one (EINVAL), and switching the advisor on or
//   off gives it a new value.
// - With run 1 ksmd merges at once, so run comes last.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace isotach::kernel {

// Names of files with their values, as undo_ksm() takes them.
using KsmValues = std::vector<std::pair<std::string, std::string>>;

// Nothing when there is no such name.
[[nodiscard]] const std::string* ksm_value(const KsmValues& values, std::string_view name);

// All files of `folder` that can be written, sorted by name, with what they hold: of advisor_mode only
// the mode in force. Fails with not_supported where there is no such folder.
[[nodiscard]] Result<KsmValues> read_ksm_settings(const std::string& folder);

// Whether a file of `folder` is a setting. In a saved tree, where modes mean nothing, by its name.
[[nodiscard]] bool is_ksm_setting(const std::string& folder, const std::string& name);
// What to say where there is no page merging; `folder` is where it would be.
[[nodiscard]] Error no_ksm(const std::string& folder);

enum class KsmUnmerge { never, where_needed };

struct KsmPlan {
  KsmValues writes;       // in order; empty when everything is as wanted
  bool unmerges = false;  // one of the writes takes all merged pages apart
  // max_page_sharing or merge_across_nodes that the kernel would refuse now, because pages are merged
  // and `unmerge` was never.
  std::vector<std::string> refused;
};

// The writes that lead from `now` to `wanted`. Names that `now` lacks are left out, and so is
// pages_to_scan when the advisor will be on. `merged` says whether any page is merged. Pure.
[[nodiscard]] KsmPlan plan_ksm_writes(const KsmValues& now, const KsmValues& wanted, bool merged,
                                      KsmUnmerge unmerge);

// One write, read back: some files take a value and keep another.
[[nodiscard]] Result<void> write_ksm_setting(const std::string& folder, const std::string& name,
                                             const std::string& value);

// Pages that were merged away, and what memory would be needed to take them apart.
struct KsmMerged {
  std::uint64_t shared_pages = 0;
  std::uint64_t sharing_pages = 0;
  std::uint64_t zero_pages = 0;

  [[nodiscard]] bool any() const { return shared_pages > 0; }
};
[[nodiscard]] KsmMerged read_ksm_merged(const std::string& folder);

// Whether the machine has the memory for the pages that unmerging creates, with some left over. Fails
// with the numbers when it has not.
[[nodiscard]] Result<void> check_memory_to_unmerge(const KsmMerged& merged, std::uint64_t available_bytes);

// Among the values to go back to: nothing was merged, and nothing shall be afterwards. A program's pages
// stay on ksmd's account after its end until ksmd scans again, which it does not where it was stopped.
inline constexpr const char* kKsmMergedPages = "pages_shared";

// read_ksm_settings(), and that nothing is merged where nothing is: all that undo_ksm() needs.
[[nodiscard]] Result<KsmValues> read_ksm_to_restore(const std::string& folder);

// Gives all of `wanted` to the kernel, unmerging where that is needed and memory suffices. Goes on after
// a write that fails; fails with the first of them.
[[nodiscard]] Result<void> write_ksm_settings(const std::string& folder, const KsmValues& wanted);

}  // namespace isotach::kernel

// Changing the settings of KSM through a transaction: what ksm set, ksm demo and ksm run share.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "command/context.h"
#include "kernel/change/transaction.h"
#include "kernel/ksm_settings.h"

namespace isotach::command {

inline constexpr const char* kKsmFolder = "/sys/kernel/mm/ksm";

struct KsmWrite {
  std::string name, from, to;
};

// Makes every write that leads to `wanted`, with the step that takes all of them back. Where pages are
// merged and a setting wants none to be, fails unless `unmerge`; `words` are what to type then. What was
// written is appended to `writes`, in order.
[[nodiscard]] Result<void> change_ksm(kernel::Transaction& transaction, const kernel::KsmValues& wanted,
                                      kernel::KsmUnmerge unmerge, const std::vector<std::string>& words,
                                      std::vector<KsmWrite>& writes);

// What the settings were before the first change of this boot that was kept: remembered once, given back
// by `isotach ksm reset`.
[[nodiscard]] Result<void> remember_ksm_before(const kernel::KsmValues& values);
// Nothing when no change was kept since the machine started.
[[nodiscard]] Result<kernel::KsmValues> remembered_ksm();
void forget_ksm_before();

// The text of that file, and back; empty for a text of another boot or of no version of ours.
[[nodiscard]] std::string write_ksm_before(const std::string& boot_id, const kernel::KsmValues& values);
[[nodiscard]] kernel::KsmValues read_ksm_before(std::string_view text, std::string_view boot_id);

}  // namespace isotach::command

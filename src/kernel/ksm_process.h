// What KSM did for one process: /proc/PID/{ksm_stat,ksm_merging_pages,smaps_rollup} (kernel:
// Documentation/admin-guide/mm/ksm.rst, fs/proc/base.c). Which of them there are depends on the kernel:
// ksm_merging_pages since 5.19, ksm_stat since 6.1, its last lines since 6.14.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "kernel/system_root.h"

namespace isotach::kernel {

struct KsmProcessReading {
  Value rmap_items;     // pages of it that KSM keeps account of
  Value zero_pages;     // empty pages replaced by the zero page
  Value merging_pages;  // pages of it that are merged: both those that stay and those saved
  Value profit_bytes;   // signed: what this process gains, its share of the cost taken off
  Value merge_any;      // 1: all its memory was offered (PR_SET_MEMORY_MERGE)
  Value mergeable;      // 1: some of its memory was offered

  [[nodiscard]] bool uses_ksm() const;
};

// Never fails: what cannot be read is missing with its reason. Reading another user's process needs
// CAP_SYS_PTRACE.
[[nodiscard]] KsmProcessReading read_ksm_process(const SystemRoot& root, unsigned pid);

// Parsers, for tests and fuzzing.
void parse_ksm_stat(std::string_view text, KsmProcessReading& reading);
// KiB in the line "KSM:" of smaps_rollup.
[[nodiscard]] Value parse_rollup_ksm_kib(std::string_view text);

}  // namespace isotach::kernel

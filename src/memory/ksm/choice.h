// What somebody wants the settings of KSM to be: read, checked against what the kernel takes and against
// what a machine survives. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/ksm_settings.h"

namespace isotach::memory {

enum class KsmForce { no, yes };

// "pages_to_scan=1000" and so on, each name once. `now` is what the kernel has: only its settings are
// known. With KsmForce::no what is accepted by the kernel and harms the machine is refused, with the
// reason. Errors are of kind usage.
[[nodiscard]] Result<kernel::KsmValues> read_ksm_choice(const std::vector<std::string>& words,
                                                        const kernel::KsmValues& now, KsmForce force);

// What will be in force is unwise: one sentence each, for people.
[[nodiscard]] std::vector<std::string> warn_of_ksm_choice(const kernel::KsmValues& now,
                                                          const kernel::KsmValues& wanted);

// The kernel's own values (Linux 6.18, mm/ksm.c).
[[nodiscard]] const kernel::KsmValues& ksm_defaults();

// Why max_page_sharing or merge_across_nodes cannot be changed now, and what to type instead.
[[nodiscard]] Error ksm_is_merged(const std::string& name, const std::vector<std::string>& words,
                                  const kernel::KsmMerged& merged, std::uint64_t page_size_bytes);

}  // namespace isotach::memory

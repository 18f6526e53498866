// The files of /sys/kernel/mm/ksm in words (kernel: Documentation/admin-guide/mm/ksm.rst).
#pragma once

#include <span>
#include <string_view>

namespace isotach::memory {

struct KsmExplanation {
  std::string_view name;  // of the file
  std::string_view text;  // one line
};

// In the order in which they are shown: settings first.
[[nodiscard]] std::span<const KsmExplanation> ksm_explanations();

// Empty for a file that this version does not know.
[[nodiscard]] std::string_view explain_ksm_file(std::string_view name);

}  // namespace isotach::memory

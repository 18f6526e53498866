// /sys/kernel/mm/ksm/*: Kernel Samepage Merging (kernel: Documentation/admin-guide/mm/ksm.rst).
// Reading only; configuring it is a transaction and lives elsewhere.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "kernel/kept_file.h"

namespace isotach::kernel {

enum class KsmField : std::size_t {
  run,
  pages_to_scan,
  sleep_millisecs,
  max_page_sharing,
  pages_shared,
  pages_sharing,
  pages_unshared,
  pages_volatile,
  pages_skipped,
  pages_scanned,
  full_scans,
  zero_pages,
  general_profit_bytes,
};
inline constexpr std::size_t kKsmFieldCount = static_cast<std::size_t>(KsmField::general_profit_bytes) + 1;

[[nodiscard]] std::string_view ksm_field_file(KsmField field);  // "pages_sharing"

struct KsmReading {
  std::array<Value, kKsmFieldCount> values;  // general_profit is signed

  [[nodiscard]] const Value& operator[](KsmField field) const {
    return values[static_cast<std::size_t>(field)];
  }
};

class KsmReader {
 public:
  explicit KsmReader(const SystemRoot& root);
  // Files this kernel lacks are missing; never fails.
  void read(KsmReading& reading);

 private:
  std::vector<KeptFile> files_;
};

}  // namespace isotach::kernel

// isotach swap advise: what is read, estimated and shown.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/value.h"
#include "command/common_options.h"
#include "command/context.h"
#include "kernel/compressed_swap.h"
#include "memory/compression/estimate.h"

namespace isotach::command {

// One algorithm of the kernel.
struct AdviseRow {
  std::string name;
  bool exact_model = true;
  bool in_zram = false;
  bool chosen_in_zram = false;
  bool in_zswap = false;
  memory::PoolEstimate pool;
  double compress_ns = 0;  // a page, measured here
};

struct Advice {
  std::uint64_t page_bytes = 4096;
  std::uint64_t processes = 0;
  std::uint64_t not_permitted = 0;
  std::uint64_t pages = 0;  // anonymous, present, each frame once
  std::uint64_t swapped_pages = 0;
  std::uint64_t sample_pages = 0;
  double cold_bytes = 0;  // that would go to swap
  bool cold_given = false;
  std::int64_t wall_ns = 0;
  std::int64_t cpu_ns = 0;
  std::vector<AdviseRow> rows;  // the least memory first
  std::vector<std::string> not_modelled;
  std::vector<kernel::ZramDevice> zram;
  kernel::Zswap zswap;
  bool has_zram_module = false;
  Value total_memory_bytes;
};

// Original by stored.
[[nodiscard]] double compression_ratio(const Advice& advice, double pool_bytes);

[[nodiscard]] std::string advise_text(const Advice& advice, int columns);
[[nodiscard]] std::string advise_json(const Advice& advice);
[[nodiscard]] std::string advise_csv(const Advice& advice);

}  // namespace isotach::command

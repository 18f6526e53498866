// The vocabulary of machine metrics: each is described here and nowhere else.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "record/metric.h"

namespace isotach::machine {

// Metrics that are read together and share a label.
enum class Family : std::size_t {
  memory,
  cpu,
  each_cpu,
  scheduler,
  vm_counters,
  uptime,
  pressure,
  swap_device,
  ksm,
  interface,
  disk,
  link,
  network,
};
inline constexpr std::size_t kFamilyCount = static_cast<std::size_t>(Family::network) + 1;

// The label that tells members of a family apart ("interface"); empty where there is only one.
[[nodiscard]] std::string_view family_label(Family family);

// The head of its part of a document or dashboard: "CPU time of each CPU".
[[nodiscard]] std::string_view family_title(Family family);

// In the order of the kernel structs' fields; the memory family ends with what is computed from
// them (used, cache, swap used).
[[nodiscard]] const std::vector<record::MetricDescriptor>& family_metrics(Family family);

// Every metric a machine can show, for `isotach plot --list` and docs/metrics.md.
[[nodiscard]] std::vector<record::MetricDescriptor> machine_metrics();

}  // namespace isotach::machine

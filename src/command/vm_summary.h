// What Ctrl-C says at the end of `isotach vm`: the main columns over the run.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "memory/vm/vm_row.h"

namespace isotach::command {

class VmSummary {
 public:
  void add(const memory::VmRow& row, std::int64_t monotonic_ns, std::uint64_t missed_deadlines);
  void add_sample(std::int64_t monotonic_ns, std::uint64_t missed_deadlines);

  // "12 samples in 12.0 s, 0 missed deadlines" and, where rows were added, a table of min, mean and max.
  [[nodiscard]] std::string text() const;

 private:
  struct Range {
    std::uint64_t count = 0;
    double min = 0, max = 0, sum = 0;
  };

  std::uint64_t samples_ = 0;
  std::uint64_t missed_ = 0;
  std::int64_t first_ns_ = 0;
  std::int64_t last_ns_ = 0;
  std::array<Range, memory::kRowColumnCount> ranges_;
};

}  // namespace isotach::command

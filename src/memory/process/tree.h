// Which processes belong together, and their sum. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "kernel/process.h"

namespace isotach::memory {

// A process and all that descend from it, as far as they were seen while their parents lived.
class ProcessTree {
 public:
  // A build or a test run stays far below; each member keeps three descriptors open.
  static constexpr std::size_t kMemberLimit = 256;

  explicit ProcessTree(unsigned root_pid) : members_{root_pid} {}

  // Takes those of `found` that descend from a member, in whatever order they stand.
  void add(const std::vector<kernel::ProcessLister::Found>& found);
  void remove(unsigned pid);

  // The root first, then in the order in which they were found.
  [[nodiscard]] const std::vector<unsigned>& members() const { return members_; }
  // Descendants that did not fit.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  [[nodiscard]] bool contains(unsigned pid) const;

  std::vector<unsigned> members_;
  std::uint64_t refused_ = 0;
};

// Sums the readings of a tree into one, under the name of the first. A field that one of them lacks
// is missing in the sum too: a sum of some is not the sum.
//
// What a member had counted passes to its parent when the parent waits for it, so that with the
// counters of ended children the sums never shrink by more than rounding; they are kept from
// going backwards all the same.
class TreeSum {
 public:
  // `members` must not be empty. In the result the counters of ended children are 0: they are in the
  // counters of the process.
  void sum(const std::vector<kernel::ProcessReading>& members, kernel::ProcessReading& total);

 private:
  std::uint64_t minor_faults_ = 0;
  std::uint64_t major_faults_ = 0;
  std::uint64_t cpu_ns_ = 0;
  std::uint64_t cpu_wait_ns_ = 0;
};

}  // namespace isotach::memory

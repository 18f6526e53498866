// Findings over time: which begin, and which are over. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "doctor/finding.h"

namespace isotach::command {

class FindingLog {
 public:
  struct Entry {
    bool begins = true;  // or ends
    doctor::Finding finding;
    std::int64_t lasted_ns = 0;  // of one that ends: from its first to its last look
  };
  // One that is not found for this long is over: what comes and goes with each look is one finding.
  static constexpr std::int64_t kOverNs = 10'000'000'000;

  // What was found at that time, monotonic; what is new of it. A finding is known by its id and subject.
  [[nodiscard]] std::vector<Entry> update(const std::vector<doctor::Finding>& findings, std::int64_t time_ns);
  // The gravest that ever was.
  [[nodiscard]] bool had_problem() const { return had_problem_; }
  [[nodiscard]] std::size_t begun() const { return begun_; }

 private:
  struct Open {
    doctor::Finding finding;
    std::int64_t first_ns = 0, last_ns = 0;
  };
  std::vector<Open> open_;
  std::size_t begun_ = 0;
  bool had_problem_ = false;
};

}  // namespace isotach::command

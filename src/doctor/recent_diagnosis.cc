#include "doctor/recent_diagnosis.h"

#include <utility>

namespace isotach::doctor {
namespace {

constexpr std::int64_t kJudgedNs = 5 * kNanosecondsPerSecond;
// In less than this a rate says nothing: one timer tick is 10 ms.
constexpr std::int64_t kLeastJudgedNs = kNanosecondsPerSecond / 2;

}  // namespace

Diagnosis RecentDiagnosis::judge(const machine::MachineReading& reading, std::int64_t time_ns) {
  if (!from_) {
    from_ = Moment{reading, time_ns};
    next_ = from_;
  } else if (time_ns - next_->time_ns >= kJudgedNs) {
    from_ = std::move(next_);
    next_ = Moment{reading, time_ns};
  }
  const std::int64_t judged_ns = time_ns - from_->time_ns;
  const bool enough = judged_ns >= kLeastJudgedNs;
  const double judged_s =
      enough ? static_cast<double>(judged_ns) / static_cast<double>(kNanosecondsPerSecond) : 0;
  Diagnosis diagnosis = diagnose({from_->reading, reading, judged_s});
  if (!enough) diagnosis.not_checked.emplace_back("rates: less than half a second was watched");
  return diagnosis;
}

void RecentDiagnosis::restart() {
  from_.reset();
  next_.reset();
}

}  // namespace isotach::doctor

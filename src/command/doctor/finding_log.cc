#include "command/doctor/finding_log.h"

#include <algorithm>

namespace isotach::command {

std::vector<FindingLog::Entry> FindingLog::update(const std::vector<doctor::Finding>& findings,
                                                  std::int64_t time_ns) {
  std::vector<Entry> entries;
  for (const doctor::Finding& finding : findings) {
    const auto known = std::find_if(open_.begin(), open_.end(), [&](const Open& one) {
      return one.finding.id == finding.id && one.finding.subject == finding.subject;
    });
    if (known != open_.end()) {
      known->last_ns = time_ns;
      continue;
    }
    open_.push_back({finding, time_ns, time_ns});
    entries.push_back({true, finding, 0});
    ++begun_;
    had_problem_ = had_problem_ || finding.severity >= doctor::Severity::warning;
  }
  std::erase_if(open_, [&](const Open& one) {
    if (time_ns - one.last_ns < kOverNs) return false;
    entries.push_back({false, one.finding, one.last_ns - one.first_ns});
    return true;
  });
  return entries;
}

}  // namespace isotach::command

#include "doctor/diagnose.h"

#include <fmt/format.h>
#include <algorithm>

#include "doctor/rules.h"

namespace isotach::doctor {

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::warning:
      return "warning";
    case Severity::critical:
      return "critical";
    case Severity::info:
      break;
  }
  return "info";
}

bool Diagnosis::has(Severity least) const {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const Finding& finding) { return finding.severity >= least; });
}

void add_unsaid(const std::vector<Finding>& more, std::vector<Finding>& findings) {
  for (const Finding& finding : more) {
    const bool said = std::any_of(findings.begin(), findings.end(), [&](const Finding& one) {
      return one.id == finding.id && one.subject == finding.subject;
    });
    if (!said) findings.push_back(finding);
  }
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
}

Diagnosis diagnose(const Evidence& evidence) {
  Diagnosis diagnosis;
  check_memory(evidence, diagnosis);
  check_swap(evidence, diagnosis);
  check_cpu(evidence, diagnosis);
  check_disks(evidence, diagnosis);
  check_interfaces(evidence, diagnosis);
  check_protocols(evidence, diagnosis);
  check_ksm(evidence, diagnosis);
  std::vector<Finding>& findings = diagnosis.findings;
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  if (findings.size() > kFindingLimit) {
    const std::size_t left_out = findings.size() - kFindingLimit;
    findings.resize(kFindingLimit);
    diagnosis.not_checked.push_back(fmt::format("{} further findings are not listed", left_out));
  }
  return diagnosis;
}

}  // namespace isotach::doctor

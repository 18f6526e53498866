#include "command/fleet/alert_rules.h"

#include <fmt/format.h>

#include <string_view>

#include "base/json_reader.h"
#include "doctor/catalogue.h"

namespace isotach::command {
namespace {

// "memory-low" is IsotachMemoryLow.
std::string alert_name(std::string_view id) {
  std::string name = "Isotach";
  bool capital = true;
  for (const char c : id) {
    if (c == '-') {
      capital = true;
      continue;
    }
    name += capital && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    capital = false;
  }
  return name;
}

// Prometheus takes annotations as templates, in which braces would mean something.
std::string plain(std::string_view text) {
  std::string result;
  for (const char c : text) {
    result += c;
    if (c == '{' || c == '}') result += ' ';
  }
  return result;
}

struct Rule {
  std::string name;
  std::string expression;
  std::string_view lasting;
  std::string_view severity;  // empty: that of the series
  std::string summary;
  std::string description;
};

// A JSON string is a YAML string.
std::string rule_text(const Rule& rule) {
  std::string text = fmt::format("      - alert: {}\n        expr: {}\n        for: {}\n", rule.name,
                                 json_quoted(rule.expression), rule.lasting);
  if (!rule.severity.empty()) text += fmt::format("        labels:\n          severity: {}\n", rule.severity);
  return text + fmt::format("        annotations:\n          summary: {}\n          description: {}\n",
                            json_quoted(rule.summary), json_quoted(rule.description));
}

std::string finding_rule(const doctor::FindingDescription& finding) {
  return rule_text({alert_name(finding.id),
                    fmt::format("isotach_finding_info{{id=\"{}\"}} == 1", finding.id),
                    "1m",
                    {},
                    fmt::format("{}: {{{{ $labels.instance }}}} {{{{ $labels.subject }}}}", finding.id),
                    plain(fmt::format("{} {}", finding.means, finding.remedy))});
}

std::string group_head(std::string_view name) {
  return fmt::format("  - name: isotach-{}\n    rules:\n", name);
}

std::string agent_rules() {
  return group_head("agents") +
         rule_text(
             {"IsotachAgentGone", "up{job=\"isotach\"} == 0", "2m", "critical",
              "{{ $labels.instance }} does not answer",
              "Prometheus could not read its metrics for two minutes: is the machine up, and isotach agent "
              "running?"}) +
         rule_text({"IsotachAgentFails", "rate(isotach_agent_collections_failed_total[5m]) > 0", "5m",
                    "warning", "{{ $labels.instance }} cannot read its machine",
                    "The agent answers but has nothing to tell: its journal says why."}) +
         rule_text(
             {"IsotachMeshSilent", "time() - isotach_mesh_last_success_seconds > 6 * 3600", "10m", "warning",
              "no test from {{ $labels.from }} to {{ $labels.to }} for six hours",
              "isotach mesh run on the first of them says why; raise the limit where the mesh is slower."});
}

}  // namespace

std::string prometheus_rules() {
  std::string text =
      "# Alerts for what isotach agent finds. Made by isotach generate --prometheus-rules; the severity of "
      "a\n"
      "# finding (info, warning, critical) is that of its series.\ngroups:\n" +
      agent_rules();
  std::string_view area;
  for (const auto group :
       {doctor::machine_findings(), doctor::network_findings(), doctor::transfer_findings()})
    for (const doctor::FindingDescription& finding : group) {
      if (finding.area != area) text += group_head(area = finding.area);
      text += finding_rule(finding);
    }
  return text;
}

}  // namespace isotach::command

#include "view/overview/finding_json.h"

namespace isotach::view {

void write_finding_keys(JsonWriter& json, const FindingText& finding) {
  json.key("id").string(finding.id);
  json.key("severity").string(severity_word(finding.severity));
  json.key("subject").string(finding.subject);
  json.key("title").string(finding.title);
  json.key("evidence").string(finding.evidence);
  json.key("remedy").string(finding.remedy);
}

}  // namespace isotach::view

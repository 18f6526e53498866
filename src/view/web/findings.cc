#include "view/web/findings.h"

#include <algorithm>
#include <cmath>

#include "view/export/json_writer.h"
#include "view/overview/finding_json.h"

namespace isotach::view {
namespace {

void write_finding(JsonWriter& json, const FindingsDocument::Entry& entry) {
  json.begin_object();
  write_finding_keys(json, entry.finding);
  json.key("area").string(entry.area);
  json.key("meaning").string(entry.meaning);
  json.key("how").string(entry.how);
  json.end_object();
}

void write_connection(JsonWriter& json, const ConnectionText& one) {
  json.begin_object();
  json.key("local").string(one.local);
  json.key("remote").string(one.remote);
  json.key("process").string(one.process);
  json.key("direction").string(one.sends ? "sends" : "receives");
  json.key("rate_bits_per_second").real(one.bits_per_second);
  json.key("rtt_ms").real(one.rtt_s ? Number(*one.rtt_s * 1e3) : Number());
  json.key("retransmitted_segments").real(one.retransmitted_segments);
  json.key("cause").string(one.cause);
  json.key("cause_name").string(one.cause_name);
  json.key("network").boolean(one.network);
  json.key("share").real(one.cause_share);
  json.key("finding").string(one.finding);
  json.key("severity").string(one.finding.empty() ? std::string_view() : severity_word(one.severity));
  json.key("evidence").string(one.evidence);
  json.end_object();
}

std::string_view verdict_of(const FindingsDocument& document) {
  const auto worst =
      std::max_element(document.findings.begin(), document.findings.end(),
                       [](const auto& a, const auto& b) { return a.finding.severity < b.finding.severity; });
  return worst == document.findings.end() ? "ok" : severity_word(worst->finding.severity);
}

}  // namespace

std::string findings_json(const FindingsDocument& document, const std::string& session) {
  JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.web.findings.v1");
  json.key("session").string(session);
  json.key("number").unsigned_integer(document.number);
  json.key("wall_time_ms").real(std::floor(static_cast<double>(document.time.wall_ns) / 1e3) / 1e3);
  json.key("verdict").string(verdict_of(document));
  json.key("findings").begin_array();
  for (const auto& entry : document.findings) write_finding(json, entry);
  json.end_array();
  json.key("connection_count").unsigned_integer(document.connection_count);
  json.key("connections").begin_array();
  for (const ConnectionText& one : document.connections) write_connection(json, one);
  json.end_array();
  json.key("not_checked").begin_array();
  for (const std::string& line : document.not_checked) json.string(line);
  json.end_array();
  json.end_object();
  return json.take();
}

}  // namespace isotach::view

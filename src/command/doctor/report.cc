#include "command/doctor/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "command/context.h"
#include "doctor/catalogue.h"
#include "doctor/quantities.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

using doctor::Finding;
using doctor::Severity;

constexpr std::size_t kIndent = 2;
// Connections shown without being asked for one.
constexpr std::size_t kConnectionsShown = 20;

void write_wrapped(Context& context, const std::string& text, std::size_t indent, int columns) {
  context.out.write(wrap_words(printable(text), indent, indent, static_cast<std::size_t>(columns)));
}

void write_findings(Context& context, const DoctorReport& report, int columns) {
  if (report.findings.empty()) return;
  context.out.write("\nfound\n");
  for (const Finding& finding : report.findings) {
    write_wrapped(
        context,
        fmt::format("{}: {} [{}]", doctor::severity_name(finding.severity), finding.title, finding.id),
        kIndent, columns);
    if (!finding.evidence.empty()) write_wrapped(context, finding.evidence, 2 * kIndent, columns);
    if (!finding.remedy.empty()) write_wrapped(context, "do: " + finding.remedy, 2 * kIndent, columns);
  }
}

void write_evidence(Context& context, const DoctorReport& report, int columns) {
  if (report.evidence.empty()) return;
  context.out.write("\nevidence\n");
  using view::Align;
  view::Table table({{"", Align::left, 0, 24}, {"", Align::left}, {"", Align::left, 1, 16}});
  for (const doctor::EvidenceRow& row : report.evidence) table.row({"  " + row.what, row.value, row.how});
  context.out.write(table.text(columns));
}

void write_connections(Context& context, const DoctorReport& report, int columns) {
  if (report.connections.empty()) return;
  context.out.write("\nconnections\n");
  using view::Align;
  view::Table table({{"  local", Align::left, 0, 18},
                     {"remote", Align::left, 0, 18},
                     {"process", Align::left, 2, 8},
                     {"", Align::left, 3},
                     {"rate", Align::quantity},
                     {"limited by", Align::left},
                     {"of the time", Align::right, 1}});
  for (const DoctorConnection& one : report.connections) {
    if (table.row_count() >= kConnectionsShown) break;
    table.row({"  " + one.local, one.remote, one.process.empty() ? "-" : one.process,
               one.sends ? "sends" : "receives", format_bits_per_second(one.verdict.facts.rate_bps),
               std::string(doctor::cause_name(one.verdict.cause)), doctor::percent(one.verdict.share)});
  }
  context.out.write(table.text(columns));
  if (report.connections.size() > kConnectionsShown)
    context.out.write(
        fmt::format("  and {} more; --json has all\n", report.connections.size() - kConnectionsShown));
}

void write_list(Context& context, const char* head, const std::vector<std::string>& lines, int columns) {
  if (lines.empty()) return;
  context.out.write(fmt::format("\n{}\n", head));
  for (const std::string& line : lines) write_wrapped(context, line, kIndent, columns);
}

void write_text(Context& context, const DoctorReport& report) {
  const int columns = context.out_is_terminal ? terminal_size(context.out.fd()).columns : 100;
  write_wrapped(context, report.answer, 0, columns);
  write_findings(context, report, columns);
  write_evidence(context, report, columns);
  write_connections(context, report, columns);
  // Beside a finding its remedy has been told.
  std::vector<std::string> remedies;
  for (const std::string& remedy : report.remedies)
    if (std::none_of(report.findings.begin(), report.findings.end(),
                     [&](const Finding& finding) { return finding.remedy == remedy; }))
      remedies.push_back(remedy);
  write_list(context, remedies.size() < report.remedies.size() ? "what else to do" : "what to do", remedies,
             columns);
  write_list(context, "checked and healthy", report.healthy, columns);
  write_list(context, "not checked", report.not_checked, columns);
  std::vector<std::string> silenced;
  for (const Finding& finding : report.silenced)
    silenced.push_back(fmt::format("{}: {}", finding.id, finding.title));
  write_list(context, "silenced", silenced, columns);
}

void write_strings(view::JsonWriter& json, const char* key, const std::vector<std::string>& lines) {
  json.key(key).begin_array();
  for (const std::string& line : lines) json.string(line);
  json.end_array();
}

void write_findings(view::JsonWriter& json, const char* key, const std::vector<Finding>& findings) {
  json.key(key).begin_array();
  for (const Finding& finding : findings) write_finding(json, finding);
  json.end_array();
}

void write_evidence(view::JsonWriter& json, const std::vector<doctor::EvidenceRow>& rows) {
  json.key("evidence").begin_array();
  for (const doctor::EvidenceRow& row : rows) {
    json.begin_object();
    json.key("what").string(row.what);
    json.key("value").string(row.value);
    json.key("how").string(row.how);
    json.end_object();
  }
  json.end_array();
}

void write_facts(view::JsonWriter& json, const doctor::TransferFacts& facts) {
  json.key("rate_bits_per_second").real(facts.rate_bps);
  json.key("sender_seen").boolean(facts.sender_seen);
  json.key("receiver_seen").boolean(facts.receiver_seen);
  json.key("busy_ratio").real(facts.busy);
  json.key("window_limited_ratio").real(facts.window_limited);
  json.key("buffer_limited_ratio").real(facts.buffer_limited);
  json.key("congestion_window_full_ratio").real(facts.cwnd_full);
  json.key("window_full_ratio").real(facts.window_full);
  json.key("nothing_unsent_ratio").real(facts.nothing_unsent);
  json.key("application_limited_ratio").real(facts.app_limited);
  json.key("retransmitted_ratio").real(facts.retransmitted);
  json.key("loss_moments_ratio").real(facts.loss_moments);
  json.key("unevenness_ratio").real(facts.unevenness);
  json.key("loss_clumping_ratio").real(facts.loss_clumping);
  json.key("queue_ratio").real(facts.queue);
  json.key("queue_p25_ratio").real(facts.queue_p25);
  json.key("queue_at_loss_ratio").real(facts.queue_at_loss);
  json.key("rtt_ms").real(facts.rtt_ms);
  json.key("min_rtt_ms").real(facts.min_rtt_ms);
  json.key("rate_spread").real(facts.rate_spread);
  json.key("send_buffer_filled_ratio").real(facts.send_memory);
  json.key("flight_of_congestion_window_ratio").real(facts.unacked_of_cwnd);
  json.key("pacing_of_limit_ratio").real(facts.pacing_of_limit);
  json.key("window_bytes").real(facts.window_bytes);
  json.key("window_steady_ratio").real(facts.window_spread);
  json.key("receive_queue_ratio").real(facts.receive_queue);
  json.key("receive_memory_ratio").real(facts.receive_memory_p90);
  json.key("reordered").real(facts.reordered);
  json.key("dsack_ratio").real(facts.dsack_share);
  json.key("delivered_bytes").real(facts.delivered_bytes);
  json.key("timeouts").real(facts.timeouts);
  json.key("congestion_control").string(facts.congestion_control);
}

void write_activities(view::JsonWriter& json, const char* key,
                      const decltype(doctor::TransferFacts::sender)& shares) {
  json.key(key).begin_object();
  for (std::size_t i = 0; i < shares.size(); ++i)
    if (shares[i] > 0) json.key(kernel::activity_key(static_cast<kernel::Activity>(i))).real(shares[i]);
  json.end_object();
}

void write_connection(view::JsonWriter& json, const DoctorConnection& one) {
  const doctor::TransferVerdict& verdict = one.verdict;
  json.begin_object();
  json.key("local").string(one.local);
  json.key("remote").string(one.remote);
  json.key("process").string(one.process);
  json.key("other_process").string(one.their_process);
  json.key("direction").string(one.sends ? "sends" : "receives");
  json.key("seconds").real(one.seconds);
  json.key("cause").string(doctor::cause_key(verdict.cause));
  json.key("network").boolean(doctor::is_network(verdict.cause));
  json.key("share").real(verdict.share);
  json.key("shares").begin_object();
  for (const doctor::CauseShare& share : verdict.shares)
    json.key(doctor::cause_key(share.cause)).real(share.share);
  json.end_object();
  json.key("answer").string(verdict.answer);
  write_facts(json, verdict.facts);
  write_activities(json, "sender_thread", verdict.facts.sender);
  write_activities(json, "receiver_thread", verdict.facts.receiver);
  json.end_object();
}

void write_json(Context& context, const DoctorReport& report) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.doctor.v1");
  json.key("subject").string(report.subject);
  json.key("answer").string(report.answer);
  json.key("problem").boolean(report.has_problem());
  json.key("watched_seconds").real(report.seconds);
  write_findings(json, "findings", report.findings);
  write_evidence(json, report.evidence);
  write_strings(json, "remedies", report.remedies);
  json.key("connections").begin_array();
  for (const DoctorConnection& one : report.connections) write_connection(json, one);
  json.end_array();
  write_strings(json, "healthy", report.healthy);
  write_strings(json, "not_checked", report.not_checked);
  write_findings(json, "silenced", report.silenced);
  json.end_object();
  context.out.write(json.take() + '\n');
}

}  // namespace

void write_finding(view::JsonWriter& json, const Finding& finding) {
  json.begin_object();
  json.key("id").string(finding.id);
  json.key("severity").string(doctor::severity_name(finding.severity));
  json.key("subject").string(finding.subject);
  json.key("title").string(finding.title);
  json.key("evidence").string(finding.evidence);
  json.key("remedy").string(finding.remedy);
  json.end_object();
}

bool DoctorReport::has_problem() const {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.severity >= Severity::warning; });
}

bool is_silenced(const Finding& finding, const std::vector<std::string>& ids) {
  return std::any_of(ids.begin(), ids.end(), [&](const std::string& id) {
    return id == finding.id || id == finding.id + ":" + finding.subject;
  });
}

void silence(DoctorReport& report, const std::vector<std::string>& ids) {
  const auto kept = std::stable_partition(report.findings.begin(), report.findings.end(),
                                          [&](const Finding& finding) { return !is_silenced(finding, ids); });
  report.silenced.insert(report.silenced.end(), std::make_move_iterator(kept),
                         std::make_move_iterator(report.findings.end()));
  report.findings.erase(kept, report.findings.end());
  std::stable_sort(report.findings.begin(), report.findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
}

std::vector<std::string> healthy_areas(const DoctorReport& report) {
  const auto found = [&](std::string_view id) {
    const auto same = [&](const Finding& finding) { return finding.id == id; };
    return std::any_of(report.findings.begin(), report.findings.end(), same) ||
           std::any_of(report.silenced.begin(), report.silenced.end(), same);
  };
  std::vector<std::string> lines;
  std::string_view area;
  for (const auto group : {doctor::machine_findings(), doctor::network_findings()}) {
    for (const doctor::FindingDescription& one : group) {
      if (one.healthy.empty() || found(one.id)) continue;
      if (one.area == area) {
        lines.back() += fmt::format(", {}", one.healthy);
      } else {
        area = one.area;
        lines.push_back(fmt::format("{}: {}", area, one.healthy));
      }
    }
  }
  return lines;
}

int print_report(Context& context, const DoctorReport& report, bool json) {
  if (json)
    write_json(context, report);
  else
    write_text(context, report);
  return report.has_problem() ? kExitFailed : kExitOk;
}

}  // namespace isotach::command

// What the standing doctor found, as pages, the terminal and scrapers get it.
#include <algorithm>
#include <array>
#include <string_view>

#include "command/doctor/standing.h"
#include "doctor/catalogue.h"

namespace isotach::command {
namespace {

view::FindingSeverity severity_of(doctor::Severity severity) {
  switch (severity) {
    case doctor::Severity::critical:
      return view::FindingSeverity::critical;
    case doctor::Severity::warning:
      return view::FindingSeverity::warning;
    case doctor::Severity::info:
      break;
  }
  return view::FindingSeverity::info;
}

}  // namespace

std::vector<record::MetricDescriptor> StandingSeries::metrics() {
  return {{"tcp_connections",
           Unit::count,
           record::MetricKind::gauge,
           "TCP connections of this network namespace that data may move through",
           {}},
          {"tcp_busy_connections",
           Unit::count,
           record::MetricKind::gauge,
           "TCP connections that move data, by what holds them up (isotach doctor)",
           {}}};
}

StandingSeries::StandingSeries(record::SeriesTable& table) {
  const auto all = metrics();
  ids_.push_back(table.intern(all[0]));
  for (std::size_t i = 0; i < doctor::kCauses; ++i)
    ids_.push_back(
        table.intern(all[1], {{"cause", std::string(doctor::cause_key(static_cast<doctor::Cause>(i)))}}));
}

void StandingSeries::put(const StandingNews& news, record::Sample& sample) const {
  if (news.number == 0) return;
  std::array<std::uint64_t, doctor::kCauses> counts{};
  for (const DoctorConnection& one : news.connections) ++counts[static_cast<std::size_t>(one.verdict.cause)];
  if (ids_[0]) sample.points.push_back({*ids_[0], Value::of(std::uint64_t{news.connection_count})});
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (ids_[i + 1]) sample.points.push_back({*ids_[i + 1], Value::of(counts[i])});
  std::sort(sample.points.begin(), sample.points.end(),
            [](const record::Point& a, const record::Point& b) { return a.series < b.series; });
}

std::vector<doctor::Finding> findings_by_program(const StandingNews& news) {
  std::vector<doctor::Finding> findings;
  for (const doctor::Finding& finding : news.findings) {
    const auto connection =
        std::find_if(news.connections.begin(), news.connections.end(),
                     [&](const DoctorConnection& one) { return one.way() == finding.subject; });
    doctor::Finding one = finding;
    if (connection != news.connections.end())
      one.subject = connection->process.substr(0, connection->process.rfind('/'));
    doctor::add_unsaid({one}, findings);
  }
  return findings;
}

view::FindingText finding_text(const doctor::Finding& finding) {
  return {severity_of(finding.severity),
          finding.id,
          finding.subject,
          finding.title,
          finding.evidence,
          finding.remedy};
}

view::ConnectionText connection_text(const DoctorConnection& connection) {
  const doctor::TransferVerdict& verdict = connection.verdict;
  view::ConnectionText text;
  text.local = connection.local;
  text.remote = connection.remote;
  text.process = connection.process;
  text.sends = connection.sends;
  text.bits_per_second = verdict.facts.rate_bps;
  if (verdict.facts.rtt_ms > 0) text.rtt_s = verdict.facts.rtt_ms / 1e3;
  if (verdict.facts.sender_seen) text.retransmitted_segments = verdict.facts.losses;
  text.cause = doctor::cause_key(verdict.cause);
  text.cause_name = doctor::cause_name(verdict.cause);
  text.network = doctor::is_network(verdict.cause);
  text.cause_share = verdict.share;
  text.evidence = verdict.answer;
  if (const auto finding = verdict.finding(connection.way())) {
    text.finding = finding->id;
    text.severity = severity_of(finding->severity);
  }
  return text;
}

view::FindingsDocument findings_document(const StandingNews& news) {
  view::FindingsDocument document;
  document.number = news.number;
  document.time = news.time;
  for (const doctor::Finding& finding : news.findings) {
    view::FindingsDocument::Entry entry;
    entry.finding = finding_text(finding);
    if (const doctor::FindingDescription* known = doctor::find_description(finding.id)) {
      entry.area = known->area;
      entry.meaning = known->means;
      entry.how = known->measured;
    }
    document.findings.push_back(std::move(entry));
  }
  for (const DoctorConnection& one : news.connections) document.connections.push_back(connection_text(one));
  document.connection_count = news.connection_count;
  document.not_checked = news.not_checked;
  return document;
}

}  // namespace isotach::command

#include "view/web/web_api.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/text.h"
#include "base/units.h"
#include "record/metric.h"
#include "view/export/openmetrics.h"
#include "view/web/json_response.h"

namespace isotach::view {
namespace {

using record::SeriesId;
using ShownSample = record::History::ShownSample;

constexpr std::size_t kBatch = 64;  // samples read under one lock, so that sampling never waits for long
constexpr int kHeartbeatMs = 1'000;

// Milliseconds, which a JavaScript number holds with microseconds behind the point.
double wall_ms(const Instant& time) {
  return static_cast<double>(time.wall_ns / 1000) / 1000.0;
}

void write_event(JsonWriter& json, const record::Event& event) {
  json.begin_object();
  json.key("wall_time_ms").real(wall_ms(event.time));
  json.key("kind").string(record::event_kind_name(event.kind));
  json.key("text").string(event.text);
  json.end_object();
}

std::optional<std::uint64_t> number_of(const HttpRequest& request, const std::string& name,
                                       std::uint64_t otherwise) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return otherwise;
  return parse_unsigned(found->second);
}

// The series that "series=" names by key, metric or pattern, separated by commas; all when it is absent.
std::vector<SeriesId> chosen_series(const HttpRequest& request, const record::SeriesTable& table) {
  const auto found = request.query.find("series");
  std::vector<SeriesId> chosen;
  if (found == request.query.end()) {
    for (std::size_t id = 0; id < table.size(); ++id) chosen.push_back(static_cast<SeriesId>(id));
    return chosen;
  }
  constexpr std::size_t kPatternLimit = 64;
  std::vector<std::string_view> patterns = split(found->second, ',');
  patterns.resize(std::min(patterns.size(), kPatternLimit));
  for (const std::string_view pattern : patterns) {
    const std::vector<SeriesId> matching = table.matching(pattern);
    chosen.insert(chosen.end(), matching.begin(), matching.end());
  }
  std::ranges::sort(chosen);
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

}  // namespace

WebApi::WebApi(WebSession session, const LiveFeed& feed, Findings findings)
    : session_(std::move(session)), feed_(feed), findings_(std::move(findings)) {}

void WebApi::add_to(HttpServer& server) const {
  server.serve("/api/series", [this](const HttpRequest&) { return series(); });
  server.serve("/api/history", [this](const HttpRequest& request) { return history(request); });
  server.serve("/api/latest", [this](const HttpRequest&) { return latest(); });
  server.serve("/api/findings", [this](const HttpRequest&) { return findings(); });
  server.serve("/healthz", [this](const HttpRequest&) { return health(); });
  server.serve("/metrics", [this](const HttpRequest& request) { return metrics(request); });
  server.serve_stream("/api/events",
                      [this](const HttpRequest& request, const EventSink& sink) { events(request, sink); });
}

HttpResponse WebApi::series() const {
  JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.web.series.v1");
  json.key("session").begin_object();
  json.key("id").string(session_.id);
  json.key("host").string(session_.host);
  json.key("kernel").string(session_.kernel);
  json.key("program_version").string(session_.program_version);
  json.key("mode").string(session_.recording.empty() ? "live" : "recording");
  if (!session_.recording.empty()) {
    json.key("recording").string(session_.recording);
    json.key("thinned").unsigned_integer(session_.thinned);
  }
  json.key("interval_ms").real(static_cast<double>(session_.interval_ns) / 1e6);
  json.key("history_limit").unsigned_integer(feed_.sample_limit());
  json.end_object();
  json.key("series").begin_array();
  const record::SeriesTable& table = feed_.table();
  const std::size_t count = table.size();
  for (std::size_t id = 0; id < count; ++id) {
    const record::Series& series = table.at(static_cast<SeriesId>(id));
    json.begin_object();
    json.key("id").unsigned_integer(id);
    json.key("key").string(series.key());
    json.key("metric").string(series.metric.name);
    json.key("unit").string(unit_name(series.metric.unit));
    json.key("shown_unit").string(unit_name(series.metric.shown_unit()));
    json.key("kind").string(record::kind_name(series.metric.kind));
    json.key("title").string(series.metric.title);
    json.key("help").string(series.metric.help);
    json.key("labels").begin_object();
    for (const auto& [name, value] : series.labels) json.key(name).string(value);
    json.end_object();
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json_response(json);
}

HttpResponse WebApi::history(const HttpRequest& request) const {
  const auto since = number_of(request, "since", 0);
  const auto limit = number_of(request, "limit", kHistoryLimit);
  if (!since || !limit) return error_response(400, "since and limit are whole numbers");
  const std::vector<SeriesId> chosen = chosen_series(request, feed_.table());
  std::unordered_map<SeriesId, std::size_t> columns;
  for (std::size_t i = 0; i < chosen.size(); ++i) columns.emplace(chosen[i], i);

  const std::uint64_t wanted = std::min(*limit, kHistoryLimit);
  std::vector<std::vector<std::optional<double>>> values(chosen.size());
  std::vector<double> times;
  std::uint64_t first = 0;
  std::uint64_t last = *since;
  while (times.size() < wanted) {
    const auto news =
        feed_.history().shown_since(last, std::min<std::uint64_t>(kBatch, wanted - times.size()));
    // Samples that fell out while this answer was made would leave a hole in its numbers.
    if (news.empty() || (first != 0 && news.front().number != last + 1)) break;
    if (first == 0) first = news.front().number;
    for (const ShownSample& sample : news) {
      times.push_back(wall_ms(sample.time));
      last = sample.number;
      for (const auto& [id, value] : sample.values) {
        const auto column = columns.find(id);
        if (column == columns.end()) continue;
        auto& cells = values[column->second];
        cells.resize(times.size() - 1);
        cells.push_back(value);
      }
    }
  }
  const std::uint64_t appended = feed_.history().appended();

  JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.web.history.v1");
  json.key("session").string(session_.id);
  json.key("first_number").unsigned_integer(first);
  json.key("last_number").unsigned_integer(first == 0 ? 0 : last);
  json.key("skipped").unsigned_integer(first > *since + 1 ? first - *since - 1 : 0);
  json.key("more").boolean(first != 0 && last < appended);
  json.key("wall_time_ms").begin_array();
  for (const double time : times) json.real(time);
  json.end_array();
  json.key("series").begin_object();
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    values[i].resize(times.size());
    json.key(feed_.table().at(chosen[i]).key()).begin_array();
    for (const auto& value : values[i]) json.real(value);
    json.end_array();
  }
  json.end_object();
  json.key("events").begin_array();
  for (const record::Event& event : feed_.history().events()) write_event(json, event);
  json.end_array();
  json.end_object();
  return json_response(json);
}

HttpResponse WebApi::latest() const {
  const std::uint64_t appended = feed_.history().appended();
  const auto news = feed_.history().shown_since(appended > 0 ? appended - 1 : 0, 1);
  JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.web.latest.v1");
  json.key("session").string(session_.id);
  if (news.empty()) {
    json.key("number").unsigned_integer(0);
  } else {
    json.key("number").unsigned_integer(news.front().number);
    json.key("wall_time_ms").real(wall_ms(news.front().time));
    json.key("wall_time").string(format_wall_time_utc(news.front().time.wall_ns));
  }
  json.key("values").begin_object();
  if (!news.empty())
    for (const auto& [id, value] : news.front().values) json.key(feed_.table().at(id).key()).real(value);
  json.end_object();
  json.end_object();
  return json_response(json);
}

HttpResponse WebApi::findings() const {
  if (!findings_) return error_response(404, "the doctor does not look at a recording");
  HttpResponse response;
  response.content_type = "application/json; charset=utf-8";
  response.body = findings_json(findings_(), session_.id) + "\n";
  return response;
}

HttpResponse WebApi::health() const {
  const bool ok = feed_.history().appended() > 0;
  HttpResponse response;
  response.status = ok ? 200 : 503;
  response.body = ok ? "ok\n" : "no sample yet\n";
  return response;
}

HttpResponse WebApi::metrics(const HttpRequest& request) const {
  const Exposition format = negotiate(request.accept);
  OpenMetricsWriter writer(format);
  if (const auto sample = feed_.history().latest()) writer.sample(*sample, feed_.table());
  HttpResponse response;
  response.content_type = content_type(format);
  response.body = writer.finish();
  return response;
}

std::string WebApi::event_id(std::uint64_t number) const {
  return session_.id + ":" + std::to_string(number);
}

bool WebApi::send_samples(const EventSink& sink, std::uint64_t& seen) const {
  for (;;) {
    const auto news = feed_.history().shown_since(seen, kBatch);
    if (news.empty()) return true;
    for (const ShownSample& sample : news) {
      JsonWriter json;
      json.begin_object();
      json.key("number").unsigned_integer(sample.number);
      json.key("wall_time_ms").real(wall_ms(sample.time));
      if (sample.number > seen + 1) json.key("skipped").unsigned_integer(sample.number - seen - 1);
      json.key("values").begin_array();
      SeriesId next = 0;
      for (const auto& [id, value] : sample.values) {
        for (; next < id; ++next) json.null();
        json.real(value);
        ++next;
      }
      json.end_array();
      json.end_object();
      if (!sink({"sample", json.text(), event_id(sample.number)})) return false;
      seen = sample.number;
    }
  }
}

bool WebApi::send_marks(const EventSink& sink, std::uint64_t& seen) const {
  const std::uint64_t known = feed_.news().events;
  if (known == seen) return true;
  for (const record::Event& event : feed_.events_since(seen)) {
    JsonWriter json;
    write_event(json, event);
    if (!sink({"mark", json.text(), {}})) return false;
  }
  seen = known;
  return true;
}

bool WebApi::send_findings(const EventSink& sink, std::uint64_t& seen) const {
  if (!findings_) return true;
  const FindingsDocument document = findings_();
  if (document.number == seen) return true;
  seen = document.number;
  return sink({"findings", findings_json(document, session_.id), {}});
}

void WebApi::events(const HttpRequest& request, const EventSink& sink) const {
  // Where the viewer is: the id of its last event, or what it asked for. Numbers of another session
  // mean nothing here; such a viewer is told by "hello" and gets everything from the start.
  const LiveFeed::News start = feed_.news();
  std::uint64_t seen = start.samples > 0 ? start.samples - 1 : 0;
  std::uint64_t seen_marks = start.events;  // a viewer that comes back may get marks again
  std::string_view position = request.last_event_id;
  if (const auto found = request.query.find("since"); position.empty() && found != request.query.end())
    position = found->second;
  if (!position.empty()) {
    const std::size_t colon = position.find(':');
    const bool same = colon == std::string_view::npos || position.substr(0, colon) == session_.id;
    const auto number =
        parse_unsigned(colon == std::string_view::npos ? position : position.substr(colon + 1));
    seen = same && number && *number <= start.samples ? *number : 0;
    seen_marks = 0;
  }

  JsonWriter hello;
  hello.begin_object();
  hello.key("schema").string("isotach.web.events.v1");
  hello.key("session").string(session_.id);
  hello.end_object();
  if (!sink({"hello", hello.text(), {}})) return;
  std::uint64_t seen_findings = 0;
  for (;;) {
    if (!send_samples(sink, seen) || !send_marks(sink, seen_marks)) return;
    if (!send_findings(sink, seen_findings)) return;
    const LiveFeed::News news = feed_.wait_for(seen, seen_marks, kHeartbeatMs);
    if (news.ended && news.samples <= seen) {
      sink({"end", "{}", {}});
      return;
    }
    if (news.samples <= seen && news.events <= seen_marks && !sink({})) return;
  }
}

}  // namespace isotach::view

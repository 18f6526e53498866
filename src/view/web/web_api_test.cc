#include "view/web/web_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "view/web/test_client.h"

namespace isotach::view {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::int64_t kSecondNs = kNanosecondsPerSecond;

HttpRequest asking(std::map<std::string, std::string> query) {
  HttpRequest request;
  request.query = std::move(query);
  return request;
}

// A gauge whose value is the sample's number, a counter that grows by 10 a second, and one that the
// kernel does not offer.
class WebApiTest : public ::testing::Test {
 protected:
  explicit WebApiTest(std::size_t limit = 100)
      : gauge_(*table_.intern({.name = "memory_free_bytes",
                               .unit = Unit::bytes,
                               .kind = record::MetricKind::gauge,
                               .help = "Memory that nothing uses",
                               .title = "free"})),
        counter_(*table_.intern({.name = "network_receive_bytes",
                                 .unit = Unit::bytes,
                                 .kind = record::MetricKind::counter,
                                 .help = "Bytes received",
                                 .title = "received",
                                 .rate_display = record::RateDisplay::bits_per_second},
                                {{"interface", "eth\"0"}})),
        missing_(*table_.intern({.name = "gone",
                                 .unit = Unit::count,
                                 .kind = record::MetricKind::gauge,
                                 .help = "",
                                 .title = "gone"})),
        feed_(table_, limit),
        api_({.id = "s1",
              .host = "db1",
              .kernel = "6.1",
              .program_version = "0.1.0",
              .recording = {},
              .interval_ns = kSecondNs,
              .thinned = 1},
             feed_) {}

  void append(std::uint64_t number) {
    record::Sample sample;
    sample.time = {static_cast<std::int64_t>(number) * kSecondNs,
                   1'700'000'000 * kSecondNs + static_cast<std::int64_t>(number) * kSecondNs};
    sample.points = {{gauge_, Value::of(number)},
                     {counter_, Value::of(10 * number)},
                     {missing_, Value(Missing::not_supported)}};
    feed_.append(sample);
  }
  void append_up_to(std::uint64_t last) {
    for (std::uint64_t number = feed_.news().samples + 1; number <= last; ++number) append(number);
  }
  std::string history(std::map<std::string, std::string> query) const {
    return api_.history(asking(std::move(query))).body;
  }

  record::SeriesTable table_;
  record::SeriesId gauge_;
  record::SeriesId counter_;
  record::SeriesId missing_;
  LiveFeed feed_;
  WebApi api_;
};

TEST_F(WebApiTest, DescribesSessionAndSeries) {
  const std::string body = api_.series().body;
  EXPECT_THAT(body, StartsWith(R"({"schema":"isotach.web.series.v1","session":{"id":"s1","host":"db1")"));
  EXPECT_THAT(body, HasSubstr(R"("mode":"live")"));
  EXPECT_THAT(body, HasSubstr(R"("interval_ms":1000)"));
  EXPECT_THAT(body, HasSubstr(R"("key":"network_receive_bytes{interface=\"eth\\\"0\"}")"));
  EXPECT_THAT(body, HasSubstr(R"("shown_unit":"bits_per_second","kind":"counter","title":"received")"));
  EXPECT_THAT(body, HasSubstr(R"("labels":{"interface":"eth\"0"})"));
}

TEST_F(WebApiTest, BeforeTheFirstSampleThereIsNothing) {
  EXPECT_THAT(api_.latest().body, HasSubstr(R"("number":0,"values":{})"));
  EXPECT_THAT(history({}), HasSubstr(R"("first_number":0,"last_number":0,"skipped":0,"more":false)"));
  EXPECT_EQ(api_.health().status, 503);
}

TEST_F(WebApiTest, LatestHasTheShownValues) {
  append_up_to(3);
  const std::string body = api_.latest().body;
  EXPECT_THAT(body, HasSubstr(R"("number":3)"));
  EXPECT_THAT(body, HasSubstr(R"("wall_time":"2023-11-14T22:13:23.000Z")"));
  EXPECT_THAT(body, HasSubstr(R"("memory_free_bytes":3)"));
  EXPECT_THAT(body, HasSubstr(R"(}":80)"));        // 10 bytes a second are 80 bit/s
  EXPECT_THAT(body, HasSubstr(R"("gone":null)"));  // missing, not 0
  EXPECT_EQ(api_.health().status, 200);
}

TEST_F(WebApiTest, HistoryIsInColumns) {
  append_up_to(3);
  const std::string body = history({});
  EXPECT_THAT(body, HasSubstr(R"("first_number":1,"last_number":3,"skipped":0,"more":false)"));
  EXPECT_THAT(body, HasSubstr(R"("wall_time_ms":[1700000001000,1700000002000,1700000003000])"));
  EXPECT_THAT(body, HasSubstr(R"("memory_free_bytes":[1,2,3])"));
  EXPECT_THAT(body, HasSubstr(R"(}":[null,80,80])"));  // a counter has no rate at its first sample
  EXPECT_THAT(body, HasSubstr(R"("gone":[null,null,null])"));
}

TEST_F(WebApiTest, HistoryIsBoundedAndGoesOnWhereItEnded) {
  append_up_to(90);
  EXPECT_THAT(history({{"limit", "70"}}),
              HasSubstr(R"("first_number":1,"last_number":70,"skipped":0,"more":true)"));
  EXPECT_THAT(history({{"since", "70"}}),
              HasSubstr(R"("first_number":71,"last_number":90,"skipped":0,"more":false)"));
  EXPECT_THAT(history({{"since", "90"}}), HasSubstr(R"("first_number":0,"last_number":0)"));
  EXPECT_THAT(history({{"limit", "18446744073709551615"}}), HasSubstr(R"("last_number":90)"));
}

TEST_F(WebApiTest, HistoryTellsWhatItNoLongerHas) {
  append_up_to(150);
  EXPECT_THAT(history({{"since", "20"}}), HasSubstr(R"("first_number":51,"last_number":150,"skipped":30)"));
}

TEST_F(WebApiTest, HistoryGivesTheSeriesAskedFor) {
  append_up_to(2);
  const std::string body = history({{"series", "memory_*,nothing"}});
  EXPECT_THAT(body, HasSubstr("memory_free_bytes"));
  EXPECT_THAT(body, Not(HasSubstr("network_receive_bytes")));
}

TEST_F(WebApiTest, HistoryRefusesWhatIsNoNumber) {
  for (const char* text : {"-1", "x", "", "1e3", "99999999999999999999"})
    EXPECT_EQ(api_.history(asking({{"since", text}})).status, 400) << text;
}

TEST_F(WebApiTest, MetricsFollowTheAcceptHeader) {
  append_up_to(2);
  HttpRequest request;
  request.accept = "application/openmetrics-text; version=1.0.0";
  const HttpResponse response = api_.metrics(request);
  EXPECT_THAT(response.content_type, StartsWith("application/openmetrics-text"));
  EXPECT_THAT(response.body, HasSubstr("isotach_memory_free_bytes 2"));
  EXPECT_THAT(response.body, HasSubstr("# EOF"));
}

// What a viewer is sent until it has `count` samples.
struct Received {
  std::vector<std::string> names;
  std::vector<std::string> data;
  std::vector<std::string> ids;
};

Received receive(const WebApi& api, std::size_t count, const HttpRequest& request) {
  Received received;
  std::size_t samples = 0;
  api.events(request, [&](const StreamEvent& event) {
    if (event.name.empty()) return true;
    received.names.emplace_back(event.name);
    received.data.emplace_back(event.data);
    received.ids.emplace_back(event.id);
    if (event.name == "sample") ++samples;
    return samples < count;
  });
  return received;
}

HttpRequest coming_back_after(std::string id) {
  HttpRequest request;
  request.last_event_id = std::move(id);
  return request;
}

TEST_F(WebApiTest, ANewViewerBeginsWithTheNewestSample) {
  append_up_to(5);
  const Received received = receive(api_, 1, {});
  ASSERT_EQ(received.names, (std::vector<std::string>{"hello", "sample"}));
  EXPECT_EQ(received.data[0], R"({"schema":"isotach.web.events.v1","session":"s1"})");
  EXPECT_EQ(received.data[1], R"({"number":5,"wall_time_ms":1700000005000,"values":[5,80,null]})");
  EXPECT_EQ(received.ids[1], "s1:5");
}

TEST_F(WebApiTest, AViewerThatComesBackGetsWhatItMissed) {
  append_up_to(10);
  const Received received = receive(api_, 3, coming_back_after("s1:7"));
  EXPECT_EQ(received.ids, (std::vector<std::string>{"", "s1:8", "s1:9", "s1:10"}));
}

TEST_F(WebApiTest, AViewerThatFellBehindIsToldWhatItLost) {
  append_up_to(150);
  const Received received = receive(api_, 1, coming_back_after("s1:20"));
  EXPECT_THAT(received.data[1], HasSubstr(R"("number":51,"wall_time_ms":1700000051000,"skipped":30)"));
}

TEST_F(WebApiTest, NumbersOfAnotherSessionMeanNothing) {
  append_up_to(3);
  for (const char* id : {"s0:2", "s1:99", "s1:x", ":", "s1:-1"})
    EXPECT_EQ(receive(api_, 1, coming_back_after(id)).ids[1], "s1:1") << id;
}

TEST_F(WebApiTest, FindingsAreToldWhenTheyChange) {
  EXPECT_EQ(api_.findings().status, 404) << "of a recording";
  std::atomic<std::uint64_t> number = 1;
  const auto look = [&] {
    FindingsDocument document;
    document.number = number;
    FindingsDocument::Entry entry;
    entry.finding = {FindingSeverity::warning, "slow-link",  "eth0",
                     "eth0: \"slow\"",         "100 Mbit/s", "a cable"};
    entry.area = "links";
    document.findings = {entry};
    ConnectionText connection;
    connection.local = "10.0.0.1:443";
    connection.bits_per_second = 1e6;
    connection.rtt_s = 0.25;
    document.connections = {connection};
    document.connection_count = 7;
    return document;
  };
  WebApi api({.id = "s1", .host = {}, .kernel = {}, .program_version = {}, .recording = {}}, feed_, look);
  const std::string body = api.findings().body;
  EXPECT_THAT(body, StartsWith(R"({"schema":"isotach.web.findings.v1","session":"s1","number":1)"));
  EXPECT_THAT(body, HasSubstr(R"("verdict":"warning")"));
  EXPECT_THAT(body, HasSubstr(R"("title":"eth0: \"slow\"")"));
  EXPECT_THAT(body, HasSubstr(R"("connection_count":7)"));
  EXPECT_THAT(body, HasSubstr(R"("rtt_ms":250,"retransmitted_segments":null,"cause":"")"));
  std::vector<std::string> names;
  append_up_to(1);
  api.events(asking({}), [&](const StreamEvent& event) {
    names.emplace_back(event.name);
    if (event.name == "findings") append_up_to(feed_.news().samples + 1);
    // Of three samples the second comes with news.
    const auto samples = std::count(names.begin(), names.end(), "sample");
    if (samples == 2) number = 2;
    return samples < 3;
  });
  EXPECT_EQ(names, (std::vector<std::string>{"hello", "sample", "findings", "sample", "findings", "sample"}));
}

TEST_F(WebApiTest, MarksAreSent) {
  append_up_to(1);
  feed_.append(record::Event{{0, 1'700'000'000 * kSecondNs}, record::EventKind::mark, "deploy"});
  feed_.end();
  const Received received = receive(api_, 9, coming_back_after("s1:1"));
  EXPECT_EQ(received.names, (std::vector<std::string>{"hello", "mark", "end"}));
  EXPECT_EQ(received.data[1], R"({"wall_time_ms":1700000000000,"kind":"mark","text":"deploy"})");
}

// Samples are appended while several viewers read over real sockets; every one sees each sample once,
// in order. Run under ThreadSanitizer too.
TEST_F(WebApiTest, ViewersFollowWhileSamplesAreAppended) {
  constexpr std::uint64_t kLast = 60;
  constexpr int kViewers = 4;
  HttpServer server({});
  api_.add_to(server);
  ASSERT_TRUE(server.start());
  append(1);
  std::atomic<int> greeted{0};
  std::vector<std::string> streams(kViewers);
  std::vector<std::thread> viewers;
  for (std::string& stream : streams)
    viewers.emplace_back([&stream, &greeted, port = server.port()] {
      TestClient client(port);
      client.send("GET /api/events?since=s1:0 HTTP/1.1\r\nHost: localhost\r\n\r\n");
      client.read_until("event: hello");
      ++greeted;
      stream = client.read_until("event: end");
    });
  std::uint64_t number = 1;
  while (greeted < kViewers) EXPECT_EQ(status_of(fetch(server.port(), "/healthz")), 200);
  std::thread appender([&] {
    while (number < kLast) append(++number);
    feed_.end();
  });
  while (feed_.news().samples < kLast) {
    EXPECT_EQ(status_of(fetch(server.port(), "/api/history")), 200);
    EXPECT_EQ(status_of(fetch(server.port(), "/api/latest")), 200);
  }
  appender.join();
  for (std::thread& viewer : viewers) viewer.join();
  for (const std::string& stream : streams) {
    std::size_t at = 0;
    for (std::uint64_t expected = 1; expected <= kLast; ++expected) {
      const std::string id = "id: s1:" + std::to_string(expected) + "\n";
      const std::size_t found = stream.find(id, at);
      ASSERT_NE(found, std::string::npos) << id;
      EXPECT_EQ(stream.find(id, found + 1), std::string::npos);
      at = found;
    }
  }
}

}  // namespace
}  // namespace isotach::view

#include "view/web/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <poll.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "view/web/test_client.h"

namespace isotach::view {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A server whose stream sends one event and then heartbeats until its viewer has gone.
class HttpServerTest : public ::testing::Test {
 protected:
  void start(const HttpServer::Options& options = {}) {
    server_ = std::make_unique<HttpServer>(options);
    server_->serve("/", [](const HttpRequest&) { return HttpResponse{200, "text/html", "<p>page</p>"}; });
    server_->serve("/echo", [](const HttpRequest& request) {
      HttpResponse response;
      for (const auto& [name, value] : request.query)
        response.body.append(name).append("=").append(value).append(";");
      return response;
    });
    server_->serve("/big", [](const HttpRequest&) {
      return HttpResponse{200, "text/plain", std::string(1 << 20, 'x')};
    });
    server_->serve_stream("/events", [this](const HttpRequest& request, const EventSink& sink) {
      bool open = sink({"hello", "from " + request.last_event_id, "7"});
      std::unique_lock lock(mutex_);
      while (open) {
        ++beats_;
        beat_.notify_all();
        beat_.wait_for(lock, std::chrono::milliseconds(5));
        open = sink({});
      }
      ++left_;
      beat_.notify_all();
    });
    const auto started = server_->start();
    ASSERT_TRUE(started) << started.error().message();
  }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] std::string get(std::string_view path, std::string_view headers = {},
                                std::string_view method = "GET") const {
    return fetch(port(), path, headers, method);
  }
  bool wait_until_left(int count) {
    std::unique_lock lock(mutex_);
    return beat_.wait_for(lock, std::chrono::seconds(10), [&] { return left_ >= count; });
  }

  std::mutex mutex_;
  std::condition_variable beat_;
  int beats_ = 0;
  int left_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersWithSecurityHeaders) {
  start();
  const std::string response = get("/");
  EXPECT_EQ(status_of(response), 200);
  EXPECT_EQ(body_of(response), "<p>page</p>");
  EXPECT_THAT(response, HasSubstr("Content-Security-Policy: default-src 'self'"));
  EXPECT_THAT(response, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(response, HasSubstr("X-Content-Type-Options: nosniff"));
  EXPECT_THAT(response, HasSubstr("Referrer-Policy: no-referrer"));
  EXPECT_EQ(server_->url(), "http://127.0.0.1:" + std::to_string(port()) + "/");
}

TEST_F(HttpServerTest, DecodesTheQuery) {
  start();
  EXPECT_EQ(body_of(get("/echo?b=2&a=x%20y&b=3")), "a=x y;b=2;");
}

TEST_F(HttpServerTest, HeadHasTheHeadersOnly) {
  start();
  const std::string response = get("/", {}, "HEAD");
  EXPECT_EQ(status_of(response), 200);
  EXPECT_THAT(response, HasSubstr("Content-Length: 11"));
  EXPECT_EQ(body_of(response), "");
  EXPECT_EQ(status_of(get("/events", {}, "HEAD")), 200);
}

TEST_F(HttpServerTest, RefusesOtherMethodsAndBodies) {
  start();
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
    const std::string response = get("/", "Content-Length: 5\r\n\r\nabcde", method);
    EXPECT_EQ(status_of(response), 405) << method;
    EXPECT_THAT(response, HasSubstr("Connection: close"));
  }
  EXPECT_EQ(status_of(get("/", "Content-Length: 3\r\n")), 413);
  EXPECT_EQ(status_of(get("/", "Transfer-Encoding: chunked\r\n")), 413);
}

TEST_F(HttpServerTest, ABodyIsNeverReadAsARequest) {
  start();
  TestClient client(port());
  client.send(
      "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nGET /big HTTP/1.1\r\nHost: "
      "localhost\r\n\r\n");
  EXPECT_EQ(status_of(client.read_to_end()), 405);
  EXPECT_THAT(client.read_to_end(), Not(HasSubstr("xxxx")));
}

TEST_F(HttpServerTest, UnknownAndClimbingPathsAreNotFound) {
  start();
  for (const char* path :
       {"/nothing", "/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//", "/echo/", "/echo%00", "/.*"})
    EXPECT_EQ(status_of(get(path)), 404) << path;
}

TEST_F(HttpServerTest, RefusesWhatIsNoRequest) {
  start();
  for (const std::string& text :
       {std::string("\r\n\r\n"), std::string("hello\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 29),
        std::string("GET / HTTP/1.1\r\n folded: header\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\n: nameless\r\n\r\n"), std::string("GET / HTTP/1.1\r\n\r\n"),
        std::string("GET / HTTP/9.9\r\nHost: localhost\r\n\r\n"), std::string("\x16\x03\x01\x02\r\n\r\n")}) {
    TestClient client(port());
    client.send(text);
    EXPECT_EQ(status_of(client.read_to_end()), 400) << text;
  }
  EXPECT_EQ(status_of(get("/")), 200);
}

TEST_F(HttpServerTest, RefusesOversizedHeads) {
  start();
  EXPECT_EQ(status_of(get("/" + std::string(9000, 'a'))), 431);
  EXPECT_EQ(status_of(get("/", "X-Long: " + std::string(9000, 'a') + "\r\n")), 431);
  std::string many;
  for (int i = 0; i < 65; ++i) many += "X: y\r\n";
  EXPECT_EQ(status_of(get("/", many)), 431);
  TestClient endless(port());
  endless.send("GET / HTTP/1.1\r\n" + std::string(100'000, 'z'));
  EXPECT_EQ(status_of(endless.read_to_end()), 431);
  EXPECT_EQ(status_of(get("/" + std::string(8000, 'a'))), 404);
}

TEST_F(HttpServerTest, ALongRangeHeaderIsIgnored) {
  start();
  std::string range = "Range: bytes=0-0";
  while (range.size() < 8000) range += ",0-0";
  const std::string response = get("/", range + "\r\n");
  EXPECT_EQ(status_of(response), 200);
  EXPECT_EQ(body_of(response), "<p>page</p>");
}

TEST_F(HttpServerTest, ASlowClientIsCutOffAtTheDeadline) {
  start({.head_deadline_ms = 60});
  TestClient silent(port());
  TestClient slow(port());
  slow.send("GET / HT");
  EXPECT_EQ(status_of(slow.read_to_end()), 408);
  EXPECT_TRUE(slow.ended());
  EXPECT_EQ(silent.read_to_end(), "");
  EXPECT_TRUE(silent.ended());
}

TEST_F(HttpServerTest, AClientThatDoesNotReadIsLetGo) {
  start({.worker_limit = 2, .viewer_limit = 1, .write_deadline_ms = 60});
  TestClient lazy(port());
  for (int i = 0; i < 32; ++i) lazy.send("GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
  TestClient lazier(port());
  for (int i = 0; i < 32; ++i) lazier.send("GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(status_of(get("/")), 200);
}

TEST_F(HttpServerTest, KeepsAConnectionForFurtherRequests) {
  start();
  TestClient client(port());
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /echo?n=2 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(client.read_until("n=2;"), HasSubstr("<p>page</p>"));
  EXPECT_FALSE(client.ended());
}

TEST_F(HttpServerTest, RefusesForeignHostNames) {
  start();
  for (const char* host : {"evil.example", "evil.example:80", "localhost.evil.example", "[::1",
                           "127.0.0.1.evil.example", "127.0.0.1:x", "localhost:99999"})
    EXPECT_EQ(status_of(get("/", "Host: " + std::string(host) + "\r\n")), 403) << host;
  for (const char* host :
       {"localhost", "LocalHost:80", "127.0.0.1", "127.0.0.1:4747", "[::1]:80", "a.localhost", "localhost."})
    EXPECT_EQ(status_of(get("/", "Host: " + std::string(host) + "\r\n")), 200) << host;
}

TEST_F(HttpServerTest, AsksForTheToken) {
  const std::string token = "0123456789abcdef";
  start({.token = token});
  EXPECT_EQ(server_->url(), "http://127.0.0.1:" + std::to_string(port()) + "/?token=" + token);
  const std::string cookie = "isotach_" + std::to_string(port()) + "=";
  EXPECT_EQ(status_of(get("/")), 401);
  EXPECT_EQ(status_of(get("/events")), 401);
  EXPECT_EQ(status_of(get("/?token=")), 401);
  EXPECT_EQ(status_of(get("/?token=0123456789abcdeF")), 401);
  EXPECT_EQ(status_of(get("/?token=0123456789abcdef0123456789abcdef")), 401);
  EXPECT_EQ(status_of(get("/echo", "Authorization: Bearer nonsense\r\n")), 401);
  EXPECT_EQ(status_of(get("/echo", "Authorization: Bearer " + token + "\r\n")), 200);
  EXPECT_EQ(status_of(get("/echo", "Cookie: a=b; " + cookie + token + "\r\n")), 200);
  EXPECT_EQ(status_of(get("/echo", "Cookie: " + cookie + "x" + token + "\r\n")), 401);
  EXPECT_EQ(body_of(get("/echo?a=1&token=" + token)), "a=1;");
}

TEST_F(HttpServerTest, TheTokenLeavesTheAddress) {
  const std::string token = "0123456789abcdef";
  start({.token = token});
  const std::string response = get("/?token=" + token + "&range=5m");
  EXPECT_EQ(status_of(response), 303);
  EXPECT_THAT(response, HasSubstr("Location: /?range=5m\r\n"));
  EXPECT_THAT(response, HasSubstr("Set-Cookie: isotach_" + std::to_string(port()) + "=" + token +
                                  "; Path=/; HttpOnly; SameSite=Lax"));
}

TEST_F(HttpServerTest, StreamsEventsAndLearnsThatAViewerLeft) {
  start();
  {
    TestClient viewer(port());
    viewer.send("GET /events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 41\r\n\r\n");
    const std::string& text = viewer.read_until(":\n\n");
    EXPECT_THAT(text, HasSubstr("Content-Type: text/event-stream"));
    EXPECT_THAT(text, HasSubstr("id: 7\nevent: hello\ndata: from 41\n\n"));
  }
  EXPECT_TRUE(wait_until_left(1));
}

TEST_F(HttpServerTest, CapsViewersAndStillAnswersOthers) {
  start({.worker_limit = 4, .viewer_limit = 2});
  TestClient first(port());
  TestClient second(port());
  for (TestClient* viewer : {&first, &second}) {
    viewer->send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    viewer->read_until("event: hello");
  }
  const std::string third = get("/events");
  EXPECT_EQ(status_of(third), 503);
  EXPECT_THAT(third, HasSubstr("Retry-After: 2"));
  EXPECT_EQ(server_->refused(), 1u);
  EXPECT_EQ(status_of(get("/")), 200);
}

TEST_F(HttpServerTest, ViewersNeverTakeAllWorkers) {
  start({.worker_limit = 2, .viewer_limit = 10});
  TestClient first(port());
  first.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  first.read_until("event: hello");
  EXPECT_EQ(status_of(get("/events")), 503);
  EXPECT_EQ(status_of(get("/")), 200);
}

TEST_F(HttpServerTest, RefusesConnectionsBeyondItsQueue) {
  start({.worker_limit = 2, .viewer_limit = 1, .head_deadline_ms = 60'000});
  // Which of them are beyond it depends on when the workers take their first.
  std::vector<std::unique_ptr<TestClient>> silent;
  std::vector<pollfd> sockets;
  for (int i = 0; i < 40; ++i) {
    silent.push_back(std::make_unique<TestClient>(port()));
    sockets.push_back({silent.back()->socket(), POLLIN, 0});
  }
  ASSERT_GT(::poll(sockets.data(), sockets.size(), 10'000), 0);
  const auto answered = std::ranges::find_if(sockets, [](const pollfd& one) { return one.revents != 0; });
  EXPECT_EQ(status_of(silent[static_cast<std::size_t>(answered - sockets.begin())]->read_to_end()), 503);
  EXPECT_GE(server_->refused(), 1u);
}

TEST_F(HttpServerTest, StopEndsStreamsAndIdleConnections) {
  start();
  TestClient viewer(port());
  viewer.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  viewer.read_until("event: hello");
  TestClient idle(port());
  TestClient half(port());
  half.send("GET / HT");
  server_->stop();
  viewer.read_to_end();
  EXPECT_TRUE(viewer.ended());
  idle.read_to_end();
  EXPECT_TRUE(idle.ended());
}

TEST(HttpServerStart, NamesAPortThatIsInUse) {
  HttpServer first({});
  ASSERT_TRUE(first.start());
  HttpServer second({.port = first.port()});
  const auto started = second.start();
  ASSERT_FALSE(started);
  const std::string port = std::to_string(first.port());
  EXPECT_EQ(started.error().message(), "port " + port + " of 127.0.0.1 is in use already");
  EXPECT_THAT(started.error().remedy, HasSubstr("--listen 127.0.0.1:"));
}

TEST(HttpServerStart, WantsATokenBeyondLoopback) {
  HttpServer open({.address = "0.0.0.0"});
  const auto started = open.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::usage);
  EXPECT_THAT(started.error().remedy, HasSubstr("--token auto"));
  HttpServer guarded({.address = "0.0.0.0", .token = *generate_token()});
  EXPECT_TRUE(guarded.start());
  EXPECT_EQ(status_of(fetch(guarded.port(), "/")), 401);
}

TEST(HttpServerStart, RefusesWeakTokensAndForeignAddresses) {
  EXPECT_FALSE(HttpServer({.token = "short"}).start());
  EXPECT_FALSE(HttpServer({.token = "has blanks and; more"}).start());
  const auto foreign = HttpServer({.address = "192.0.2.1", .token = "0123456789abcdef"}).start();
  ASSERT_FALSE(foreign);
  EXPECT_THAT(foreign.error().message(), HasSubstr("192.0.2.1"));
}

TEST(GenerateToken, MakesADifferentOneEachTime) {
  EXPECT_EQ(generate_token()->size(), 32u);
  EXPECT_NE(*generate_token(), *generate_token());
}

}  // namespace
}  // namespace isotach::view

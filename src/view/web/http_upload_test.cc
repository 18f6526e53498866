// Bodies that the server takes: where it was told to, within their bounds, and one at a time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <future>

#include "view/web/http_server.h"
#include "view/web/test_client.h"

namespace isotach::view {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kLimitBytes = 100'000;

class HttpUploadTest : public ::testing::Test {
 protected:
  void start(HttpServer::Options options = {}) {
    server_ = std::make_unique<HttpServer>(options);
    server_->serve_upload(
        "/take", kLimitBytes,
        [this](const HttpRequest& request, std::uint64_t size_bytes, const BodyReader& body) {
          begun_.set_value();
          std::string text;
          std::array<char, 1000> piece;
          for (;;) {
            const auto count = body(piece);
            if (!count) {
              failed_.set_value(count.error().message());
              return HttpResponse{400, "text/plain", count.error().message()};
            }
            if (*count == 0) break;
            text.append(piece.data(), *count);
          }
          EXPECT_EQ(text.size(), size_bytes);
          begun_ = {};
          return HttpResponse{200, "text/plain",
                              request.query.at("name") + " " + std::to_string(text.size())};
        });
    ASSERT_TRUE(server_->start());
  }
  [[nodiscard]] std::string post(const std::string& headers, const std::string& body = {}) const {
    return fetch(server_->port(), "/take?name=a", headers + "\r\n" + body, "POST");
  }
  static std::string size(std::size_t bytes) { return "Content-Length: " + std::to_string(bytes) + "\r\n"; }

  std::promise<void> begun_;
  std::promise<std::string> failed_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpUploadTest, IsTakenWhole) {
  start();
  EXPECT_EQ(body_of(post(size(5), "abcde")), "a 5");
  EXPECT_EQ(body_of(post(size(0))), "a 0");
  const std::string large(kLimitBytes, 'x');
  EXPECT_EQ(body_of(post(size(large.size()), large)), "a 100000");
}

TEST_F(HttpUploadTest, OfAnotherSitesPageIsRefused) {
  start();
  const std::string ours = "Host: 127.0.0.1:1\r\nOrigin: http://127.0.0.1:1\r\n";
  EXPECT_EQ(body_of(post(ours + size(2), "ab")), "a 2");
  for (const char* origin : {"http://evil.example", "null", "http://127.0.0.1:2", "http://x127.0.0.1:1"})
    EXPECT_EQ(status_of(post("Host: 127.0.0.1:1\r\nOrigin: " + std::string(origin) + "\r\n" + size(2), "ab")),
              403)
        << origin;
}

TEST_F(HttpUploadTest, WithoutASizeOrWithTooLargeAOneIsRefused) {
  start();
  EXPECT_EQ(status_of(post("")), 411);
  for (const char* bad : {"-1", "0x5", "5 5", "99999999999999999999999"})
    EXPECT_NE(status_of(post("Content-Length: " + std::string(bad) + "\r\n")), 200) << bad;
  EXPECT_EQ(status_of(post("Transfer-Encoding: chunked\r\n" + size(1), "x")), 411);
  EXPECT_EQ(status_of(post(size(kLimitBytes + 1))), 413);
}

TEST_F(HttpUploadTest, IsTakenOnlyWhereAskedFor) {
  start();
  EXPECT_EQ(status_of(fetch(server_->port(), "/take?name=a")), 404);
  EXPECT_EQ(status_of(fetch(server_->port(), "/other", size(1) + "\r\nx", "POST")), 405);
  EXPECT_EQ(status_of(fetch(server_->port(), "/take", size(1) + "\r\nx", "PUT")), 405);
}

TEST_F(HttpUploadTest, ThatBreaksOffIsTold) {
  start();
  {
    TestClient client(server_->port());
    client.send("POST /take?name=a HTTP/1.1\r\nHost: localhost\r\n" + size(5) + "\r\nabc");
    begun_.get_future().wait();
  }
  EXPECT_EQ(failed_.get_future().get(), "the file broke off");
}

TEST_F(HttpUploadTest, ThatStandsStillIsEnded) {
  start({.body_stall_ms = 20});
  EXPECT_THAT(body_of(post(size(50), "abc")), HasSubstr("took too long"));
}

TEST_F(HttpUploadTest, ThatNeverEndsIsEnded) {
  start({.body_stall_ms = 60'000, .body_deadline_ms = 20});
  EXPECT_THAT(body_of(post(size(50), "abc")), HasSubstr("took too long"));
}

TEST_F(HttpUploadTest, KeepsOthersWaitingOnlyForItself) {
  start();
  TestClient first(server_->port());
  first.send("POST /take?name=a HTTP/1.1\r\nHost: localhost\r\n" + size(5) + "\r\nab");
  begun_.get_future().wait();
  EXPECT_EQ(status_of(post(size(1), "x")), 503);
  first.send("cde");
  EXPECT_THAT(first.read_to_end(), HasSubstr("a 5"));
  EXPECT_EQ(body_of(post(size(1), "x")), "a 1");
}

}  // namespace
}  // namespace isotach::view

// A small HTTP server for people and scrapers, over cpp-httplib (which only http_server.cc includes).
//
// Every request has deadlines and size caps; live streams are capped below the number of workers,
// so that /metrics and the page still answer when all viewers' places are taken (they get 503).
// Requests whose Host header names another site are refused (DNS rebinding). Where a token is set,
// it must come as ?token=, as a cookie or as "Authorization: Bearer".
// Bodies are taken only by serve_upload(), one at a time, and only from pages of this server itself.
// A browser that comes with ?token= is given the cookie and sent on to the same page without it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace isotach::view {

struct HttpRequest {
  std::string path;
  std::map<std::string, std::string> query;  // of a name given twice the first value counts
  std::string last_event_id;                 // what a viewer that lost its stream saw last
  std::string accept;                        // the Accept header: what the client can read
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};  // further ones: "Cache-Control"
};

// The next bytes of a request's body into `target`: how many, 0 at its end. Fails where the client leaves,
// or is too slow.
using BodyReader = std::function<Result<std::size_t>(std::span<char> target)>;

// A server-sent event. Without name and data it is a heartbeat: a comment that viewers ignore.
struct StreamEvent {
  std::string_view name;
  std::string_view data;  // without line breaks
  std::string_view id;    // comes back as last_event_id; empty for none
};

// Sends one event; false when the viewer has gone, reads too slowly, or the server stops.
using EventSink = std::function<bool(const StreamEvent& event)>;

class HttpServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  // 0: any free one
    std::string token = {};  // empty: none is asked for; required by start() for non-loopback addresses
    int worker_limit = 12;
    int viewer_limit = 8;            // live streams at once; kept below worker_limit
    int head_deadline_ms = 5'000;    // for a whole request to arrive
    int idle_deadline_ms = 2'000;    // for the next request of a connection; less when others wait
    int body_stall_ms = 5'000;       // for the next bytes of a body
    int body_deadline_ms = 120'000;  // for the whole of it
    int write_deadline_ms = 5'000;   // for an event to be taken, or for a response to move on
  };
  using Handler = std::function<HttpResponse(const HttpRequest&)>;
  // Runs on a worker for as long as the viewer stays; returns when `sink` returns false. Must call
  // `sink` at least once a second (a heartbeat will do) to learn that.
  using StreamHandler = std::function<void(const HttpRequest&, const EventSink& sink)>;

  // Runs on a worker; answers POST. Whoever comes while it runs gets 503.
  using UploadHandler =
      std::function<HttpResponse(const HttpRequest&, std::uint64_t size_bytes, const BodyReader& body)>;

  explicit HttpServer(Options options);
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Before start(). Handlers run on worker threads and answer GET and HEAD; `path` is matched as a whole.
  void serve(const std::string& path, Handler handler);
  void serve_stream(const std::string& path, StreamHandler handler);
  void serve_upload(const std::string& path, std::uint64_t limit_bytes, UploadHandler handler);

  [[nodiscard]] Result<void> start();
  // Ends requests and streams at once and waits for the workers. Not from a handler.
  void stop();
  // "http://127.0.0.1:8080/" with ?token=... where one is needed. After start().
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::uint16_t port() const;
  // Viewers and requests refused because all places were taken.
  [[nodiscard]] std::uint64_t refused() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// 128 random bits as 32 hexadecimal digits, from the kernel.
[[nodiscard]] Result<std::string> generate_token();

// "127.0.0.1:8080", "[::1]:8080", "8080", "localhost" or ":8080" as --listen takes it; "*:8080" is every
// IPv4 address of the machine. Where the address is left out it is 127.0.0.1.
struct ListenAddress {
  std::string address;
  std::uint16_t port = 0;
  bool loopback = true;
};
[[nodiscard]] Result<ListenAddress> parse_listen_address(const std::string& text, std::uint16_t default_port);

}  // namespace isotach::view

// A small HTTP server for people and scrapers, over cpp-httplib (which only http_server.cc includes).
//
// Every request has deadlines and size caps; live streams are capped below the number of workers,
// so that /metrics and the page still answer when all viewers' places are taken (they get 503).
// Requests whose Host header names another site are refused (DNS rebinding). Where a token is set,
// it must come as ?token=, as a cookie or as "Authorization: Bearer".
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isotach::view {

struct HttpRequest {
  std::string path;
  std::map<std::string, std::string> query;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Sends one server-sent event; false when the viewer has gone or the server stops.
using EventSink = std::function<bool(std::string_view event_name, std::string_view data)>;

class HttpServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;   // 0: any free one
    std::string token;        // empty: none is asked for; required by start() for non-loopback addresses
    int worker_limit = 12;
    int viewer_limit = 8;     // live streams at once
  };
  using Handler = std::function<HttpResponse(const HttpRequest&)>;
  // Runs on a worker for as long as the viewer stays; returns when `sink` returns false.
  using StreamHandler = std::function<void(const HttpRequest&, const EventSink& sink)>;

  explicit HttpServer(Options options);
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Before start(). Handlers run on worker threads.
  void serve(const std::string& path, Handler handler);
  void serve_stream(const std::string& path, StreamHandler handler);

  [[nodiscard]] Result<void> start();
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

// "127.0.0.1:8080", "[::1]:8080", "8080", "localhost" or ":8080" as --listen takes it.
struct ListenAddress {
  std::string address;
  std::uint16_t port = 0;
  bool loopback = true;
};
[[nodiscard]] Result<ListenAddress> parse_listen_address(const std::string& text, std::uint16_t default_port);

}  // namespace isotach::view

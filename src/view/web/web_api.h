// What the page and scripts ask the web server for (docs/formats/web-api.md): the series, their
// history, the newest values and a live stream. All of it is read from a LiveFeed; nothing here
// measures.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "view/web/findings.h"
#include "view/web/http_server.h"
#include "view/web/live_feed.h"

namespace isotach::view {

// What is being watched, as the page's header shows it.
struct WebSession {
  std::string id;  // differs from one start to the next: sample numbers begin again with it
  std::string host;
  std::string kernel;
  std::string program_version;
  std::string recording;  // name of the file; empty when live
  std::int64_t interval_ns = 0;
  std::uint64_t thinned = 1;  // of a long recording only each n-th sample is kept
};

class WebApi {
 public:
  // What the doctor found last; asked by many threads, and by none that may wait long.
  using Findings = std::function<FindingsDocument()>;

  // `feed` must outlive the API, and the API the server that it is added to. Without `findings` there are
  // none to be asked for.
  WebApi(WebSession session, const LiveFeed& feed, Findings findings = {});

  // /api/series, /api/history, /api/latest, /api/events, /api/findings, /healthz, /metrics.
  void add_to(HttpServer& server) const;

  // The documents behind them, for tests.
  [[nodiscard]] HttpResponse series() const;
  [[nodiscard]] HttpResponse history(const HttpRequest& request) const;
  [[nodiscard]] HttpResponse latest() const;
  [[nodiscard]] HttpResponse findings() const;
  [[nodiscard]] HttpResponse health() const;
  [[nodiscard]] HttpResponse metrics(const HttpRequest& request) const;
  void events(const HttpRequest& request, const EventSink& sink) const;

  // Samples in one answer of /api/history; a client asks again for those that follow.
  static constexpr std::uint64_t kHistoryLimit = 5'000;

 private:
  [[nodiscard]] std::string event_id(std::uint64_t number) const;
  [[nodiscard]] bool send_samples(const EventSink& sink, std::uint64_t& seen) const;
  [[nodiscard]] bool send_marks(const EventSink& sink, std::uint64_t& seen) const;

  [[nodiscard]] bool send_findings(const EventSink& sink, std::uint64_t& seen) const;

  WebSession session_;
  const LiveFeed& feed_;
  Findings findings_;
};

}  // namespace isotach::view

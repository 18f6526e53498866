// The only file that includes cpp-httplib. It parses heads and writes responses; accepting, waiting,
// deadlines, caps and who may ask are our own (listener.h, connection.h, access.h), because the
// library has none that hold against a slow or hostile client.
#include "view/web/http_server.h"

#include <httplib.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>

#include "base/check.h"
#include "base/text.h"
#include "view/web/access.h"
#include "view/web/connection.h"
#include "view/web/listener.h"

namespace isotach::view {
namespace {

constexpr int kRequestsPerConnection = 64;
constexpr int kResponseTotalMs = 60'000;
constexpr std::string_view kTokenParameter = "token";

using HeaderList = std::vector<std::pair<const char*, const char*>>;

// The page loads nothing from elsewhere, runs no inline script and is shown in no frame. uPlot sets
// styles on elements, which a policy for styles covers only where they are written as text.
const HeaderList& security_headers() {
  static const HeaderList headers = {
      {"Content-Security-Policy",
       "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; base-uri 'none'; form-action "
       "'none'; "
       "frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
  };
  return headers;
}

// An answer to what never became a request.
std::string plain_response(int status, std::string_view reason, std::string_view text) {
  std::string response =
      "HTTP/1.1 " + std::to_string(status) + " " + std::string(reason) +
      "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: " +
      std::to_string(text.size() + 1) + "\r\n";
  if (status == 503) response += "Retry-After: 2\r\n";
  for (const auto& [name, value] : security_headers())
    response.append(name).append(": ").append(value).append("\r\n");
  return response.append("\r\n").append(text).append("\n");
}

// Gives the library one head to read and nothing after it.
class HeadStream final : public httplib::Stream {
 public:
  HeadStream(Connection& connection, std::string head, int stall_ms)
      : connection_(connection), head_(std::move(head)), stall_ms_(stall_ms) {}

  bool is_readable() const override { return position_ < head_.size(); }
  bool is_writable() const override { return !failed_; }
  ssize_t read(char* target, size_t size) override {
    const std::size_t count = head_.copy(target, size, position_);
    position_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* text, size_t size) override {
    if (failed_ || !connection_.write({text, size}, stall_ms_, kResponseTotalMs)) {
      failed_ = true;
      return -1;
    }
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  socket_t socket() const override { return connection_.fd(); }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  Connection& connection_;
  std::string head_;
  std::size_t position_ = 0;
  int stall_ms_;
  bool failed_ = false;
};

void answer(httplib::Response& response, int status, const std::string& text) {
  response.status = status;
  response.set_content(text + "\n", "text/plain; charset=utf-8");
}

void answer(httplib::Response& response, HttpResponse made) {
  response.status = made.status;
  for (const auto& [name, value] : made.headers) {
    response.headers.erase(name);  // of the defaults
    response.set_header(name, value);
  }
  if (response.get_header_value("Cache-Control").empty()) response.set_header("Cache-Control", "no-store");
  response.body = std::move(made.body);
  response.set_header("Content-Type", made.content_type);
}

HttpRequest request_of(const httplib::Request& from) {
  HttpRequest request;
  request.path = from.path;
  for (const auto& [name, value] : from.params)
    if (name != kTokenParameter) request.query.emplace(name, value);
  request.accept = from.get_header_value("Accept");
  request.last_event_id = from.get_header_value("Last-Event-ID");
  return request;
}

std::string without_token(const httplib::Request& request) {
  httplib::Params kept = request.params;
  kept.erase(std::string(kTokenParameter));
  const std::string query = httplib::detail::params_to_query_str(kept);
  return query.empty() ? "/" : "/?" + query;
}

std::string node_name() {
  utsname names{};
  return ::uname(&names) == 0 ? names.nodename : "";
}

// The library's server without its sockets: a parser of heads and a writer of responses.
class Responder final : public httplib::Server {
 public:
  using httplib::Server::process_request;
  [[nodiscard]] bool running() const { return svr_sock_ != INVALID_SOCKET; }
  // The library ends streams once its own socket is invalid.
  void set_running(socket_t listening) { svr_sock_ = listening; }
};

}  // namespace

struct HttpServer::State {
  explicit State(Options given) : options(std::move(given)), node(node_name()) {
    options.worker_limit = std::max(options.worker_limit, 2);
    options.viewer_limit = std::clamp(options.viewer_limit, 0, options.worker_limit - 1);
    httplib::Headers defaults;
    for (const auto& [name, value] : security_headers()) defaults.emplace(name, value);
    responder.set_default_headers(std::move(defaults));
    responder.set_keep_alive_max_count(kRequestsPerConnection);
    responder.set_keep_alive_timeout(std::max(1, options.idle_deadline_ms / 1000));
    responder.set_payload_max_length(0);
    responder.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      route(request, response);
      return httplib::Server::HandlerResponse::Handled;
    });
    responder.set_exception_handler(
        [](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
          answer(response, 500, "the server failed to answer");
        });
  }

  void serve_connection(Fd socket);
  void route(const httplib::Request& request, httplib::Response& response);
  [[nodiscard]] bool may_enter(const httplib::Request& request, httplib::Response& response) const;
  [[nodiscard]] std::string cookie_name() const { return "isotach_" + std::to_string(port); }
  void stream(const httplib::Request& request, httplib::Response& response, const StreamHandler& handler);
  void take(const httplib::Request& request, httplib::Response& response);
  [[nodiscard]] bool stopping() const { return !responder.running(); }

  Options options;
  Responder responder;
  const std::string node;
  std::map<std::string, Handler> handlers;
  std::map<std::string, StreamHandler> stream_handlers;
  struct Upload {
    std::uint64_t limit_bytes = 0;
    UploadHandler handler;
  };
  std::map<std::string, Upload> uploads;
  std::atomic<bool> uploading{false};
  std::unique_ptr<Listener> listener;
  std::uint16_t port = 0;
  bool local = true;  // listens on loopback only
  std::atomic<int> viewers{0};
  std::atomic<std::uint64_t> refused{0};
};

namespace {
// The connection that a worker is serving: a stream's sink writes to it under a deadline of its own.
thread_local Connection* current_connection = nullptr;
}  // namespace

void HttpServer::State::serve_connection(Fd socket) {
  Connection connection(std::move(socket));
  const auto give_up_idling = [this] { return listener->crowded(); };
  std::string head;
  for (int count = 1; count <= kRequestsPerConnection && !stopping(); ++count) {
    // The first request was why the client came; it has the whole deadline to begin.
    const bool first = count == 1;
    const auto status = connection.read_head(
        head, first ? options.head_deadline_ms : options.idle_deadline_ms, options.head_deadline_ms,
        first ? std::function<bool()>([this] { return stopping(); }) : give_up_idling);
    std::string refusal;
    switch (status) {
      case Connection::HeadStatus::complete:
        break;
      case Connection::HeadStatus::closed:
        return;
      case Connection::HeadStatus::too_slow:
        refusal = plain_response(408, "Request Timeout", "the request took too long to arrive");
        break;
      case Connection::HeadStatus::too_large:
        refusal =
            plain_response(431, "Request Header Fields Too Large", "the request's headers are too large");
        break;
      case Connection::HeadStatus::malformed:
        refusal = plain_response(400, "Bad Request", "this is no HTTP request");
        break;
    }
    if (!refusal.empty()) {
      if (connection.write(refusal, options.write_deadline_ms, options.write_deadline_ms))
        connection.close_gently();
      return;
    }

    HeadStream stream(connection, std::move(head), options.write_deadline_ms);
    bool understood = false;
    bool last = count == kRequestsPerConnection || listener->crowded();
    bool closed = false;
    current_connection = &connection;
    responder.process_request(stream, last, closed, [&](httplib::Request& request) {
      understood = true;
      // Where a body follows, its bytes must not be read as a request.
      const bool body = request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
      if (body || (request.method != "GET" && request.method != "HEAD")) {
        last = true;
        request.headers.erase("Connection");
        request.headers.emplace("Connection", "close");
      }
      // Compression costs more than it saves on this machine itself, and brotli more than anywhere.
      const bool gzip = request.get_header_value("Accept-Encoding").find("gzip") != std::string::npos;
      request.headers.erase("Accept-Encoding");
      if (gzip && !local) request.headers.emplace("Accept-Encoding", "gzip");
      request.headers.erase("Expect");
    });
    current_connection = nullptr;
    if (!understood || last || closed || stream.failed()) break;
  }
  if (!stopping()) connection.close_gently();
}

bool HttpServer::State::may_enter(const httplib::Request& request, httplib::Response& response) const {
  const bool has_host = request.has_header("Host");
  if (!has_host && request.version != "HTTP/1.0") {
    answer(response, 400, "the request names no host");
    return false;
  }
  if (has_host && !host_is_ours(request.get_header_value("Host"), options.address, node)) {
    answer(response, 403, "this server does not answer for that host name; use the address it printed");
    return false;
  }
  if (options.token.empty()) return true;

  if (request.has_param(std::string(kTokenParameter).c_str())) {
    if (equal_in_constant_time(options.token,
                               request.get_param_value(std::string(kTokenParameter).c_str()))) {
      response.set_header("Set-Cookie",
                          cookie_name() + "=" + options.token + "; Path=/; HttpOnly; SameSite=Lax");
      return true;
    }
  } else {
    const std::string authorization = request.get_header_value("Authorization");
    constexpr std::string_view kBearer = "Bearer ";
    if (authorization.starts_with(kBearer)) {
      if (equal_in_constant_time(options.token, std::string_view(authorization).substr(kBearer.size())))
        return true;
    } else if (const std::string cookies = request.get_header_value("Cookie");
               equal_in_constant_time(options.token, cookie_value(cookies, cookie_name()))) {
      return true;
    }
  }
  response.set_header("WWW-Authenticate", "Bearer realm=\"isotach\"");
  answer(response, 401, "a token is needed: open the address that isotach printed, which has it");
  return false;
}

void HttpServer::State::route(const httplib::Request& request, httplib::Response& response) {
  if (!may_enter(request, response)) return;
  if (request.method == "POST" && uploads.contains(request.path)) {
    take(request, response);
    return;
  }
  if (request.method != "GET" && request.method != "HEAD") {
    response.set_header("Allow", "GET, HEAD");
    answer(response, 405, "only GET and HEAD are answered");
    return;
  }
  if (request.has_header("Content-Length") || request.has_header("Transfer-Encoding")) {
    answer(response, 413, "a request here has no body");
    return;
  }
  if (!options.token.empty() && request.path == "/" && request.has_param("token")) {
    // The token leaves the address bar and the browser's history.
    response.status = 303;
    response.set_header("Location", without_token(request));
    return;
  }
  if (const auto found = handlers.find(request.path); found != handlers.end()) {
    answer(response, found->second(request_of(request)));
    return;
  }
  if (const auto found = stream_handlers.find(request.path); found != stream_handlers.end()) {
    if (request.method == "HEAD") {
      response.status = 200;
      response.set_header("Content-Type", "text/event-stream");
      return;
    }
    stream(request, response, found->second);
    return;
  }
  answer(response, 404, "there is nothing under this path");
}

void HttpServer::State::stream(const httplib::Request& request, httplib::Response& response,
                               const StreamHandler& handler) {
  if (viewers.fetch_add(1) >= options.viewer_limit) {
    viewers.fetch_sub(1);
    refused.fetch_add(1);
    response.set_header("Retry-After", "2");
    answer(response, 503, "all places for viewers are taken; close one or try again later");
    return;
  }
  response.set_header("Cache-Control", "no-store");
  response.set_header("X-Accel-Buffering", "no");  // proxies otherwise gather events
  response.set_chunked_content_provider(
      "text/event-stream",
      [this, &handler, request = request_of(request)](size_t, httplib::DataSink& sink) {
        std::string text;
        handler(request, [&](const StreamEvent& event) {
          if (stopping() || current_connection->peer_gone()) return false;
          text.clear();
          if (event.name.empty() && event.data.empty()) {
            text = ":\n\n";
          } else {
            if (!event.id.empty()) text.append("id: ").append(event.id).append("\n");
            text.append("event: ").append(event.name).append("\ndata: ").append(event.data).append("\n\n");
          }
          // Straight to the connection, as one chunk: one write, with the deadline of one event.
          std::array<char, 20> size{};
          std::snprintf(size.data(), size.size(), "%zx\r\n", text.size());
          text.insert(0, size.data()).append("\r\n");
          return current_connection->write(text, options.write_deadline_ms, options.write_deadline_ms);
        });
        sink.done();
        return true;
      },
      [this](bool) { viewers.fetch_sub(1); });
}

void HttpServer::State::take(const httplib::Request& request, httplib::Response& response) {
  const Upload& upload = uploads.at(request.path);
  // A browser says whose page sends; others than ours have nothing to send here.
  if (const std::string origin = request.get_header_value("Origin");
      !origin.empty() && !origin.ends_with("://" + request.get_header_value("Host"))) {
    answer(response, 403, "only the page of this server may send files to it");
    return;
  }
  const auto size = parse_unsigned(request.get_header_value("Content-Length"));
  if (!size || request.has_header("Transfer-Encoding")) {
    answer(response, 411, "say how much there is: Content-Length");
    return;
  }
  if (*size > upload.limit_bytes) {
    answer(response, 413,
           "the file is larger than the " + std::to_string(upload.limit_bytes) + " bytes that are taken");
    return;
  }
  if (uploading.exchange(true)) {
    response.set_header("Retry-After", "2");
    answer(response, 503, "another file is being sent; try again when it is here");
    return;
  }
  const auto end_upload = [](std::atomic<bool>* flag) { *flag = false; };
  const std::unique_ptr<std::atomic<bool>, decltype(end_upload)> running(&uploading, end_upload);
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(options.body_deadline_ms);
  std::uint64_t left = *size;
  const BodyReader reader = [&](std::span<char> target) -> Result<std::size_t> {
    if (left == 0) return std::size_t{0};
    const auto rest =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const auto count = stopping() ? 0
                                  : current_connection->read_body(
                                        target.data(), std::min<std::uint64_t>(left, target.size()),
                                        std::min<std::int64_t>(options.body_stall_ms, rest.count()));
    if (count <= 0)
      return failure(ErrorKind::failed,
                     count < 0 ? "the file took too long to arrive" : "the file broke off");
    left -= static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
  };
  answer(response, upload.handler(request_of(request), *size, reader));
}

HttpServer::HttpServer(Options options) : state_(std::make_unique<State>(std::move(options))) {}
HttpServer::~HttpServer() {
  stop();
}

void HttpServer::serve(const std::string& path, Handler handler) {
  CHECK(state_->listener == nullptr);
  state_->handlers[path] = std::move(handler);
}

void HttpServer::serve_stream(const std::string& path, StreamHandler handler) {
  CHECK(state_->listener == nullptr);
  state_->stream_handlers[path] = std::move(handler);
}

void HttpServer::serve_upload(const std::string& path, std::uint64_t limit_bytes, UploadHandler handler) {
  CHECK(state_->listener == nullptr);
  state_->uploads[path] = {limit_bytes, std::move(handler)};
}

Result<void> HttpServer::start() {
  CHECK(state_->listener == nullptr);
  const Options& options = state_->options;
  if (!options.token.empty())
    if (auto fit = check_token(options.token); !fit) return fit;
  auto listening = listen_on(options.address, options.port);
  if (!listening) return Failure(std::move(listening.error()));
  if (!listening->loopback && options.token.empty())
    return failure(
        ErrorKind::usage,
        "listening on " + options.address + " lets other machines see this one, so a token is needed",
        "let one be made: --token auto");
  state_->port = listening->port;
  state_->local = listening->loopback;
  state_->responder.set_running(listening->fd.get());
  State* state = state_.get();
  state_->listener = std::make_unique<Listener>(
      std::move(listening->fd), options.worker_limit,
      Listener::Callbacks{[state](Fd socket) { state->serve_connection(std::move(socket)); },
                          [state](const Fd& socket) {
                            state->refused.fetch_add(1);
                            const std::string text =
                                plain_response(503, "Service Unavailable", "too many requests at once");
                            ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
                          }});
  return {};
}

void HttpServer::stop() {
  if (state_->listener == nullptr) return;
  state_->responder.set_running(INVALID_SOCKET);
  state_->listener->stop();
}

std::string HttpServer::url() const {
  const Options& options = state_->options;
  std::string host = options.address;
  if (host == "0.0.0.0" || host == "::") host = state_->node;
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  std::string url = "http://" + host + ":" + std::to_string(state_->port) + "/";
  if (!options.token.empty()) url += "?token=" + options.token;
  return url;
}

std::uint16_t HttpServer::port() const {
  return state_->port;
}
std::uint64_t HttpServer::refused() const {
  return state_->refused;
}

Result<std::string> generate_token() {
  std::array<unsigned char, 16> bits{};
  if (::getrandom(bits.data(), bits.size(), 0) != static_cast<ssize_t>(bits.size()))
    return system_failure(errno, "get random bits from the kernel");
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string token;
  for (const unsigned char byte : bits) {
    token += kDigits[byte >> 4];
    token += kDigits[byte & 15];
  }
  return token;
}

}  // namespace isotach::view

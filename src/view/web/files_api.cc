#include "view/web/files_api.h"

#include <fmt/format.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "view/graph/script.h"
#include "view/plot/markup.h"
#include "view/report/style.h"
#include "view/web/json_response.h"

namespace isotach::view {
namespace {

double wall_ms(std::int64_t wall_ns) {
  const std::int64_t wall_us = wall_ns / 1000;
  return static_cast<double>(wall_us) / 1000.0;
}

const char* kind_name(ShelfKind kind) {
  switch (kind) {
    case ShelfKind::recording:
      return "recording";
    case ShelfKind::capture:
      return "capture";
    case ShelfKind::records:
      return "records";
    case ShelfKind::report:
      break;
  }
  return "report";
}

constexpr std::string_view kSent = "sent/";  // no name in a folder has a slash

HttpResponse no_folder() {
  return error_response(404, "no folder is open: start isotach web --files FOLDER");
}

void write_files(JsonWriter& json, const std::vector<ShelfFile>& files, std::string_view prefix) {
  for (const ShelfFile& file : files) {
    json.begin_object();
    json.key("name").string(std::string(prefix) + file.name);
    json.key("kind").string(kind_name(file.kind));
    json.key("title").string(file.title);
    json.key("size_bytes").unsigned_integer(file.size_bytes);
    json.key("wall_time_ms").real(wall_ms(file.changed_wall_ns));
    if (file.kind == ShelfKind::recording) {
      json.key("host").string(file.host);
      json.key("command").string(file.command);
      json.key("start_wall_time_ms").real(wall_ms(file.start_wall_ns));
      json.key("duration_seconds").real(file.duration_s);
      json.key("samples").unsigned_integer(file.samples);
    }
    json.end_object();
  }
}

// A report is somebody's file: it may show itself, and nothing else. It runs no script but, where there is a
// nonce, the one that has it; it loads nothing, and is shown in no frame but this page's.
std::string report_policy(const std::string& nonce) {
  const char* const rest =
      "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; ";
  return nonce.empty() ? fmt::format("{}sandbox;", rest)
                       : fmt::format("{}script-src 'nonce-{}'; sandbox allow-scripts;", rest, nonce);
}

void replace_all(std::string& text, std::string_view wanted, std::string_view by) {
  for (std::size_t at = text.find(wanted); at != std::string::npos; at = text.find(wanted, at + by.size()))
    text.replace(at, wanted.size(), by);
}

// A report shows itself in light or dark as the system says. Where the page around it was told otherwise by
// hand, its condition becomes one that always or never holds.
void set_scheme(std::string& page, std::string_view scheme) {
  if (scheme != "light" && scheme != "dark") return;
  replace_all(page, "(prefers-color-scheme: dark)", scheme == "dark" ? "(min-width: 0)" : "(max-width: 0)");
  replace_all(page, "color-scheme:light dark", scheme == "dark" ? "color-scheme:dark" : "color-scheme:light");
}

// Graphs are drawn by a script. It is ours where it is the same to the last byte, and may then run; a nonce
// that nobody can know tells it from others. Empty where there is none.
std::string let_graphs_draw(std::string& page) {
  const std::string script = fmt::format("<script>\n{}</script>", graph_script());
  const std::size_t at = page.rfind(script);
  if (at == std::string::npos) return {};
  auto nonce = generate_token();
  if (!nonce) return {};
  page.insert(at + std::string_view("<script").size(), fmt::format(" nonce=\"{}\"", *nonce));
  return std::move(*nonce);
}

HttpResponse report_response(int status, std::string page, const std::string& nonce = {}) {
  return {status,
          "text/html; charset=utf-8",
          std::move(page),
          {{"Content-Security-Policy", report_policy(nonce)},
           {"X-Frame-Options", "SAMEORIGIN"},
           {"Cross-Origin-Opener-Policy", "unsafe-none"}}};  // a sandbox goes with no other
}

// Why there is no report: for people in a page, for scripts as elsewhere.
HttpResponse no_report(const HttpRequest& request, int status, const std::string& why) {
  if (request.accept.find("text/html") == std::string::npos) return error_response(status, why);
  return report_response(status,
                         fmt::format("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                                     "<title>No report</title><style>{}</style></head>\n<body><main>"
                                     "<p role=\"alert\">{}</p></main></body></html>\n",
                                     report_style(), escaped_markup(why)));
}

}  // namespace

WebSession recorded_session(const RecordedFeed& recorded, std::string name, std::string program_version) {
  const record::RecordingInfo& info = recorded.recording->info();
  WebSession session;
  session.id = fmt::format("{:x}-{}", info.start.wall_ns, recorded.feed->news().samples);
  session.host = info.host;
  session.kernel = info.kernel;
  session.program_version = std::move(program_version);
  session.recording = std::move(name);
  session.interval_ns = info.interval_ns;
  session.thinned = recorded.stride;
  return session;
}

FilesApi::FilesApi(Shelf* shelf, Uploads* uploads, const WebApi& live, std::string program_version)
    : shelf_(shelf), uploads_(uploads), live_(live), program_version_(std::move(program_version)) {}

void FilesApi::add_to(HttpServer& server) const {
  server.serve("/api/files", [this](const HttpRequest&) { return files(); });
  if (uploads_ != nullptr)
    server.serve_upload("/api/upload", uploads_->limit_bytes(),
                        [this](const HttpRequest& request, std::uint64_t, const BodyReader& body) {
                          return take(request, body);
                        });
  server.serve("/report", [this](const HttpRequest& request) { return report(request); });
  server.serve("/api/series", [this](const HttpRequest& request) { return series(request); });
  server.serve("/api/history", [this](const HttpRequest& request) { return history(request); });
}

FilesApi::Place FilesApi::place_of(const std::string& name) const {
  if (name.starts_with(kSent))
    return {uploads_ != nullptr ? &uploads_->shelf() : nullptr, name.substr(kSent.size())};
  return {shelf_, name};
}

HttpResponse FilesApi::take(const HttpRequest& request, const BodyReader& body) const {
  const auto name = request.query.find("name");
  if (name == request.query.end())
    return error_response(400, "say what it is called: /api/upload?name=FILE.isotach");
  if (auto taken = uploads_->take(name->second, body); !taken) {
    const Error& error = taken.error();
    return error_response(error.kind == ErrorKind::usage ? 415
                          : error.errno_value == ENOSPC  ? 507
                                                         : 400,
                          error.message());
  }
  JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.web.upload.v1");
  json.key("name").string(std::string(kSent) + name->second);
  json.end_object();
  return json_response(json);
}

HttpResponse FilesApi::files() const {
  ShelfList list;
  if (shelf_ != nullptr) {
    auto found = shelf_->list();
    if (!found) return error_response(500, found.error().message());
    list = std::move(*found);
  }
  JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.web.files.v1");
  json.key("folder").string(shelf_ != nullptr ? shelf_->folder() : std::string());
  json.key("files").begin_array();
  if (uploads_ != nullptr)
    if (const auto sent = uploads_->shelf().list()) write_files(json, sent->files, kSent);
  write_files(json, list.files, "");
  json.end_array();
  json.key("left_out").unsigned_integer(list.left_out);
  json.key("upload_limit_bytes").unsigned_integer(uploads_ != nullptr ? uploads_->limit_bytes() : 0);
  json.end_object();
  return json_response(json);
}

HttpResponse FilesApi::report(const HttpRequest& request) const {
  const auto name = request.query.find("name");
  if (name == request.query.end()) return error_response(400, "say which report: /report?name=FILE.html");
  const Place place = place_of(name->second);
  if (place.shelf == nullptr) return no_folder();
  auto page = place.shelf->report(place.name);
  if (!page) return no_report(request, 404, page.error().message());
  if (!*page) return no_report(request, 503, "a file is being read for someone else; ask again in a moment");
  const std::string nonce = let_graphs_draw(**page);
  if (const auto scheme = request.query.find("scheme"); scheme != request.query.end())
    set_scheme(**page, scheme->second);
  return report_response(200, std::move(**page), nonce);
}

template <class Answer>
HttpResponse FilesApi::answer(const HttpRequest& request, const Answer& of) const {
  const auto name = request.query.find("recording");
  if (name == request.query.end()) return of(live_);
  const Place place = place_of(name->second);
  if (place.shelf == nullptr) return no_folder();
  const auto opened = place.shelf->open(place.name);
  if (!opened) return error_response(404, opened.error().message());
  const RecordedFeed& recorded = **opened;
  return of(WebApi(recorded_session(recorded, place.name, program_version_), *recorded.feed));
}

HttpResponse FilesApi::series(const HttpRequest& request) const {
  return answer(request, [](const WebApi& api) { return api.series(); });
}

HttpResponse FilesApi::history(const HttpRequest& request) const {
  return answer(request, [&request](const WebApi& api) { return api.history(request); });
}

}  // namespace isotach::view

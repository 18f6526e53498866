// isotach web: the live overview in a browser, or a recording in the same page.
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/text.h"
#include "base/ticker.h"
#include "command/common_options.h"
#include "command/connections/capture_page.h"
#include "command/context.h"
#include "command/doctor/silence.h"
#include "command/doctor/standing.h"
#include "command/inspect/records_page.h"
#include "command/spec.h"
#include "command/traffic/recorded.h"
#include "command/version.h"
#include "kernel/privileges.h"
#include "kernel/system_root.h"
#include "machine/series.h"
#include "record/recorder.h"
#include "view/web/assets.h"
#include "view/web/files_api.h"
#include "view/web/http_server.h"
#include "view/web/live_feed.h"
#include "view/web/recorded_feed.h"
#include "view/web/shelf.h"
#include "view/web/uploads.h"
#include "view/web/web_api.h"

namespace isotach::command {
namespace {

constexpr std::uint16_t kDefaultPort = 4747;
constexpr std::int64_t kDefaultIntervalNs = 500'000'000;
constexpr std::int64_t kDefaultHistoryNs = 600 * kNanosecondsPerSecond;
constexpr std::size_t kHistoryBudgetBytes = std::size_t{192} << 20;
constexpr std::size_t kTokenFileLimitBytes = 4096;
constexpr std::uint64_t kUploadLimitBytes = std::uint64_t{1} << 30;

struct Settings {
  view::HttpServer::Options server;
  std::int64_t interval_ns = kDefaultIntervalNs;
  std::int64_t history_ns = kDefaultHistoryNs;
  std::int64_t duration_ns = 0;  // 0: until interrupted
  std::string proc_root;
  std::string record_path;
  std::string recording_path;
  std::uint64_t upload_limit_bytes = 0;  // of a file that viewers may send; 0: none
  std::string files_folder;              // of recordings and reports that viewers may open; empty for none
  bool traffic = false;
};

Result<std::string> token_of(const Arguments& arguments) {
  const auto word = arguments.value("--token");
  const auto file = arguments.value("--token-file");
  if (word && file) return failure(ErrorKind::usage, "give --token or --token-file, not both");
  if (word && word->empty())
    return failure(ErrorKind::usage, "the token of --token is empty", "let one be made: --token auto");
  if (word) return *word == "auto" ? view::generate_token() : Result<std::string>(*word);
  if (!file) return std::string();
  auto text = read_file(*file, kTokenFileLimitBytes);
  if (!text) return Failure(std::move(text.error()));
  std::string token(trim(std::string_view(*text).substr(0, text->find('\n'))));
  if (token.empty())
    return failure(ErrorKind::usage, "the first line of " + printable(*file) + " holds no token");
  return token;
}

Result<std::int64_t> time_of(const Arguments& arguments, std::string_view option, std::int64_t otherwise_ns) {
  const auto text = arguments.value(option);
  if (!text) return otherwise_ns;
  auto time_ns = parse_duration_ns(*text);
  if (!time_ns || *time_ns <= 0)
    return failure(ErrorKind::usage, fmt::format("'{}' is no time for {}", printable(*text), option),
                   "write seconds or a unit, such as 90, 30s, 10m, 2h");
  return time_ns;
}

Result<Settings> settings_of(const Arguments& arguments) {
  Settings settings;
  const auto listen = view::parse_listen_address(
      arguments.value("--listen").value_or(fmt::format("127.0.0.1:{}", kDefaultPort)), kDefaultPort);
  if (!listen) return Failure(listen.error());
  settings.server.address = listen->address;
  settings.server.port = listen->port;

  auto token = token_of(arguments);
  if (!token) return Failure(std::move(token.error()));
  settings.server.token = std::move(*token);

  if (const auto& words = arguments.positionals(); !words.empty()) {
    settings.recording_path = words.front();
    for (const char* option : {"--interval", "--history", "--record", "--proc-root", "--traffic"})
      if (arguments.has(option))
        return failure(ErrorKind::usage, fmt::format("{} has no meaning when a recording is shown", option));
  }
  auto root = proc_root_of(arguments);
  if (!root) return Failure(std::move(root.error()));
  settings.proc_root = std::move(*root);
  settings.traffic = arguments.has("--traffic");
  if (const auto text = arguments.value("--uploads")) {
    const auto limit_bytes = parse_size(*text);
    if (!limit_bytes) return Failure(limit_bytes.error());
    if (*limit_bytes == 0 || *limit_bytes > kUploadLimitBytes)
      return failure(ErrorKind::usage, fmt::format("'{}' is no size for --uploads", printable(*text)),
                     "write how large a file may be, up to 1Gi: --uploads 64Mi");
    settings.upload_limit_bytes = *limit_bytes;
  }
  if (const auto folder = arguments.value("--files")) {
    settings.files_folder = *folder;
    while (settings.files_folder.size() > 1 && settings.files_folder.back() == '/')
      settings.files_folder.pop_back();
    if (auto list = view::Shelf(settings.files_folder).list(); !list) return Failure(list.error());
  }
  if (settings.traffic && !settings.proc_root.empty())
    return failure(ErrorKind::usage, "a saved tree holds no traffic", "leave out --traffic");
  if (const auto text = arguments.value("--interval")) {
    const auto interval_ns = parse_interval_ns(*text, "interval");
    if (!interval_ns) return Failure(interval_ns.error());
    settings.interval_ns = *interval_ns;
  }
  const auto history_ns = time_of(arguments, "--history", kDefaultHistoryNs);
  if (!history_ns) return Failure(history_ns.error());
  settings.history_ns = *history_ns;
  const auto duration_ns = time_of(arguments, "--for", 0);
  if (!duration_ns) return Failure(duration_ns.error());
  settings.duration_ns = *duration_ns;
  settings.record_path = arguments.value("--record").value_or("");
  return settings;
}

view::WebSession session_of(const Settings& settings, const Instant& start) {
  view::WebSession session;
  session.id = fmt::format("{:x}", start.wall_ns);
  session.program_version = kVersion;
  session.interval_ns = settings.interval_ns;
  utsname names{};
  if (::uname(&names) == 0) {
    session.host = names.nodename;
    session.kernel = names.release;
  }
  return session;
}

// `captures` must outlive them.
view::ShelfReaders readers_of(const CapturePages& captures) {
  return {records_title, records_page,
          [&captures](const std::string& name, int file_fd) { return captures.page(name, file_fd); }};
}

// The page and the API of one feed. Serving ends before the feed does.
class Site {
 public:
  Site(const Settings& settings, std::unique_ptr<view::Uploads> uploads, view::WebSession session,
       view::LiveFeed& feed, CapturePages& captures, view::WebApi::Findings findings = {})
      : feed_(feed),
        captures_(captures),
        shelf_(settings.files_folder, readers_of(captures)),
        uploads_(std::move(uploads)),
        api_(std::move(session), feed, std::move(findings)),
        files_(settings.files_folder.empty() ? nullptr : &shelf_, uploads_.get(), api_, kVersion),
        server_(settings.server) {
    api_.add_to(server_);
    files_.add_to(server_);
    for (const view::WebAsset& asset : view::web_assets())
      server_.serve(std::string(asset.path), [&asset](const view::HttpRequest&) {
        return view::HttpResponse{
            200,
            std::string(asset.content_type),
            std::string(asset.data),
            {{"Cache-Control", asset.immutable ? "private, max-age=31536000, immutable" : "no-cache"}}};
      });
  }
  ~Site() {
    feed_.end();  // viewers are told before the connections go
    captures_.stop();
    server_.stop();
  }
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  [[nodiscard]] Result<void> start() { return server_.start(); }
  [[nodiscard]] const view::HttpServer& server() const { return server_; }

 private:
  view::LiveFeed& feed_;
  CapturePages& captures_;
  view::Shelf shelf_;
  std::unique_ptr<view::Uploads> uploads_;
  view::WebApi api_;
  view::FilesApi files_;
  view::HttpServer server_;
};

// Nothing where viewers may send no files.
Result<std::unique_ptr<view::Uploads>> uploads_of(const Settings& settings, const CapturePages& captures) {
  if (settings.upload_limit_bytes == 0) return std::unique_ptr<view::Uploads>();
  const char* const parent = std::getenv("TMPDIR");
  return view::Uploads::open(parent != nullptr && *parent != '\0' ? parent : "/tmp",
                             settings.upload_limit_bytes, readers_of(captures));
}

void say_address(Context& context, const Site& site) {
  context.out.write(site.server().url() + "\n");
  context.out.flush();
  if (context.out_is_terminal) context.note("open this address in a browser; Ctrl-C ends");
}

void say_refused(Context& context, const Site& site) {
  if (const std::uint64_t refused = site.server().refused(); refused > 0)
    context.note(fmt::format("refused {} viewers and requests because all places were taken", refused));
}

// Waits until `deadline_ns`; false when it is time to end.
bool wait_until(Context& context, std::int64_t deadline_ns) {
  while (!context.waiter.interrupted())
    if (context.waiter.wait_until(deadline_ns) == Wake::deadline) return true;
  return false;
}

// Warns once when a thing starts to fail, and tells when it works again.
class Trouble {
 public:
  explicit Trouble(Context& context) : context_(context) {}
  void update(const std::optional<Error>& error) {
    if (error && !failing_) context_.warn(error->message() + "; trying again");
    if (!error && failing_) context_.note("reading works again");
    failing_ = error.has_value();
  }

 private:
  Context& context_;
  bool failing_ = false;
};

// Of what was opened so far nothing is lost; a recording is still to be written by whoever asked for it.
Result<void> drop_privileges(const Settings& settings) {
  auto kept = settings.traffic ? kernel::capabilities_to_count_traffic() : kernel::capabilities_to_look();
  if (settings.record_path.empty()) return kernel::drop_privileges(kept);
  kept.push_back(CAP_DAC_OVERRIDE);
  return kernel::drop_privileges(kept, kernel::UserAfter::same);
}

int serve_live(Context& context, const Arguments& arguments, const Settings& settings) {
  const kernel::SystemRoot root =
      settings.proc_root.empty() ? kernel::SystemRoot() : kernel::SystemRoot(settings.proc_root);
  record::SeriesTable table;
  machine::MachineProbe probe(root, table, machine::Parts::all());
  record::Sample sample;
  sample.time = context.clock.now();
  const Instant start = sample.time;
  probe.collect(sample);
  if (probe.error()) return context.report(*probe.error());
  std::unique_ptr<TrafficProbe> traffic;
  if (settings.traffic) {
    network::TrafficOptions options;
    options.processes = false;
    auto opened = TrafficProbe::open(options, context.clock, table);
    if (!opened) return context.report(opened.error());
    traffic = std::move(*opened);
    traffic->collect(sample);
  }

  const auto wanted = static_cast<std::size_t>(settings.history_ns / settings.interval_ns + 1);
  const std::size_t fitting = view::samples_that_fit(sample.points.size(), kHistoryBudgetBytes);
  if (wanted > fitting && arguments.has("--history"))
    context.note(fmt::format(
        "keeping the last {} of history, {} samples; a longer --interval reaches further",
        format_duration_ns(static_cast<double>(settings.interval_ns) * static_cast<double>(fitting)),
        fitting));
  view::LiveFeed feed(table, std::max<std::size_t>(2, std::min(wanted, fitting)));

  if (auto dropped = drop_privileges(settings); !dropped) return context.report(dropped.error());
  CapturePages captures(context.waiter);
  auto uploads = uploads_of(settings, captures);
  if (!uploads) return context.report(uploads.error());
  std::unique_ptr<record::Recorder> recorder;
  const view::WebSession session = session_of(settings, start);
  if (!settings.record_path.empty()) {
    record::RecordingInfo info;
    info.command = "web";
    info.arguments = arguments.positionals();
    info.program_version = session.program_version;
    info.host = session.host;
    info.kernel = session.kernel;
    info.start = start;
    info.interval_ns = settings.interval_ns;
    auto created = record::Recorder::create(settings.record_path, info, table);
    if (!created) return context.report(created.error());
    recorder = std::move(*created);
  }

  const StandingThread doctor(
      context.clock, {.proc_root = settings.proc_root, .machine = true, .silenced = silenced_here()});
  std::optional<Error> record_error;
  {
    Site site(settings, std::move(*uploads), session, feed, captures,
              [&] { return findings_document(*doctor.news()); });
    if (auto started = site.start(); !started) return context.report(started.error());
    say_address(context, site);

    Trouble trouble(context);
    Ticker ticker(start.monotonic_ns, settings.interval_ns);
    for (;;) {
      if (!probe.error()) {
        feed.append(sample);
        if (recorder) recorder->append(sample);
      }
      if (recorder && !record_error) {
        record_error = recorder->error();
        if (record_error) context.warn(record_error->message() + "; the page goes on without recording");
      }
      ticker.advance(context.clock.now().monotonic_ns);
      if (settings.duration_ns > 0 && ticker.deadline_ns() > start.monotonic_ns + settings.duration_ns) break;
      if (!wait_until(context, ticker.deadline_ns())) break;
      sample.points.clear();
      sample.time = context.clock.now();
      probe.collect(sample);
      if (traffic) traffic->collect(sample);
      trouble.update(probe.error() || !traffic ? probe.error() : traffic->error());
    }
    if (ticker.missed() > 0)
      context.note(fmt::format("{} samples came too late and were left out", ticker.missed()));
    say_refused(context, site);
  }
  if (recorder) {
    if (auto finished = recorder->finish(); !finished) return context.report(finished.error());
    context.note(
        fmt::format("wrote {} samples to {}", recorder->appended_samples(), printable(settings.record_path)));
  }
  return kExitOk;
}

int serve_recording(Context& context, const Settings& settings) {
  auto loaded = view::load_recording(settings.recording_path, kHistoryBudgetBytes);
  if (!loaded) return context.report(loaded.error());
  const view::RecordedFeed& recorded = **loaded;
  if (!recorded.damage.empty()) context.warn(recorded.damage + "; showing the rest");
  if (recorded.stride > 1)
    context.note(fmt::format(
        "the recording is long: showing one of {} samples; rates are means over the gaps", recorded.stride));

  std::string name = settings.recording_path.substr(settings.recording_path.rfind('/') + 1);
  if (auto dropped = drop_privileges(settings); !dropped) return context.report(dropped.error());
  CapturePages captures(context.waiter);
  auto uploads = uploads_of(settings, captures);
  if (!uploads) return context.report(uploads.error());
  Site site(settings, std::move(*uploads), view::recorded_session(recorded, std::move(name), kVersion),
            *recorded.feed, captures);
  if (auto started = site.start(); !started) return context.report(started.error());
  say_address(context, site);
  const std::int64_t end_ns =
      settings.duration_ns > 0 ? context.clock.now().monotonic_ns + settings.duration_ns : 0;
  constexpr std::int64_t kStepNs = 3600 * kNanosecondsPerSecond;
  for (;;) {
    const std::int64_t now_ns = context.clock.now().monotonic_ns;
    if (end_ns > 0 && now_ns >= end_ns) break;
    if (!wait_until(context, end_ns > 0 ? end_ns : now_ns + kStepNs)) break;
  }
  say_refused(context, site);
  return kExitOk;
}

int run_web(Context& context, const Arguments& arguments) {
  auto settings = settings_of(arguments);
  if (!settings) return context.report(settings.error());
  if (view::web_assets().empty())
    return context.report({ErrorKind::not_supported, 0, "this build of isotach has no web page",
                           "build it with -DISOTACH_WEB=ON; isotach agent serves the numbers without one"});
  if (arguments.value("--token") == "auto" && !context.out_is_terminal)
    context.note("the token is in the address");
  return settings->recording_path.empty() ? serve_live(context, arguments, *settings)
                                          : serve_recording(context, *settings);
}

}  // namespace

CommandSpec web_command() {
  CommandSpec spec;
  spec.name = "web";
  spec.area = "overview";
  spec.summary = "show this machine, or a recording, in a browser";
  spec.usages = {"isotach web [OPTIONS]", "isotach web [OPTIONS] FILE"};
  spec.description =
      "Serves a page and prints its address: live plots of CPU, memory, swap, pressure, network, disks and "
      "KSM, the TCP connections with what limits them, and what is wrong with the machine. Nothing is loaded "
      "from elsewhere: the page works without internet.\n\n"
      "With FILE the page shows a recording. With --files it lists the recordings, captures, records and "
      "reports of a folder, such as those of isotach record, tcpdump -w, isotach inspect -o and isotach "
      "inspect "
      "--report, and opens them. With --uploads it also opens such files that are dropped onto it: they are "
      "sent to the server, which keeps the last four until it ends, for all its viewers. A capture opens as "
      "the "
      "page of isotach connections --report, made by a process that is shut in and reads for 20 s at "
      "most.\n\n"
      "The server listens on 127.0.0.1 unless told otherwise. Any other address needs a token, since whoever "
      "opens the page sees what this machine does. At most 8 viewers watch at once.\n\n"
      "The same numbers are there for scripts: /api/series, /api/latest, /api/history, /api/events "
      "(server-sent "
      "events) and /metrics (OpenMetrics).";
  spec.positionals = {{"FILE", "a recording to show instead of this machine", "file"}};
  spec.options = {
      {"--listen", 'l', "ADDRESS",
       "address, port or both, such as 8080, 0.0.0.0:4747, [::1]:8080 (127.0.0.1:4747)", "serving"},
      {"--token", 0, "TOKEN", "what viewers must know; auto makes one and prints it in the address",
       "serving"},
      {"--token-file",
       0,
       "FILE",
       "read the token from the first line of FILE, where ps does not show it",
       "serving",
       {},
       "file"},
      interval_option(),
      {"--history", 0, "TIME", "how far back the page reaches, such as 10m, 1h (10m)", "timing"},
      duration_option(),
      {"--traffic", 0, "", "also count what goes over the interfaces, by protocol and packet size", "source"},
      {"--files",
       0,
       "FOLDER",
       "recordings (*.isotach), captures (*.pcap, *.pcapng), records of inspect (*.inspect, *.zst) and "
       "reports "
       "(*.html) of FOLDER can be opened in the page",
       "source",
       {},
       "directory"},
      {"--uploads", 0, "SIZE",
       "viewers may send such files of up to SIZE each, such as 64Mi, to look at them in the page", "source"},
      record_option(),
      proc_root_option(),
  };
  spec.examples = {
      {"isotach web", "serve this machine on http://127.0.0.1:4747/"},
      {"isotach web -i 0.1 --history 5m", "ten samples a second, five minutes of them"},
      {"isotach web --listen 0.0.0.0 --token auto", "for others too; the address it prints has the token"},
      {"isotach web monday.isotach", "look at a recording in the browser"},
      {"isotach web --files /var/lib/isotach", "this machine, and what was recorded before"},
      {"isotach web --uploads 64Mi",
       "recordings and captures of other machines can be dropped onto the page"},
  };
  spec.run = run_web;
  return spec;
}

}  // namespace isotach::command

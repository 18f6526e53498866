// isotach agent: this machine's metrics for Prometheus, over HTTP or as a file for node_exporter.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "base/ticker.h"
#include "base/units.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/doctor/silence.h"
#include "command/doctor/standing.h"
#include "command/mesh/mesh_result.h"
#include "command/mesh/mesh_runner.h"
#include "command/metrics_page.h"
#include "command/spec.h"
#include "command/traffic/recorded.h"
#include "doctor/recent_diagnosis.h"
#include "kernel/privileges.h"
#include "machine/series.h"
#include "view/export/openmetrics.h"
#include "view/web/http_server.h"

namespace isotach::command {
namespace {

constexpr std::uint16_t kDefaultPort = 9747;
constexpr std::int64_t kServeIntervalNs = 500'000'000;
constexpr std::int64_t kTextfileIntervalNs = 15 * kNanosecondsPerSecond;
constexpr std::size_t kTokenFileLimitBytes = 4096;
// How long the main thread waits at a time while workers serve: only signals wake it.
constexpr std::int64_t kIdleNs = 3600 * kNanosecondsPerSecond;

struct Settings {
  view::ListenAddress listen;
  std::string token;
  std::string proc_root;
  std::string textfile;  // empty: serve
  std::int64_t interval_ns = kServeIntervalNs;
  std::optional<view::Exposition> format;
  bool once = false;
  bool traffic = false;
  std::optional<MeshMember> mesh;
};

Result<std::string> token_of(const Arguments& arguments) {
  const auto word = arguments.value("--token");
  const auto file = arguments.value("--token-file");
  if (word && file) return failure(ErrorKind::usage, "give --token or --token-file, not both");
  if (word && word->empty()) return failure(ErrorKind::usage, "the token of --token is empty");
  if (word) return *word;
  if (!file) return std::string();
  const auto text = read_file(*file, kTokenFileLimitBytes);
  if (!text) return tl::make_unexpected(text.error());
  const std::string token(trim(std::string_view(*text).substr(0, text->find('\n'))));
  if (token.empty())
    return failure(ErrorKind::usage, "the first line of " + printable(*file) + " holds no token",
                   "make one: head -c 16 /dev/urandom | xxd -p > " + printable(*file));
  return token;
}

Result<Settings> settings_of(const Arguments& arguments) {
  Settings settings;
  settings.once = arguments.has("--once");
  settings.traffic = arguments.has("--traffic");
  if (settings.traffic && arguments.has("--proc-root"))
    return failure(ErrorKind::usage, "a saved tree holds no traffic", "leave out --traffic");
  settings.textfile = arguments.value("--textfile").value_or("");
  const bool serves = !settings.once && !arguments.has("--textfile");
  if (arguments.has("--textfile") && settings.textfile.empty())
    return failure(ErrorKind::usage, "--textfile needs the name of a file");
  for (const char* option : {"--listen", "--token", "--token-file", "--mesh"})
    if (!serves && arguments.has(option))
      return failure(ErrorKind::usage, fmt::format("{} has no meaning with {}", option,
                                                   settings.once ? "--once" : "--textfile"));

  auto listen = view::parse_listen_address(
      arguments.value("--listen").value_or(fmt::format("127.0.0.1:{}", kDefaultPort)), kDefaultPort);
  if (!listen) return tl::make_unexpected(std::move(listen.error()));
  settings.listen = std::move(*listen);

  auto token = token_of(arguments);
  if (!token) return tl::make_unexpected(std::move(token.error()));
  settings.token = std::move(*token);
  if (serves && !settings.listen.loopback && settings.token.empty())
    return failure(ErrorKind::usage,
                   "others can reach " + printable(settings.listen.address) + ": serving there needs a token",
                   "add --token-file FILE, and the same to scrape_configs as authorization");

  auto root = proc_root_of(arguments);
  if (!root) return tl::make_unexpected(std::move(root.error()));
  settings.proc_root = std::move(*root);

  if (const auto file = arguments.value("--mesh")) {
    auto member = read_mesh(*file, arguments.value("--as"));
    if (!member) return tl::make_unexpected(std::move(member.error()));
    settings.mesh = std::move(*member);
  } else if (arguments.has("--as")) {
    return failure(ErrorKind::usage, "--as has no meaning without --mesh");
  }

  if (!settings.textfile.empty()) settings.interval_ns = kTextfileIntervalNs;
  if (const auto text = arguments.value("--interval")) {
    const auto interval_ns = parse_interval_ns(*text, "interval");
    if (!interval_ns) return tl::make_unexpected(interval_ns.error());
    settings.interval_ns = *interval_ns;
  }
  if (const auto format = arguments.value("--format"))
    settings.format = *format == "prometheus" ? view::Exposition::prometheus : view::Exposition::openmetrics;
  return settings;
}

// The machine's metrics; one object for all threads, which take turns (MetricsPage).
class Machine {
 public:
  explicit Machine(const std::string& proc_root)
      : root_(proc_root.empty() ? kernel::SystemRoot() : kernel::SystemRoot(proc_root)),
        probe_(root_, table_, machine::Parts::all()) {}

  // What goes over the interfaces, counted from now on.
  Result<void> count_traffic(Clock& clock) {
    network::TrafficOptions options;
    options.processes = false;
    auto probe = TrafficProbe::open(options, clock, table_);
    if (!probe) return tl::make_unexpected(std::move(probe.error()));
    traffic_ = std::move(*probe);
    return {};
  }

  // Connections and links are looked at from now on, whether somebody asks or not.
  void watch_connections(Clock& clock) {
    if (!root_.is_live()) return;
    standing_series_ = std::make_unique<StandingSeries>(table_);
    standing_ = std::make_unique<StandingThread>(clock, StandingDoctor::Options{});
  }

  Result<void> collect(record::Sample& sample) {
    probe_.collect(sample);
    if (probe_.error()) return tl::make_unexpected(*probe_.error());
    judge(sample.time.monotonic_ns);
    if (standing_) standing_series_->put(*standing_->news(), sample);
    if (traffic_) traffic_->collect(sample);
    mesh_.put(table_, sample);
    return {};
  }
  [[nodiscard]] const record::SeriesTable& table() const { return table_; }
  [[nodiscard]] const std::vector<record::Labels>& findings() const { return findings_; }
  // What tests between hosts told; filled by whoever runs them.
  [[nodiscard]] MeshResults& mesh() { return mesh_; }

 private:
  void judge(std::int64_t now_ns) {
    std::vector<doctor::Finding> all = recent_.judge(probe_.reading(), now_ns).findings;
    if (standing_) doctor::add_unsaid(findings_by_program(*standing_->news()), all);
    std::erase_if(all, [this](const doctor::Finding& finding) { return is_silenced(finding, silenced_); });
    findings_.clear();
    for (const doctor::Finding& finding : all)
      findings_.push_back({{"id", finding.id},
                           {"severity", std::string(doctor::severity_name(finding.severity))},
                           {"subject", finding.subject}});
  }

  doctor::RecentDiagnosis recent_;
  std::vector<record::Labels> findings_;
  const std::vector<std::string> silenced_ = silenced_here();
  kernel::SystemRoot root_;
  record::SeriesTable table_;
  machine::MachineProbe probe_;
  std::unique_ptr<TrafficProbe> traffic_;
  std::unique_ptr<StandingSeries> standing_series_;
  std::unique_ptr<StandingThread> standing_;
  MeshResults mesh_;
};

int print_once(Context& context, const Settings& settings, MetricsPage& page) {
  const auto text = page.text(settings.format.value_or(view::Exposition::openmetrics), 0);
  if (!text) return context.report(text.error());
  context.out.write(*text);
  return kExitOk;
}

Result<void> write_textfile(const Settings& settings, MetricsPage& page) {
  // node_exporter reads the older format only.
  const auto text = page.text(settings.format.value_or(view::Exposition::prometheus), 0);
  if (!text) return tl::make_unexpected(text.error());
  return replace_file(settings.textfile, *text);
}

int write_textfiles(Context& context, const Settings& settings, MetricsPage& page) {
  // A file that cannot be written at the start is a mistake to tell at once. Later a disk may be full
  // for a while: that is told once, and tried again.
  if (auto written = write_textfile(settings, page); !written) return context.report(written.error());
  if (settings.once) return kExitOk;
  context.note(fmt::format("writing {} every {}", printable(settings.textfile),
                           format_duration_ns(static_cast<double>(settings.interval_ns))));
  Ticker ticker(context.clock.now().monotonic_ns, settings.interval_ns);
  bool failing = false;
  for (;;) {
    ticker.advance(context.clock.now().monotonic_ns);
    while (!context.waiter.interrupted() &&
           context.waiter.wait_until(ticker.deadline_ns()) != Wake::deadline) {
    }
    if (context.waiter.interrupted()) return failing ? kExitFailed : kExitOk;
    const auto written = write_textfile(settings, page);
    if (!written && !failing) context.warn(written.error().message() + "; trying again");
    if (written && failing) context.note("writing works again");
    failing = !written;
  }
}

view::HttpResponse metrics_response(const view::HttpRequest& request, const Settings& settings,
                                    MetricsPage& page, std::uint64_t refused) {
  const view::Exposition format = settings.format.value_or(view::negotiate(request.accept));
  auto text = page.text(format, refused);
  if (!text) return {503, "text/plain; charset=utf-8", text.error().message() + "\n"};
  return {200, std::string(view::content_type(format)), std::move(*text)};
}

// Until we are interrupted; an error of the mesh ends it.
Result<void> wait_or_test(Context& context, const Settings& settings, MeshResults& results) {
  if (settings.mesh) {
    auto runner =
        MeshRunner::start(context, *settings.mesh, [&](const MeshOutcome& outcome) { results.add(outcome); });
    if (!runner) return tl::make_unexpected(std::move(runner.error()));
    return (*runner)->run(std::nullopt);
  }
  while (!context.waiter.interrupted())
    static_cast<void>(context.waiter.wait_until(context.clock.now().monotonic_ns + kIdleNs));
  return {};
}

int serve(Context& context, const Settings& settings, MetricsPage& page, MeshResults& results) {
  view::HttpServer::Options options;
  options.address = settings.listen.address;
  options.port = settings.listen.port;
  options.token = settings.token;
  view::HttpServer server(std::move(options));
  server.serve("/metrics", [&](const view::HttpRequest& request) {
    return metrics_response(request, settings, page, server.refused());
  });
  server.serve("/", [](const view::HttpRequest&) {
    return view::HttpResponse{200, "text/plain; charset=utf-8", "isotach agent: metrics are at /metrics\n"};
  });
  if (auto started = server.start(); !started) return context.report(started.error());

  // Without the token that url() carries: this line ends up in the journal.
  const std::string url = server.url();
  context.note(fmt::format("serving {}metrics{}", url.substr(0, url.find('?')),
                           settings.token.empty() ? "" : " to those who have the token"));
  const auto waited = wait_or_test(context, settings, results);
  server.stop();
  if (!waited) return context.report(waited.error());

  const MetricsPage::Cost cost = page.cost();
  std::string summary =
      fmt::format("{} scrapes served by {} readings of the machine", cost.scrapes, cost.collections);
  if (cost.collections > 0)
    summary += ", " +
               format_duration_ns(static_cast<double>(cost.total_collect_ns) /
                                  static_cast<double>(cost.collections)) +
               " each";
  context.note(summary);
  return kExitOk;
}

int run(Context& context, const Arguments& arguments) {
  const auto settings = settings_of(arguments);
  if (!settings) return context.report(settings.error());
  Machine machine(settings->proc_root);
  if (settings->traffic)
    if (auto counted = machine.count_traffic(context.clock); !counted) return context.report(counted.error());
  const bool serves = !settings->once && settings->textfile.empty();
  if (serves) {
    auto kept = settings->traffic ? kernel::capabilities_to_count_traffic() : kernel::capabilities_to_look();
    if (settings->mesh) {
      const auto more = kernel::capabilities_to_test();
      kept.insert(kept.end(), more.begin(), more.end());
    }
    if (auto dropped = kernel::drop_privileges(kept); !dropped) return context.report(dropped.error());
  }
  if (!settings->once) machine.watch_connections(context.clock);
  MetricsPage page([&](record::Sample& sample) { return machine.collect(sample); }, machine.table(),
                   context.clock,
                   {.fresh_ns = settings->interval_ns, .findings = [&] { return machine.findings(); }});
  if (!settings->textfile.empty()) return write_textfiles(context, *settings, page);
  if (settings->once) return print_once(context, *settings, page);
  return serve(context, *settings, page, machine.mesh());
}

}  // namespace

CommandSpec agent_command() {
  CommandSpec spec;
  spec.name = "agent";
  spec.area = "overview";
  spec.summary = "serve this machine's metrics to Prometheus";
  spec.usages = {"isotach agent [--listen ADDR] [-i TIME] [--mesh FILE]",
                 "isotach agent --textfile FILE [-i TIME]", "isotach agent --once"};
  spec.description =
      "Serves every metric of docs/metrics.md at http://127.0.0.1:9747/metrics, in OpenMetrics text or, "
      "for clients that do not ask for it, in the older Prometheus text format.\n\n"
      "The machine is read when a scraper asks, at most once in the interval however many scrapers there "
      "are. Counters are what the kernel counted, in base units. A metric without a value is absent; "
      "isotach_missing_info says why. The agent's own cost is in isotach_agent_*. Links and TCP connections "
      "are looked at every two seconds: isotach_finding_info names what is wrong, and "
      "isotach_tcp_busy_connections counts connections by what holds them up.\n\n"
      "An address that others can reach needs a token; Prometheus sends it when the job has authorization: "
      "credentials_file.";
  spec.options = {
      {"--listen", 0, "ADDR", "serve at this address and port; 127.0.0.1:9747 unless given", "serving"},
      {"--token", 0, "TOKEN", "answer only requests with this token; others see it in ps, a file is better",
       "serving"},
      {"--token-file",
       0,
       "FILE",
       "the same, with the token in the first line of FILE",
       "serving",
       {},
       "file"},
      {"--interval", 'i', "TIME",
       "read the machine at most once in TIME (0.5 unless given), or write the file every TIME (15 unless "
       "given)",
       "timing"},
      {"--once", 0, "", "print the metrics once and end; with --textfile, write it once", "output"},
      {"--textfile",
       0,
       "FILE",
       "write FILE for node_exporter's textfile collector instead of serving; readers never see half of it",
       "output",
       {},
       "file"},
      {"--format", 0, "NAME", "always use this format", "output", {"openmetrics", "prometheus"}},
      {"--traffic", 0, "", "also count what goes over the interfaces, by protocol, packet size and class",
       "source"},
      {"--mesh",
       0,
       "FILE",
       "also be a host of this mesh (isotach mesh run) and serve what its tests tell",
       "source",
       {},
       "file"},
      {"--as", 0, "NAME", "which host of the mesh this machine is", "source"},
      proc_root_option(),
  };
  spec.examples = {
      {"isotach agent", "serve at http://127.0.0.1:9747/metrics"},
      {"isotach agent --listen 0.0.0.0:9747 --token-file /etc/isotach/token", "serve to other machines"},
      {"isotach agent --mesh /etc/isotach/mesh.conf", "with tests to the other hosts of the file"},
      {"isotach agent --once | grep pressure", "look at what would be served"},
      {"isotach agent --textfile /var/lib/prometheus/node-exporter/isotach.prom",
       "let node_exporter serve it"},
  };
  spec.run = run;
  return spec;
}

}  // namespace isotach::command

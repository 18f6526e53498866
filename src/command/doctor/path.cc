// isotach doctor HOST[:PORT]: the name, the way there, and a short transfer to an Isotach or iperf3 server.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/text.h"
#include "base/ticker.h"
#include "base/units.h"
#include "command/doctor/commands.h"
#include "command/doctor/connections_report.h"
#include "doctor/quantities.h"
#include "network/connections/transfer_watch.h"
#include "network/nettest/client.h"
#include "network/path/measure.h"

namespace isotach::command {
namespace {

constexpr std::int64_t kTransferNs = 5 * kNanosecondsPerSecond;
// Finding out where a name leads takes a few milliseconds, from a server far away some hundred.
constexpr double kLookupFeltMs = 200;
constexpr double kOtherCpuBusy = 0.9;
constexpr std::uint32_t kEchoes = 40;
// Enough for what is left over by others before the transfer; isotach path takes longer and knows better.
constexpr std::int64_t kAvailableNs = 2 * kNanosecondsPerSecond;
constexpr std::uint64_t kProbesToJudge = 100;
constexpr int kMoreAttempts = 3;
constexpr std::int64_t kAttemptPauseNs = 300'000'000;

// Watches our own connections in a thread of its own, because the test keeps this one busy.
class Watcher {
 public:
  Watcher(network::TransferWatch watch, Clock& clock) : watch_(std::move(watch)), clock_(clock) {
    thread_ = std::thread([this] { run(); });
  }
  ~Watcher() { stop(); }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  // After stop().
  [[nodiscard]] const network::TransferWatch& watch() const { return watch_; }

 private:
  void run() {
    Ticker ticker(clock_.now().monotonic_ns, network::kWatchIntervalNs);
    std::unique_lock lock(mutex_);
    while (!stopped_) {
      lock.unlock();
      const bool sampled = watch_.sample(clock_).has_value();
      const std::int64_t now_ns = clock_.now().monotonic_ns;
      ticker.advance(now_ns);
      lock.lock();
      if (!sampled) return;
      wake_.wait_for(lock, std::chrono::nanoseconds(std::max<std::int64_t>(0, ticker.deadline_ns() - now_ns)),
                     [this] { return stopped_; });
    }
  }

  network::TransferWatch watch_;
  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;
  std::thread thread_;
};

class Silent : public nettest::ClientObserver {
 public:
  void started(const nettest::TestFacts&) override {}
  void interval(const nettest::TestFacts&, const nettest::IntervalReport&) override {}
};

struct Target {
  std::string host;
  std::uint16_t port = nettest::kDefaultPort;
};

// "host", "host:5201", "10.0.0.1:5201", "[fd00::1]:5201", "fd00::1".
Result<Target> target_of(const std::string& text) {
  Target target;
  target.host = text;
  std::size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string::npos) return failure(ErrorKind::usage, "'" + printable(text) + "' lacks a ']'");
    target.host = text.substr(1, end - 1);
    if (end + 1 == text.size()) return target;
    colon = end + 1;
    if (text[colon] != ':') return failure(ErrorKind::usage, "'" + printable(text) + "' is no HOST:PORT");
  } else if (colon == std::string::npos || text.find(':') != colon) {
    return target;
  } else {
    target.host = text.substr(0, colon);
  }
  const auto port = parse_unsigned(text.substr(colon + 1));
  if (target.host.empty() || !port || *port == 0 || *port > 65535)
    return failure(ErrorKind::usage, "'" + printable(text) + "' is no HOST:PORT",
                   "write: isotach doctor HOST:5201");
  target.port = static_cast<std::uint16_t>(*port);
  return target;
}

void judge_lookup(const Target& target, double lookup_ms, DoctorReport& report) {
  report.evidence.push_back(
      {"looking up " + target.host, format_duration_ns(lookup_ms * 1e6), "getaddrinfo, before the transfer"});
  if (lookup_ms < kLookupFeltMs) {
    report.healthy.push_back("names: " + target.host + " is looked up quickly");
    return;
  }
  report.findings.push_back(
      {"name-lookup-slow", doctor::Severity::warning, target.host,
       fmt::format("looking up the name {} takes long", target.host),
       fmt::format("{} before anything can be sent", format_duration_ns(lookup_ms * 1e6)),
       "see which DNS server is slow: isotach doctor"});
  report.answer = fmt::format("It is the network: the name {} takes {} to look up; ", target.host,
                              format_duration_ns(lookup_ms * 1e6));
}

// What probes tell of the path before the transfer fills it. Only an Isotach answers them.
std::optional<doctor::PathFacts> probe_path(Context& context, const Target& target, DoctorReport& report) {
  path::PathOptions options;
  options.host = target.host;
  options.port = target.port;
  options.available_ns = kAvailableNs;
  options.with_transfer = false;
  options.echoes = kEchoes;
  const auto measured = path::measure_path(options, context.waiter, context.clock, [](const std::string&) {});
  if (!measured) {
    report.not_checked.push_back("the capacity of the path: " + measured.error().message());
    return std::nullopt;
  }
  doctor::PathFacts facts;
  for (const std::string& remark : measured->remarks) report.not_checked.push_back(remark);
  if (measured->capacity) facts.capacity_bps = measured->capacity->bps.value;
  if (measured->available) facts.available_bps = measured->available->bps.value;
  if (measured->losses.sent >= kProbesToJudge)
    facts.burst_loss =
        static_cast<double>(measured->losses.lost) / static_cast<double>(measured->losses.sent);
  if (measured->mtu.bytes > 0) facts.large_packets_pass = measured->mtu.limit != path::MtuLimit::black_hole;
  return facts;
}

// What the other Isotach tells of its own machine.
void judge_other_end(const nettest::ClientResult& result, DoctorReport& report) {
  const nettest::CpuShare& remote = result.report.remote;
  if (!remote.known) return;
  if (remote.host_busy)
    report.evidence.push_back(
        {"CPUs of the other end busy", doctor::percent(*remote.host_busy), "told by its nettest"});
  if (!remote.busiest_thread) return;
  report.evidence.push_back(
      {"busiest thread of the other end", doctor::percent(*remote.busiest_thread), "told by its nettest"});
  if (*remote.busiest_thread >= kOtherCpuBusy && !report.connections.empty() &&
      !doctor::is_network(report.connections.front().verdict.cause))
    report.findings.push_back(
        {"transfer-receiver-cpu", doctor::Severity::warning, "other end",
         "the other end has no CPU time left to receive more",
         fmt::format("its busiest thread computed {} of the time", doctor::percent(*remote.busiest_thread)),
         "several streams spread it over its CPUs: isotach nettest -c HOST -P 4"});
}

}  // namespace

Result<DoctorReport> examine_path(Context& context, const std::string& text, const DoctorOptions& options) {
  const auto target = target_of(text);
  if (!target) return tl::make_unexpected(target.error());
  DoctorReport report;
  report.subject = "the path to " + target->host;
  const std::int64_t start_ns = context.clock.now().monotonic_ns;
  const auto addresses = kernel::resolve(target->host, target->port, kernel::IpFamily::any, false);
  const double lookup_ms = static_cast<double>(context.clock.now().monotonic_ns - start_ns) / 1e6;
  if (!addresses) return tl::make_unexpected(addresses.error());
  judge_lookup(*target, lookup_ms, report);
  const std::string delayed = report.answer;

  auto transfers = network::TransferWatch::open(kernel::SystemRoot(), 0, {.both_ends = options.both_ends});
  if (!transfers) return tl::make_unexpected(std::move(transfers.error()));
  transfers->follow_process(::getpid());
  LinkContext links(context.clock, {});
  const auto measured = probe_path(context, *target, report);
  if (measured) links.know(*measured);
  links.begin();
  Watcher watcher(std::move(*transfers), context.clock);
  nettest::ClientOptions client;
  client.host = addresses->front().host();
  client.port = target->port;
  client.duration_ns = options.duration_ns > 0 ? options.duration_ns : kTransferNs;
  Silent observer;
  nettest::ClientResult result = nettest::run_client(client, context.waiter, context.clock, observer);
  // A stock iperf3 server took the probes for a test of its own, and may still be getting rid of it.
  for (int attempt = 0; !measured && !result.facts && attempt < kMoreAttempts; ++attempt) {
    static_cast<void>(context.waiter.wait_until(context.clock.now().monotonic_ns + kAttemptPauseNs));
    result = nettest::run_client(client, context.waiter, context.clock, observer);
  }
  watcher.stop();
  links.end();
  report.seconds = static_cast<double>(context.clock.now().monotonic_ns - start_ns) / 1e9;
  add_connections(watcher.watch().traces(), links, report);
  // The test's control connection says nothing.
  if (report.connections.size() > 1) report.connections.resize(1);
  std::erase_if(report.findings, [&](const doctor::Finding& finding) {
    return finding.id.starts_with("transfer-") && !report.connections.empty() &&
           finding.subject.find(report.connections.front().local) == std::string::npos;
  });
  if (!result.facts && report.connections.empty()) {
    Error error = result.error.value_or(Error{ErrorKind::failed, 0, "the test did not begin", {}});
    error.remedy =
        fmt::format("start a server there: isotach nettest -s -p {}; without one see isotach path {}",
                    target->port, target->host);
    return tl::make_unexpected(std::move(error));
  }
  answer_by_connection(report);
  if (!delayed.empty()) {
    std::string rest = report.answer;
    report.answer = delayed + "of the transfer: " + rest;
  }
  judge_other_end(result, report);
  return report;
}

}  // namespace isotach::command

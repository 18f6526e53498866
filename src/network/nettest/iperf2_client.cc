#include "network/nettest/iperf2_client.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "base/ticker.h"
#include "network/nettest/client_link.h"
#include "network/nettest/iperf2_transfer.h"
#include "network/nettest/measure.h"
#include "network/nettest/stream_setup.h"

namespace isotach::nettest {
namespace {

constexpr std::int64_t kFarNs = 366ll * 24 * 3600 * kNanosecondsPerSecond;
constexpr std::int64_t kLastAgainNs = 250'000'000;
constexpr int kLastTries = 10;
constexpr std::int64_t kQuietNs = 200'000'000;
// A sender of the server's that has been told a time ends on its own.
constexpr std::int64_t kDrainLimitNs = 2 * kNanosecondsPerSecond;

class Iperf2Client {
 public:
  Iperf2Client(const ClientOptions& options, SignalWaiter& waiter, Clock& clock, ClientObserver& observer)
      : options_(options), clock_(clock), observer_(observer), link_(waiter), workers_([this] {
          prepared_ = link_.prepare();
          return link_.notify_fd();
        }()) {}

  ClientResult run() {
    if (auto begun = begin(); !begun) {
      result_.error = std::move(begun.error());
      result_.interrupted = link_.interrupted();
      return std::move(result_);
    }
    auto ended = measure();
    if (ended && parameters().udp) ended = ask_for_reports();
    if (!parameters().udp && !parameters().reverse) close_streams();
    finish();
    if (!ended) result_.error = std::move(ended.error());
    return std::move(result_);
  }

 private:
  [[nodiscard]] TestParameters& parameters() { return facts_.parameters; }

  Result<void> begin() {
    if (!prepared_) return prepared_;
    facts_.parameters = options_.parameters;
    facts_.iperf2 = true;
    facts_.host = options_.host;
    facts_.port = options_.port;
    facts_.duration_s = static_cast<double>(options_.duration_ns) / 1e9;
    if (parameters().length == 0)
      parameters().length = parameters().udp ? kDefaultUdpLength : kDefaultTcpLength;
    auto addresses = kernel::resolve(options_.host, options_.port, options_.family, false);
    if (!addresses) return tl::make_unexpected(std::move(addresses.error()));
    Result<void> outcome = failure(ErrorKind::failed, "no address to connect to");
    for (const kernel::SocketAddress& address : *addresses) {
      facts_.peer = address;
      if (outcome = open_streams(); outcome || link_.interrupted() || !facts_.streams.empty()) break;
    }
    if (!outcome) return outcome;
    facts_.start = clock_.now();
    limit_transfers(parameters(), workers_.control());
    workers_.control().bytes_left.fetch_sub(static_cast<std::int64_t>(begun_bytes_) * parameters().parallel);
    host_cpu_.begin();
    cpu_before_ = process_cpu();
    measurement_.begin(monotonic_ns());
    for (std::size_t i = 0; i < facts_.streams.size(); ++i)
      workers_.transfers()[i]->counters().bytes.fetch_add(begun_bytes_, std::memory_order_relaxed);
    if (auto started = workers_.start(0); !started) return started;
    observer_.started(facts_);
    return {};
  }

  [[nodiscard]] Iperf2Test test() {
    Iperf2Test test;
    test.streams = static_cast<std::uint32_t>(parameters().parallel);
    test.length = parameters().length;
    test.window = parameters().window;
    test.bytes = parameters().bytes;
    test.time_ns = options_.duration_ns;
    test.rate_bps = parameters().rate_bps;
    test.tos = static_cast<std::uint32_t>(parameters().tos);
    test.reverse = parameters().reverse;
    return test;
  }

  Result<void> open_streams() {
    const std::string words = iperf2_test(test(), parameters().udp);
    for (int i = 0; i < parameters().parallel; ++i) {
      auto fd =
          link_.connect(facts_.peer, transport_of(parameters()), monotonic_ns() + options_.connect_limit_ns,
                        [&](int socket) { return set_up(socket); });
      if (!fd) return tl::make_unexpected(std::move(fd.error()));
      StreamFacts stream;
      stream.id = stream_id(i);
      stream.sender = !parameters().reverse;
      stream.socket = fd->get();
      stream.local = kernel::local_address(fd->get());
      stream.peer = facts_.peer;
      if (i == 0) look_at(fd->get());
      facts_.streams.push_back(stream);
      const DataPlan plan = plan_of(parameters());
      if (parameters().udp) {
        workers_.add(make_iperf2_sender(std::move(*fd), plan, test(), workers_.control()));
        continue;
      }
      if (::send(fd->get(), words.data(), words.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(words.size()))
        return system_failure(errno, "write to the server");
      // The server counts them with the data.
      if (!parameters().reverse) begun_bytes_ = words.size();
      workers_.add(make_transfer(std::move(*fd), plan, stream.sender, workers_.control()));
    }
    return {};
  }

  Result<void> set_up(int socket) {
    if (!options_.bind_host.empty()) {
      const auto family = facts_.peer.is_v6() ? kernel::IpFamily::v6 : kernel::IpFamily::v4;
      const auto addresses = kernel::resolve(options_.bind_host, 0, family, true);
      if (!addresses) return tl::make_unexpected(addresses.error());
      if (auto bound = kernel::bind_to(socket, addresses->front()); !bound) return bound;
    }
    return set_up_stream(socket, facts_.peer.is_v6(), parameters());
  }

  void look_at(int socket) {
    facts_.send_buffer_bytes = kernel::send_buffer_of(socket);
    facts_.receive_buffer_bytes = kernel::receive_buffer_of(socket);
    facts_.wanted_buffer_bytes = parameters().window;
    if (parameters().udp) {
      facts_.path_mtu = kernel::path_mtu_of(socket, facts_.peer.is_v6());
    } else {
      facts_.control_mss = kernel::mss_of(socket);
      result_.report.local_congestion = kernel::congestion_of(socket);
    }
  }

  // Until the time is over, the limit is reached, the server has ended its stream, or something ends it.
  Result<void> measure() {
    const std::int64_t start_ns = measurement_.start_ns();
    const std::int64_t end_ns =
        options_.duration_ns > 0 ? start_ns + options_.duration_ns : start_ns + kFarNs;
    // What ends a stream of the server's is its end; should that not come, we end it.
    const std::int64_t limit_ns =
        parameters().reverse && options_.duration_ns > 0 ? end_ns + kDrainLimitNs : end_ns;
    Ticker ticker(start_ns, options_.interval_ns == 0 ? kFarNs : options_.interval_ns);
    ticker.advance(start_ns);
    Result<void> outcome;
    for (;;) {
      link_.wait(std::min(ticker.deadline_ns(), limit_ns));
      const std::int64_t now_ns = monotonic_ns();
      if (link_.interrupted()) {
        link_.take_signal();
        result_.interrupted = true;
        break;
      }
      if (now_ns >= limit_ns || workers_.ended() || !observer_.wants_more()) break;
      if (const auto failed = stream_failure()) {
        outcome = tl::make_unexpected(*failed);
        break;
      }
      if (!parameters().reverse && workers_.senders_ended()) break;
      if (now_ns < ticker.deadline_ns()) continue;
      report_interval(now_ns);
      ticker.advance(now_ns);
    }
    if (const auto failed = stream_failure(); failed && outcome) outcome = tl::make_unexpected(*failed);
    workers_.stop_senders();
    const std::int64_t quiet_ns = monotonic_ns() + kQuietNs;
    while (!workers_.senders_ended() && link_.wait(quiet_ns)) continue;
    workers_.stop();
    workers_.join();
    std::int64_t last_ns = 0;
    for (const auto& transfer : workers_.transfers())
      last_ns = std::max(last_ns, transfer->counters().last_ns.load());
    measurement_.end(parameters().reverse && last_ns != 0 ? last_ns : monotonic_ns());
    report_interval(monotonic_ns());
    return outcome;
  }

  // A stream that failed; in reverse, that it ends is its proper end.
  std::optional<Error> stream_failure() {
    for (const auto& transfer : workers_.transfers())
      if (const int error = transfer->counters().error.load(); error != 0)
        return system_failure(
                   error, "go on with a stream",
                   error == ECONNREFUSED || error == ECONNRESET ? "start a server there: iperf -s" : "")
            .value();
    return std::nullopt;
  }

  void report_interval(std::int64_t now_ns) {
    const IntervalReport interval = measurement_.cut(now_ns, false);
    if (options_.interval_ns > 0 &&
        (interval.end_s - interval.start_s) * 1e9 > 0.05 * static_cast<double>(options_.interval_ns))
      observer_.interval(facts_, interval);
  }

  // Until the server has taken all and closes too: what it says before, unread, would end the connection at
  // once and take along what is in flight.
  void close_streams() {
    const std::int64_t limit_ns = monotonic_ns() + kDrainLimitNs;
    for (const auto& transfer : workers_.transfers()) ::shutdown(transfer->fd(), SHUT_WR);
    std::array<char, 2048> buffer;
    for (const auto& transfer : workers_.transfers())
      for (ssize_t got = 1; got != 0 && link_.wait(limit_ns, transfer->fd());) {
        got = ::recv(transfer->fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got < 0 && errno != EAGAIN && errno != EINTR) break;
      }
  }

  Result<void> ask_for_reports() {
    PeerResults peer;
    for (std::size_t i = 0; i < facts_.streams.size(); ++i) {
      auto report = ask(*workers_.transfers()[i]);
      if (!report) return tl::make_unexpected(std::move(report.error()));
      StreamResult result;
      result.id = facts_.streams[i].id;
      result.bytes = report->bytes;
      result.packets = report->datagrams;
      result.errors = static_cast<std::int64_t>(report->lost);
      result.jitter_s = static_cast<double>(report->jitter_us) / 1e6;
      result.end_s = static_cast<double>(report->time_us) / 1e6;
      result.out_of_order = report->out_of_order;
      peer.streams.push_back(result);
    }
    peer_ = std::move(peer);
    result_.report.complete = true;
    return {};
  }

  // Sends the last datagram until it is answered.
  Result<Iperf2Report> ask(Transfer& stream) {
    const auto last = static_cast<std::int64_t>(stream.counters().packets.load() + 1);
    std::string datagram = iperf2_datagram({-last, clock_.now().wall_ns / 1000}) + iperf2_test(test(), true);
    datagram.resize(parameters().length);
    stream.counters().packets.fetch_add(1);
    stream.counters().bytes.fetch_add(datagram.size());
    std::array<char, 2048> buffer;
    for (int tries = 0; tries < kLastTries; ++tries) {
      static_cast<void>(::send(stream.fd(), datagram.data(), datagram.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
      const std::int64_t deadline_ns = monotonic_ns() + kLastAgainNs;
      while (link_.wait(deadline_ns, stream.fd())) {
        const ssize_t got = ::recv(stream.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got < 0 && errno == ECONNREFUSED)
          return failure(ErrorKind::failed, "nobody listens at UDP port " + std::to_string(options_.port),
                         "start a server there: iperf -s -u");
        if (got < 0) continue;
        if (const auto report = read_iperf2_report({buffer.data(), static_cast<std::size_t>(got)}))
          return *report;
      }
      if (link_.interrupted()) break;
    }
    return failure(ErrorKind::failed, "the server does not tell what it received");
  }

  void finish() {
    TestReport& report = result_.report;
    const CpuUse now = process_cpu();
    const auto wall_ns =
        static_cast<double>(std::max<std::int64_t>(1, monotonic_ns() - measurement_.start_ns()));
    report.local.known = true;
    report.local.user = 100 * static_cast<double>(now.user_ns - cpu_before_.user_ns) / wall_ns;
    report.local.system = 100 * static_cast<double>(now.system_ns - cpu_before_.system_ns) / wall_ns;
    report.local.total = report.local.user + report.local.system;
    report.local.busiest_thread = workers_.busiest_thread();
    report.local.host_busy = host_cpu_.busy();
    report.streams = measurement_.totals(peer_ ? &*peer_ : nullptr);
    report.seconds = measurement_.seconds();
    report.local_path = measurement_.path(facts_);
    report.warnings = warnings_of(facts_, report);
    result_.facts = facts_;
  }

  const ClientOptions& options_;
  Clock& clock_;
  ClientObserver& observer_;
  Result<void> prepared_;
  ClientLink link_;
  TestFacts facts_;
  Workers workers_;
  Measurement measurement_{workers_, facts_.streams};
  HostCpu host_cpu_;
  CpuUse cpu_before_;
  std::size_t begun_bytes_ = 0;
  std::optional<PeerResults> peer_;
  ClientResult result_;
};

}  // namespace

ClientResult run_iperf2_client(const ClientOptions& options, SignalWaiter& waiter, Clock& clock,
                               ClientObserver& observer) {
  return Iperf2Client(options, waiter, clock, observer).run();
}

}  // namespace isotach::nettest

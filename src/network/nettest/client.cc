#include "network/nettest/client.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>

#include "base/text.h"
#include "base/ticker.h"
#include "network/nettest/client_run.h"
#include "network/nettest/client_streams.h"
#include "network/nettest/iperf2_client.h"
#include "network/nettest/stream_setup.h"

namespace isotach::nettest {
namespace {

constexpr std::int64_t kStateLimitNs = 15 * kNanosecondsPerSecond;
// After the end: for data in flight, at most; and how long nothing must have come to call it all.
constexpr std::int64_t kDrainLimitNs = 2 * kNanosecondsPerSecond;
constexpr std::int64_t kQuietNs = 100'000'000;
// Where the user does not want to wait any more.
constexpr std::int64_t kHurryNs = 2 * kNanosecondsPerSecond;
constexpr int kLivenessS = 15;

int whole_seconds(std::int64_t ns) {
  return static_cast<int>((ns + kNanosecondsPerSecond - 1) / kNanosecondsPerSecond);
}

// Of a server that speaks iperf3's protocol, and perhaps ours.
class Client final : public ClientRun {
 public:
  using ClientRun::ClientRun;

 private:
  Result<void> begin() override {
    parameters().time_s = whole_seconds(options_.duration_ns);
    parameters().omit_s = whole_seconds(options_.omit_ns);
    if (auto connected = connect_control(); !connected) return connected;
    if (auto agreed = agree(); !agreed) return agreed;
    for (int i = 0; i < stream_count(parameters()); ++i)
      if (auto opened = open_stream(i); !opened) return opened;
    return await_start();
  }

  Result<void> connect_control() {
    auto addresses = kernel::resolve(options_.host, options_.port, options_.family, false);
    if (!addresses) return tl::make_unexpected(std::move(addresses.error()));
    Result<void> outcome = failure(ErrorKind::failed, "no address to connect to");
    for (const kernel::SocketAddress& address : *addresses) {
      const std::int64_t deadline_ns = monotonic_ns() + options_.connect_limit_ns;
      auto fd = link_.connect(address, kernel::Transport::tcp, deadline_ns, [&](int socket) -> Result<void> {
        if (parameters().mss != 0) static_cast<void>(kernel::set_mss(socket, parameters().mss));
        if (parameters().tos != 0)
          static_cast<void>(kernel::set_type_of_service(socket, address.is_v6(), parameters().tos));
        return bind_local(options_, socket, address);
      });
      if (fd) {
        facts_.peer = address;
        static_cast<void>(kernel::set_no_delay(fd->get()));
        kernel::watch_liveness(fd->get(), kLivenessS);
        facts_.control_mss = kernel::mss_of(fd->get());
        link_.use_control(std::move(*fd));
        return {};
      }
      outcome = tl::make_unexpected(std::move(fd.error()));
      if (link_.interrupted()) break;
    }
    return outcome;
  }

  Result<void> agree() {
    std::array<std::uint8_t, kCookieBytes - 1> random{};
    if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
      return system_failure(errno, "get random numbers");
    cookie_ = make_cookie(random);
    facts_.cookie = cookie_text(cookie_);
    if (auto sent = link_.send(std::string_view(cookie_.data(), cookie_.size())); !sent) return sent;
    if (auto state = expect(State::parameter_exchange); !state) return state;
    if (parameters().length == 0)
      parameters().length = !parameters().udp        ? kDefaultTcpLength
                            : facts_.control_mss > 0 ? static_cast<std::uint32_t>(facts_.control_mss)
                                                     : kDefaultUdpLength;
    parameters().isotach = true;
    if (!options_.public_key_path.empty()) {
      auto token = make_token(options_.public_key_path, options_.credentials,
                              clock_.now().wall_ns / kNanosecondsPerSecond, options_.padding);
      if (!token) return tl::make_unexpected(std::move(token.error()));
      parameters().token = std::move(*token);
    }
    if (auto sent = link_.send(framed(to_json(parameters()))); !sent) return sent;
    parameters().token.clear();
    return expect(State::create_streams);
  }

  Result<void> expect(State wanted) {
    const auto state = link_.next_state(monotonic_ns() + kStateLimitNs);
    if (!state) return tl::make_unexpected(state.error());
    if (*state == wanted) return {};
    return failure(ErrorKind::failed,
                   fmt::format("the server answers {} where {} was due: it speaks no protocol of iperf3",
                               static_cast<int>(*state), static_cast<int>(wanted)));
  }

  Result<void> open_stream(int index) {
    auto fd = opener_.open(index);
    if (!fd) return tl::make_unexpected(std::move(fd.error()));
    const bool sends = client_sends(parameters(), index);
    facts_.streams.push_back(look_at(fd->get(), index, sends));
    DataPlan plan = plan_of(parameters());
    plan.initiator = true;
    plan.server = facts_.peer;
    plan.cookie = cookie_;
    workers_.add(make_transfer(std::move(*fd), plan, sends, workers_.control()));
    return {};
  }

  Result<void> await_start() {
    if (!opener_.begun())
      if (auto state = expect(State::test_start); !state) return state;
    if (auto state = expect(State::test_running); !state) return state;
    // In reverse the server sends what the limit allows, and it ends here when that has come.
    if (!parameters().reverse) limit_transfers(parameters(), workers_.control());
    return begin_measuring(parameters().threads);
  }

  // Until the time is over, the limit is reached, or something ends it.
  Result<void> measure() override {
    const std::int64_t start_ns = measurement_.start_ns();
    const std::int64_t counted_ns = start_ns + options_.omit_ns;
    const bool timed = options_.duration_ns > 0;
    const std::int64_t end_ns = counted_ns + options_.duration_ns;
    bool omitting = options_.omit_ns > 0;
    std::int64_t interval_ns = options_.interval_ns;
    if (interval_ns == 0) interval_ns = kFarNs;
    Ticker ticker(start_ns, interval_ns);
    ticker.advance(start_ns);
    Result<void> outcome;
    for (;;) {
      std::int64_t deadline_ns = ticker.deadline_ns();
      if (omitting) deadline_ns = std::min(deadline_ns, counted_ns);
      if (timed) deadline_ns = std::min(deadline_ns, end_ns);
      if (limit_ns() > 0) deadline_ns = std::min(deadline_ns, monotonic_ns() + limit_ns());
      link_.wait(deadline_ns);
      const std::int64_t now_ns = monotonic_ns();
      if (link_.interrupted()) {
        link_.take_signal();
        result_.interrupted = true;
        break;
      }
      const auto state = link_.poll_state();
      if (!state) {
        outcome = tl::make_unexpected(state.error());
        break;
      }
      if (omitting && now_ns >= counted_ns) {
        report_interval(now_ns, true);
        omitting = false;
        measurement_.end_omitted(now_ns);
        ticker = Ticker(now_ns, interval_ns);
        ticker.advance(now_ns);
      } else if (now_ns >= ticker.deadline_ns() && !(timed && now_ns >= end_ns)) {
        report_interval(now_ns, omitting);
        ticker.advance(now_ns);
      }
      if (timed && now_ns >= end_ns) break;
      if (limit_reached() || !observer_.wants_more()) break;
      if (const auto failed = stream_failure()) {
        outcome = tl::make_unexpected(*failed);
        break;
      }
    }
    workers_.stop_senders();
    wait_until([this] { return workers_.senders_ended(); }, kQuietNs);
    const std::int64_t now_ns = monotonic_ns();
    measurement_.end(now_ns);
    report_interval(now_ns, omitting);
    return outcome;
  }

  // How often a limit of received bytes is looked at; 0: the workers tell.
  [[nodiscard]] std::int64_t limit_ns() const {
    return parameters_limited() && (parameters().reverse || parameters().bidirectional) ? 5'000'000 : 0;
  }
  [[nodiscard]] bool parameters_limited() const {
    return parameters().bytes != 0 || parameters().blocks != 0;
  }
  [[nodiscard]] bool limit_reached() {
    if (!parameters_limited()) return false;
    if (!parameters().reverse && workers_.senders_ended()) return true;
    if (!parameters().reverse) return false;
    const std::uint64_t bytes =
        parameters().bytes != 0 ? parameters().bytes : parameters().blocks * parameters().length;
    return measurement_.bytes_received() >= bytes || (parameters().udp && all_sent_to_us(bytes));
  }
  // Datagrams that were lost never fill a limit: by their numbers, or by silence, all have been sent.
  [[nodiscard]] bool all_sent_to_us(std::uint64_t bytes) const {
    const TestParameters& parameters = facts_.parameters;
    std::uint64_t numbered = 0;
    std::int64_t last_ns = measurement_.start_ns();
    for (const auto& transfer : workers_.transfers()) {
      numbered += transfer->counters().highest.load(std::memory_order_relaxed);
      last_ns = std::max(last_ns, transfer->counters().last_ns.load(std::memory_order_relaxed));
    }
    if (numbered >= (bytes + parameters.length - 1) / parameters.length) return true;
    constexpr double kGapsOfSilence = 20;
    const double gap_ns =
        parameters.rate_bps == 0 ? 0 : parameters.length * 8e9 / static_cast<double>(parameters.rate_bps);
    return static_cast<double>(monotonic_ns() - last_ns) > std::max(2e9, kGapsOfSilence * gap_ns);
  }

  // A stream that ended on its own, when none should.
  std::optional<Error> stream_failure() {
    for (const auto& transfer : workers_.transfers()) {
      const TransferCounters& counters = transfer->counters();
      if (!counters.ended.load(std::memory_order_acquire)) continue;
      // Why, the control connection may know better.
      link_.wait(monotonic_ns() + kQuietNs);
      if (const auto state = link_.poll_state(); !state) return state.error();
      const int error = counters.error.load();
      if (error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH) return silent_server();
      return error != 0 ? system_failure(error, "go on with a stream").value()
                        : Error{ErrorKind::failed, 0, "the server closed a stream", {}};
    }
    return std::nullopt;
  }

  template <class Condition>
  bool wait_until(const Condition& condition, std::int64_t limit_ns) {
    const std::int64_t deadline_ns = monotonic_ns() + limit_ns;
    while (!condition()) {
      const std::int64_t now_ns = monotonic_ns();
      if (now_ns >= deadline_ns) return false;
      link_.wait(std::min(deadline_ns, now_ns + 2'000'000));
    }
    return true;
  }

  // What is in flight when the server has stopped: TCP ends with a FIN, UDP with silence.
  void drain() {
    const auto all_in = [this] {
      for (std::size_t i = 0; i < facts_.streams.size(); ++i) {
        if (facts_.streams[i].sender) continue;
        const TransferCounters& counters = workers_.transfers()[i]->counters();
        if (counters.ended.load(std::memory_order_acquire)) continue;
        if (kernel::has_unread(workers_.transfers()[i]->fd())) return false;
        const std::int64_t quiet_from = std::max(counters.last_ns.load(), drain_from_ns_);
        if (!parameters().udp || monotonic_ns() - quiet_from < kQuietNs) return false;
      }
      return true;
    };
    drain_from_ns_ = monotonic_ns();
    wait_until(all_in, kDrainLimitNs);
  }

  Result<void> exchange() override {
    const std::int64_t limit_ns = result_.interrupted ? kHurryNs : kStateLimitNs;
    link_.take_signal();
    if (auto sent = link_.send(State::test_end); !sent) return sent;
    const auto state = link_.next_state(monotonic_ns() + limit_ns);
    if (!state) return tl::make_unexpected(state.error());
    if (*state != State::exchange_results)
      return failure(ErrorKind::failed, "the server does not tell its results");
    drain();
    workers_.stop();
    workers_.join();
    if (auto sent = link_.send(framed(to_json(our_results()))); !sent) return sent;
    const auto json = link_.next_json(kServerResultsLimitBytes, monotonic_ns() + limit_ns);
    if (!json) return tl::make_unexpected(json.error());
    auto peer = read_results(*json);
    if (!peer) return tl::make_unexpected(std::move(peer.error()));
    peer_ = std::move(*peer);
    result_.report.complete = true;
    if (const auto shown = link_.next_state(monotonic_ns() + limit_ns); shown)
      static_cast<void>(link_.send(State::done));
    return {};
  }

  PeerResults our_results() {
    PeerResults results;
    const CpuShare cpu = our_cpu();
    results.cpu_total = cpu.total;
    results.cpu_user = cpu.user;
    results.cpu_system = cpu.system;
    results.busiest_thread = cpu.busiest_thread;
    results.host_busy = cpu.host_busy;
    results.isotach = true;
    results.congestion = result_.report.local_congestion;
    results.path = measurement_.path(facts_);
    const bool sends = parameters().bidirectional || !parameters().reverse;
    results.sender_has_retransmits = !sends ? -1 : parameters().udp ? 0 : 1;
    results.sent = workers_.timing(true);
    results.received = workers_.timing(false);
    results.streams = measurement_.results(nullptr);
    return results;
  }

  void finish(TestReport& report) override {
    if (peer_) {
      report.remote_path = peer_->path;
      report.remote = {true,
                       peer_->cpu_total,
                       peer_->cpu_user,
                       peer_->cpu_system,
                       peer_->busiest_thread,
                       peer_->host_busy};
      report.remote_congestion = peer_->congestion;
      report.peer_is_isotach = peer_->isotach;
      report.server_output = peer_->output;
      report.came[0] = peer_->received;
      report.left[1] = peer_->sent;
    }
    report.left[0] = workers_.timing(true);
    report.came[1] = workers_.timing(false);
    for (const auto& transfer : workers_.transfers()) {
      if (transfer->latency() == nullptr) continue;
      if (!report.latency) report.latency.emplace();
      report.latency->merge(*transfer->latency());
    }
  }

  Cookie cookie_{};
  StreamOpener opener_{options_, facts_, cookie_, link_};
  std::int64_t drain_from_ns_ = 0;
};

}  // namespace

ClientResult run_client(const ClientOptions& options, SignalWaiter& waiter, Clock& clock,
                        ClientObserver& observer) {
  if (options.iperf2) return run_iperf2_client(options, waiter, clock, observer);
  return Client(options, waiter, clock, observer).run();
}

}  // namespace isotach::nettest

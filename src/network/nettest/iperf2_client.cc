#include "network/nettest/iperf2_client.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "base/ticker.h"
#include "network/nettest/client_run.h"
#include "network/nettest/client_streams.h"
#include "network/nettest/iperf2_transfer.h"
#include "network/nettest/stream_setup.h"

namespace isotach::nettest {
namespace {

constexpr std::int64_t kLastAgainNs = 250'000'000;
constexpr int kLastTries = 10;
constexpr std::int64_t kQuietNs = 200'000'000;
// A sender of the server's that has been told a time ends on its own.
constexpr std::int64_t kDrainLimitNs = 2 * kNanosecondsPerSecond;

class Iperf2Client final : public ClientRun {
 public:
  using ClientRun::ClientRun;

 private:
  Result<void> begin() override {
    facts_.iperf2 = true;
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
    limit_transfers(parameters(), workers_.control());
    workers_.control().bytes_left.fetch_sub(static_cast<std::int64_t>(begun_bytes_) * parameters().parallel);
    if (auto begun = begin_measuring(0); !begun) return begun;
    for (std::size_t i = 0; i < facts_.streams.size(); ++i)
      workers_.transfers()[i]->counters().bytes.fetch_add(begun_bytes_, std::memory_order_relaxed);
    return {};
  }

  // Until the server has told what it received, or has taken all.
  Result<void> exchange() override {
    if (parameters().udp) return ask_for_reports();
    if (!parameters().reverse) close_streams();
    return {};
  }

  void finish(TestReport& /*report*/) override {}

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
      facts_.streams.push_back(look_at(fd->get(), i, !parameters().reverse));
      if (!parameters().udp && i == 0) facts_.control_mss = kernel::mss_of(fd->get());
      const DataPlan plan = plan_of(parameters());
      if (parameters().udp) {
        workers_.add(make_iperf2_sender(std::move(*fd), plan, test(), workers_.control()));
        continue;
      }
      if (::send(fd->get(), words.data(), words.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(words.size()))
        return system_failure(errno, "write to the server");
      // The server counts them with the data.
      if (!parameters().reverse) begun_bytes_ = words.size();
      workers_.add(make_transfer(std::move(*fd), plan, !parameters().reverse, workers_.control()));
    }
    return {};
  }

  Result<void> set_up(int socket) {
    if (auto bound = bind_local(options_, socket, facts_.peer); !bound) return bound;
    return set_up_stream(socket, facts_.peer.is_v6(), parameters());
  }

  // Until the time is over, the limit is reached, the server has ended its stream, or something ends it.
  Result<void> measure() override {
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
      report_interval(now_ns, false);
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
    report_interval(monotonic_ns(), false);
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

  std::size_t begun_bytes_ = 0;
};

}  // namespace

ClientResult run_iperf2_client(const ClientOptions& options, SignalWaiter& waiter, Clock& clock,
                               ClientObserver& observer) {
  return Iperf2Client(options, waiter, clock, observer).run();
}

}  // namespace isotach::nettest

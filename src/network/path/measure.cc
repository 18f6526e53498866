#include "network/path/measure.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <thread>

#include "network/nettest/client.h"
#include "network/path/search.h"

namespace isotach::path {
namespace {

constexpr std::int64_t kConnectNs = 10 * kNanosecondsPerSecond;
constexpr int kProbeTos = 0x2e << 2 | 2;  // expedited forwarding, able to be marked
constexpr int kSmallestMtu4 = 576;
constexpr int kSmallestMtu6 = 1280;

class Measurement {
 public:
  Measurement(const PathOptions& options, Prober& prober, SignalWaiter& waiter, Clock& clock,
              const std::function<void(const std::string&)>& tell)
      : options_(options), prober_(prober), waiter_(waiter), clock_(clock), tell_(tell) {}

  Result<PathReport> run() {
    report_.local = kernel::local_address(prober_.socket().fd());
    report_.peer = kernel::peer_address(prober_.socket().fd());
    report_.direction = options_.direction;
    prober_.set_direction(options_.direction);
    const std::string which = is_reverse() ? " from the partner" : "";
    tell_("delay, path MTU and header bits" + which);
    find_mtu();
    measure_delay();
    if (!is_reverse()) find_bits();
    prober_.set_direction(options_.direction);  // the search for the MTU lost what was too big
    tell_("capacity" + which + ", by trains of packets");
    if (auto done = measure_capacity(); !done) return tl::make_unexpected(std::move(done.error()));
    if (options_.with_available && report_.capacity) {
      tell_("available bandwidth" + which + ", by streams at several rates");
      if (auto done = measure_available(); !done) return tl::make_unexpected(std::move(done.error()));
    }
    report_.probing = prober_.intrusion();
    report_.losses = prober_.losses();
    report_.losses.lost -= std::min(report_.losses.lost, report_.losses.dropped_by_socket);
    if (options_.with_transfer && !waiter_.interrupted()) {
      tell_("a transfer by TCP" + which + ", with the delay under load");
      transfer();
    }
    if (waiter_.interrupted()) report_.remarks.emplace_back("interrupted: what comes after is missing");
    return std::move(report_);
  }

 private:
  [[nodiscard]] bool is_reverse() const { return options_.direction == Direction::from_peer; }

  bool passes(int mtu) {
    if (is_reverse()) {
      const auto stream = prober_.stream(static_cast<std::size_t>(mtu), 3, 2e6);
      return stream && !stream->arrivals.empty();
    }
    EchoPlan plan;
    plan.count = 3;
    plan.gap_ns = 2'000'000;
    plan.size = static_cast<std::size_t>(mtu) - prober_.head_bytes();
    plan.patience_ns = static_cast<std::int64_t>(rtt_limit_ns_);
    const auto answers = prober_.echoes(plan);
    return std::any_of(answers.begin(), answers.end(), [](const auto& each) { return each.has_value(); });
  }

  void find_mtu() {
    // How long an answer may take, before it is missed: from small probes, which pass everywhere.
    EchoPlan small;
    small.count = 5;
    small.gap_ns = 5'000'000;
    small.patience_ns = kNanosecondsPerSecond;
    const DelayFacts first = delays_of(prober_.echoes(small));
    if (first.answered > 0) rtt_limit_ns_ = std::clamp(first.rtt_max_ns * 3 + 50e6, 100e6, 1e9);
    prober_.set_rtt(first.answered > 0 ? first.rtt_max_ns : 500e6);
    PathMtu& mtu = report_.mtu;
    const Prober::Interface interface = prober_.interface();
    report_.interface = interface.name;
    mtu.interface_bytes = interface.mtu;
    const int smallest = prober_.socket().is_v6() ? kSmallestMtu6 : kSmallestMtu4;
    constexpr int kMost = 9000;
    int high = std::min(mtu.interface_bytes > 0 ? mtu.interface_bytes : 1500, kMost);
    if (passes(high)) {
      mtu.bytes = high;
      return;
    }
    // Of the other direction it is the partner that was told.
    const int told = is_reverse() ? 0 : kernel::path_mtu_of(prober_.socket().fd(), prober_.socket().is_v6());
    if (told >= smallest && told < high && passes(told)) {
      mtu.bytes = told;
      mtu.limit = MtuLimit::told;
      return;
    }
    int low = smallest;
    if (!passes(low)) {
      report_.remarks.emplace_back(
          "no probe of any size was answered: is UDP to the partner's port let through?");
      mtu.bytes = low;
      return;
    }
    while (high - low > 1 && !waiter_.interrupted()) {
      const int middle = low + (high - low) / 2;
      (passes(middle) ? low : high) = middle;
    }
    mtu.bytes = low;
    mtu.limit = told == low ? MtuLimit::told : MtuLimit::black_hole;
  }

  void find_bits() {
    EchoPlan plan;
    plan.count = 3;
    prober_.socket().set_type_of_service(kProbeTos);
    for (const auto& echo : prober_.echoes(plan))
      if (echo) report_.bits = {true, kProbeTos, echo->tos};
    prober_.socket().set_type_of_service(0);
  }

  void measure_delay() {
    EchoPlan plan;
    plan.count = options_.echoes;
    plan.gap_ns = 5'000'000;
    report_.idle = delays_of(prober_.echoes(plan));
    if (report_.idle.answered > 0) prober_.set_rtt(report_.idle.rtt_max_ns);
  }

  Result<void> measure_capacity() {
    auto found = find_capacity(prober_, static_cast<std::size_t>(report_.mtu.bytes));
    if (!found) return tl::make_unexpected(std::move(found.error()));
    report_.capacity = found->capacity;
    report_.capacity_seconds = found->seconds;
    report_.capacity_bytes = found->bytes;
    search_ = std::move(*found);
    if (!report_.capacity) report_.remarks.emplace_back("too few trains arrived to tell the capacity");
    return {};
  }

  Result<void> measure_available() {
    auto found =
        find_available(prober_, static_cast<std::size_t>(report_.mtu.bytes), search_, options_.available_ns);
    if (!found) return tl::make_unexpected(std::move(found.error()));
    report_.available = found->available;
    report_.available_seconds = found->seconds;
    if (!report_.available)
      report_.remarks.emplace_back("too few streams were usable to tell the available bandwidth");
    if (found->unusable > found->usable)
      report_.remarks.emplace_back(
          "most streams were disturbed: this machine was too busy to send them evenly, or they were lost");
    return {};
  }

  class Silent final : public nettest::ClientObserver {
    void started(const nettest::TestFacts&) override {}
    void interval(const nettest::TestFacts&, const nettest::IntervalReport&) override {}
  };

  void transfer() {
    nettest::ClientOptions client;
    client.host = options_.host;
    client.port = options_.port;
    client.family = options_.family;
    client.parameters.congestion = options_.congestion;
    client.parameters.reverse = is_reverse();
    // Slow start, and what it overshoots, is left out.
    const double slow_start_ns = std::clamp(report_.idle.rtt_p50_ns * 20, 1e9, 5e9);
    client.omit_ns = static_cast<std::int64_t>(std::ceil(slow_start_ns / 1e9)) * kNanosecondsPerSecond;
    client.duration_ns = options_.transfer_ns;
    client.interval_ns = 0;
    std::atomic<bool> over{false};
    std::vector<std::optional<Echo>> loaded;
    std::thread echoing([&] {
      EchoPlan plan;
      plan.gap_ns = 20'000'000;
      plan.count = static_cast<std::uint32_t>(
          (client.omit_ns + client.duration_ns + 5 * kNanosecondsPerSecond) / plan.gap_ns);
      loaded = prober_.echoes(plan, [&] { return !over.load(); });
    });
    Silent observer;
    const nettest::ClientResult result = nettest::run_client(client, waiter_, clock_, observer);
    over = true;
    echoing.join();
    if (result.error || result.report.streams.empty()) {
      report_.remarks.push_back("the transfer failed" +
                                (result.error ? ": " + result.error->message() : std::string()));
      return;
    }
    const nettest::StreamTotal& stream = result.report.streams.front();
    Transfer made;
    made.bytes = stream.received.bytes;
    made.seconds = stream.received.seconds;
    if (made.seconds > 0) made.bps = static_cast<double>(made.bytes) * 8 / made.seconds;
    made.retransmits = stream.sent.retransmits.value_or(0);
    made.congestion = result.report.local_congestion;
    made.window_limited = stream.whole.window_limited;
    made.buffer_limited = stream.whole.buffer_limited;
    // The first of them found no load yet.
    const auto omitted = static_cast<std::size_t>(client.omit_ns / 20'000'000);
    if (loaded.size() > omitted)
      loaded.erase(loaded.begin(), loaded.begin() + static_cast<std::ptrdiff_t>(omitted));
    made.loaded = delays_of(loaded);
    report_.transfer = made;
  }

  const PathOptions& options_;
  Prober& prober_;
  SignalWaiter& waiter_;
  Clock& clock_;
  const std::function<void(const std::string&)>& tell_;
  PathReport report_;
  CapacitySearch search_;
  double rtt_limit_ns_ = 500e6;
};

Result<PathReport> measure_ways(const PathOptions& options, Prober& prober, SignalWaiter& waiter,
                                Clock& clock, const std::function<void(const std::string&)>& tell) {
  auto report = Measurement(options, prober, waiter, clock, tell).run();
  if (!report || !options.both || waiter.interrupted()) return report;
  PathOptions other = options;
  other.direction = options.direction == Direction::to_peer ? Direction::from_peer : Direction::to_peer;
  auto reverse = Measurement(other, prober, waiter, clock, tell).run();
  if (reverse) {
    report->reverse = std::make_unique<PathReport>(std::move(*reverse));
  } else {
    report->remarks.push_back("the other direction was not measured: " + reverse.error().message());
  }
  return report;
}

}  // namespace

DelayFacts delays_of(const std::vector<std::optional<Echo>>& echoes) {
  DelayFacts facts;
  std::vector<double> rtt, forth, back;
  facts.sent = echoes.size();
  for (const auto& echo : echoes) {
    if (!echo) continue;
    rtt.push_back(echo->rtt_ns);
    forth.push_back(echo->forth_ns);
    back.push_back(echo->back_ns);
  }
  facts.answered = rtt.size();
  if (rtt.empty()) return facts;
  for (auto* values : {&rtt, &forth, &back}) std::sort(values->begin(), values->end());
  facts.rtt_min_ns = rtt.front();
  facts.rtt_p50_ns = quantile(rtt, 0.5);
  facts.rtt_p90_ns = quantile(rtt, 0.9);
  facts.rtt_p99_ns = quantile(rtt, 0.99);
  facts.rtt_max_ns = rtt.back();
  facts.forth_variation_ns = quantile(forth, 0.9) - forth.front();
  facts.back_variation_ns = quantile(back, 0.9) - back.front();
  return facts;
}

Result<PathReport> measure_path(const PathOptions& options, SignalWaiter& waiter, Clock& clock,
                                const std::function<void(const std::string&)>& tell) {
  const auto addresses = kernel::resolve(options.host, options.port, options.family, false);
  if (!addresses) return tl::make_unexpected(addresses.error());
  std::optional<Error> problem;
  for (const kernel::SocketAddress& address : *addresses) {
    auto prober = Prober::connect(address, kConnectNs, waiter);
    if (prober) return measure_ways(options, *prober, waiter, clock, tell);
    problem = std::move(prober.error());
  }
  return tl::make_unexpected(problem.value_or(Error{ErrorKind::failed, 0, "the host has no address", {}}));
}

}  // namespace isotach::path

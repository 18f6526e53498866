#include "network/nettest/load_probe.h"

#include <system_error>

namespace isotach::nettest {
namespace {

constexpr std::uint32_t kRequestsPerSecond = 100;
// How soon the end of the stream is noticed.
constexpr std::int64_t kLookUpNs = 50'000'000;

class Quiet final : public ClientObserver {
 public:
  Quiet(const std::atomic<bool>* over, std::promise<void>* asks) : over_(over), asks_(asks) {}
  void started(const TestFacts&) override { tell(); }
  void interval(const TestFacts&, const IntervalReport&) override {}
  // Once, whatever comes first: the beginning or the end.
  void tell() {
    if (asks_ != nullptr) asks_->set_value();
    asks_ = nullptr;
  }
  [[nodiscard]] bool wants_more() override { return over_ == nullptr || !over_->load(); }

 private:
  const std::atomic<bool>* over_;
  std::promise<void>* asks_;
};

ClientOptions probe_of(const ClientOptions& stream, std::int64_t duration_ns) {
  ClientOptions probe = stream;
  probe.parameters = TestParameters{};
  probe.parameters.tos = stream.parameters.tos;
  probe.parameters.transaction = Transaction::request_response;
  probe.parameters.transaction_rate = kRequestsPerSecond;
  probe.parameters.outstanding = kMostOutstanding;
  probe.duration_ns = duration_ns;
  probe.omit_ns = 0;
  probe.interval_ns = kLookUpNs;
  return probe;
}

void ask(const ClientOptions& probe, SignalWaiter& waiter, Clock& clock, const std::atomic<bool>* over,
         std::promise<void>* asks, Histogram& into, std::string& problem) {
  Quiet quiet(over, asks);
  const ClientResult result = run_client(probe, waiter, clock, quiet);
  quiet.tell();
  if (result.report.latency) into.merge(*result.report.latency);
  if (result.error && problem.empty()) problem = result.error->message();
}

}  // namespace

void measure_idle(const ClientOptions& stream, std::int64_t duration_ns, SignalWaiter& waiter, Clock& clock,
                  LoadLatency& into) {
  ask(probe_of(stream, duration_ns), waiter, clock, nullptr, nullptr, into.idle_ns, into.problem);
}

LoadProbe::~LoadProbe() {
  over_.store(true);
  if (thread_.joinable()) thread_.join();
}

void LoadProbe::start() {
  // It ends when it is told to: for ever is a day.
  constexpr std::int64_t kLongNs = 86400 * kNanosecondsPerSecond;
  try {
    thread_ = std::thread([this] {
      ask(probe_of(stream_, kLongNs), waiter_, clock_, &over_, &asks_, measured_.loaded_ns,
          measured_.problem);
    });
    asks_.get_future().wait();
  } catch (const std::system_error& error) {
    measured_.problem = system_failure(error.code().value(), "start a thread").value().message();
  }
}

void LoadProbe::stop(LoadLatency& into) {
  over_.store(true);
  if (thread_.joinable()) thread_.join();
  into.loaded_ns.merge(measured_.loaded_ns);
  if (into.problem.empty()) into.problem = measured_.problem;
}

}  // namespace isotach::nettest

#include "network/nettest/client_run.h"

#include <algorithm>

namespace isotach::nettest {

ClientRun::ClientRun(const ClientOptions& options, SignalWaiter& waiter, Clock& clock,
                     ClientObserver& observer)
    : options_(options), clock_(clock), observer_(observer), link_(waiter), workers_([this] {
        prepared_ = link_.prepare();
        return link_.notify_fd();
      }()) {}

ClientResult ClientRun::run() {
  facts_.parameters = options_.parameters;
  facts_.host = options_.host;
  facts_.port = options_.port;
  facts_.duration_s = static_cast<double>(options_.duration_ns) / 1e9;
  if (auto begun = prepared_ ? begin() : prepared_; !begun) {
    result_.error = std::move(begun.error());
    result_.interrupted = link_.interrupted();
    return std::move(result_);
  }
  auto ended = measure();
  if (ended) ended = exchange();
  finish_report();
  if (!ended) result_.error = std::move(ended.error());
  return std::move(result_);
}

StreamFacts ClientRun::look_at(int socket, int index, bool sender) {
  StreamFacts stream;
  stream.id = stream_id(index);
  stream.sender = sender;
  stream.socket = socket;
  stream.local = kernel::local_address(socket);
  stream.peer = facts_.peer;
  if (index > 0) return stream;
  facts_.send_buffer_bytes = kernel::send_buffer_of(socket);
  facts_.receive_buffer_bytes = kernel::receive_buffer_of(socket);
  facts_.wanted_buffer_bytes = parameters().window;
  if (parameters().udp) {
    facts_.path_mtu = kernel::path_mtu_of(socket, facts_.peer.is_v6());
  } else {
    result_.report.local_congestion = kernel::congestion_of(socket);
  }
  return stream;
}

Result<void> ClientRun::begin_measuring(int most_threads) {
  facts_.start = clock_.now();
  host_cpu_.begin();
  cpu_before_ = process_cpu();
  cpu_from_ns_ = monotonic_ns();
  measurement_.begin(cpu_from_ns_);
  if (auto started = workers_.start(most_threads); !started) return started;
  observer_.started(facts_);
  return {};
}

void ClientRun::report_interval(std::int64_t now_ns, bool omitted) {
  const IntervalReport interval = measurement_.cut(now_ns, omitted);
  // What is left at the end, after the last whole interval, is no row of its own when it is a moment only.
  if (intervals_ > 0 &&
      (interval.end_s - interval.start_s) * 1e9 <= 0.05 * static_cast<double>(options_.interval_ns))
    return;
  ++intervals_;
  observer_.interval(facts_, interval);
}

CpuShare ClientRun::our_cpu() {
  if (cpu_) return *cpu_;
  const CpuUse now = process_cpu();
  const auto wall_ns = static_cast<double>(std::max<std::int64_t>(1, monotonic_ns() - cpu_from_ns_));
  CpuShare share;
  share.known = true;
  share.user = 100 * static_cast<double>(now.user_ns - cpu_before_.user_ns) / wall_ns;
  share.system = 100 * static_cast<double>(now.system_ns - cpu_before_.system_ns) / wall_ns;
  share.total = share.user + share.system;
  share.busiest_thread = workers_.busiest_thread();
  share.host_busy = host_cpu_.busy();
  cpu_ = share;
  return share;
}

void ClientRun::finish_report() {
  workers_.stop();
  workers_.join();
  TestReport& report = result_.report;
  report.local = our_cpu();
  report.streams = measurement_.totals(peer_ ? &*peer_ : nullptr);
  report.seconds = measurement_.seconds();
  report.local_path = measurement_.path(facts_);
  finish(report);
  report.warnings = warnings_of(facts_, report);
  result_.facts = facts_;
}

}  // namespace isotach::nettest

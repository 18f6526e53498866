// How a test at the server ends: what is in flight still comes, both ends tell their results, and the report
// is made of them.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "network/nettest/session.h"

namespace isotach::nettest {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

constexpr std::int64_t kEndLimitNs = 15 * kNanosecondsPerSecond;
constexpr std::int64_t kSettleLimitNs = 2 * kNanosecondsPerSecond;
constexpr std::int64_t kQuietNs = 60'000'000;
// What TCP was given does arrive, on a crowded machine later; MPTCP does not tell what is on its way.
constexpr std::int64_t kStreamQuietNs = 300'000'000;

}  // namespace

void Session::end_test(std::int64_t now_ns) {
  workers_.stop_senders();
  measurement_.end(now_ns);
  const IntervalReport interval = measurement_.cut(now_ns, omitted_until_ns_ != 0);
  if (interval.end_s - interval.start_s > 0.05) observer_.interval(number_, facts_, interval);
  stage_ = Stage::results;
  deadline_ns_ = now_ns + kEndLimitNs;
  send_state(State::exchange_results);
  frames_.expect_json(kClientResultsLimitBytes);
  notified();
  schedule(now_ns);
}

// The senders have ended: the client sees the end of the data when it has all of it.
void Session::notified() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t ignored = ::read(notify_.get(), &count, sizeof count);
  if (stage_ == Stage::settling && workers_.ended()) tell_results();
  if ((stage_ != Stage::results && stage_ != Stage::settling) || finned_ || !workers_.senders_ended()) return;
  finned_ = true;
  if (facts_.parameters.udp) return;
  for (const auto& transfer : workers_.transfers())
    if (transfer->is_sender()) ::shutdown(transfer->fd(), SHUT_WR);
}

void Session::on_results(const std::string& json) {
  auto results = read_results(json);
  if (!results) {
    refuse(kErrorResults, 0);
    return;
  }
  peer_results_ = std::move(*results);
  expect_state();
  stage_ = Stage::settling;
  settle_from_ns_ = monotonic_ns();
  deadline_ns_ = settle_from_ns_ + kEndLimitNs;
  settle();
}

// Whether all that the client sent is here, or nothing more comes.
bool Session::all_in(std::int64_t now_ns) const {
  if (now_ns - settle_from_ns_ > kSettleLimitNs) return true;
  for (std::size_t i = 0; i < facts_.streams.size(); ++i) {
    if (facts_.streams[i].sender || facts_.parameters.transaction != Transaction::none) continue;
    const TransferCounters& counters = workers_.transfers()[i]->counters();
    if (counters.ended.load(std::memory_order_acquire)) continue;
    const auto sent =
        std::find_if(peer_results_->streams.begin(), peer_results_->streams.end(),
                     [&](const StreamResult& result) { return result.id == facts_.streams[i].id; });
    if (sent != peer_results_->streams.end()) {
      const bool here = facts_.parameters.udp ? counters.highest.load(kRelaxed) >= sent->packets
                                              : measurement_.bytes_of(i) >= sent->bytes;
      if (here) continue;
    }
    // Its thread may not have had a processor yet.
    if (kernel::has_unread(workers_.transfers()[i]->fd())) return false;
    const std::int64_t quiet_ns = facts_.parameters.udp ? kQuietNs : kStreamQuietNs;
    if (now_ns - std::max(counters.last_ns.load(kRelaxed), settle_from_ns_) < quiet_ns) return false;
  }
  return true;
}

void Session::settle() {
  const std::int64_t now_ns = monotonic_ns();
  if (all_in(now_ns)) workers_.stop();
  if (workers_.ended()) tell_results();
  schedule(now_ns);
}

CpuShare Session::our_cpu() {
  if (cpu_) return *cpu_;
  const auto wall_ns = static_cast<double>(monotonic_ns() - test_from_ns_);
  CpuUse use = workers_.cpu();
  CpuShare share;
  share.known = true;
  share.busiest_thread = workers_.busiest_thread();
  if (makes_connections(facts_.parameters.transaction)) {
    const CpuUse now = thread_cpu();
    const CpuUse ours = {now.user_ns - cpu_before_.user_ns, now.system_ns - cpu_before_.system_ns};
    use += ours;
    share.busiest_thread =
        std::max(*share.busiest_thread, static_cast<double>(ours.user_ns + ours.system_ns) / wall_ns);
  }
  share.user = 100 * static_cast<double>(use.user_ns) / wall_ns;
  share.system = 100 * static_cast<double>(use.system_ns) / wall_ns;
  share.total = share.user + share.system;
  share.host_busy = host_cpu_.busy();
  cpu_ = share;
  return share;
}

void Session::tell_results() {
  workers_.join();
  PeerResults results;
  const CpuShare cpu = our_cpu();
  results.cpu_total = cpu.total;
  results.cpu_user = cpu.user;
  results.cpu_system = cpu.system;
  // Keys of ours would be no harm to a stock client; but nobody would read them.
  results.isotach = facts_.parameters.isotach;
  results.busiest_thread = cpu.busiest_thread;
  results.host_busy = cpu.host_busy;
  results.congestion = report_.local_congestion;
  results.path = measurement_.path(facts_);
  const bool sends = facts_.parameters.bidirectional || facts_.parameters.reverse;
  results.sender_has_retransmits = !sends ? -1 : facts_.parameters.udp ? 0 : 1;
  results.sent = workers_.timing(true);
  results.received = workers_.timing(false);
  results.streams = measurement_.results(&*peer_results_);
  report_.complete = true;
  if (facts_.parameters.server_output) {
    finish_report(&*peer_results_);
    results.output = observer_.output(number_, facts_, report_);
  }
  stage_ = Stage::done;
  const std::int64_t now_ns = monotonic_ns();
  deadline_ns_ = now_ns + kEndLimitNs;
  send(framed(to_json(results)));
  send_state(State::display_results);
  schedule(now_ns);
}

void Session::finish_report(const PeerResults* peer) {
  report_.streams = measurement_.totals(peer);
  report_.seconds = measurement_.seconds();
  report_.local = our_cpu();
  report_.local_path = measurement_.path(facts_);
  report_.left[0] = workers_.timing(true);
  report_.came[1] = workers_.timing(false);
  if (peer != nullptr) {
    report_.remote_path = peer->path;
    report_.remote = {true,           peer->cpu_total, peer->cpu_user, peer->cpu_system, peer->busiest_thread,
                      peer->host_busy};
    report_.remote_congestion = peer->congestion;
    report_.peer_is_isotach = peer->isotach;
    report_.came[0] = peer->received;
    report_.left[1] = peer->sent;
  }
  if (connect_transactions_ > 0 && !report_.streams.empty())
    report_.streams.front().whole.transactions += connect_transactions_;
  report_.warnings = warnings_of(facts_, report_);
}

}  // namespace isotach::nettest

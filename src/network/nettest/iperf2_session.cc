#include "network/nettest/iperf2_session.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "network/nettest/stream_setup.h"

namespace isotach::nettest {
namespace {

constexpr std::int64_t kIntervalNs = kNanosecondsPerSecond;
// A connection over which nothing comes, and that does not end.
constexpr std::int64_t kStallNs = 60 * kNanosecondsPerSecond;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr int kLivenessS = 20;
constexpr std::uint64_t kUdpBufferBytes = 16 * 1024 * 1024;

}  // namespace

Iperf2Session::Iperf2Session(std::uint64_t number, Fd notify, const kernel::SocketAddress& peer, Clock& clock,
                             SessionObserver& observer)
    : number_(number),
      notify_(std::move(notify)),
      clock_(clock),
      observer_(observer),
      workers_(notify_.get()),
      measurement_(workers_, facts_.streams) {
  facts_.peer = peer;
  facts_.iperf2 = true;
}

void Iperf2Session::begin(const Iperf2Test& test, bool udp, const Fd& fd) {
  TestParameters& parameters = facts_.parameters;
  parameters.udp = udp;
  parameters.reverse = test.reverse;
  parameters.length = test.length != 0 ? test.length : udp ? kDefaultUdpLength : kDefaultTcpLength;
  parameters.bytes = test.bytes;
  parameters.time_s = static_cast<int>((test.time_ns + kNanosecondsPerSecond - 1) / kNanosecondsPerSecond);
  parameters.rate_bps = test.rate_bps;
  parameters.tos = static_cast<int>(test.tos);
  facts_.duration_s = static_cast<double>(test.time_ns) / 1e9;
  facts_.start = clock_.now();
  StreamFacts stream;
  stream.id = stream_id(0);
  stream.sender = test.reverse;
  stream.socket = fd.get();
  stream.local = kernel::local_address(fd.get());
  stream.peer = facts_.peer;
  facts_.streams.push_back(stream);
}

void Iperf2Session::begin_tcp(Fd fd, const Iperf2Test& test, std::size_t begun_bytes) {
  begin(test, false, fd);
  kernel::watch_liveness(fd.get(), kLivenessS);
  kernel::tell_type_of_service(fd.get(), facts_.peer.is_v6());
  if (test.window != 0) static_cast<void>(kernel::set_buffers(fd.get(), test.window));
  if (test.reverse) {
    limit_transfers(facts_.parameters, workers_.control());
    if (test.bytes == 0) stop_ns_ = monotonic_ns() + test.time_ns;
    begun_bytes = 0;
  }
  start(make_transfer(std::move(fd), plan_of(facts_.parameters), test.reverse, workers_.control()),
        begun_bytes);
}

void Iperf2Session::begin_udp(Fd fd, const Iperf2Test& test, std::vector<EarlyDatagram> early) {
  begin(test, true, fd);
  kernel::enlarge_receive_buffer(fd.get(), kUdpBufferBytes);
  start(make_iperf2_receiver(std::move(fd), std::move(early)), 0);
}

void Iperf2Session::start(std::unique_ptr<Transfer> transfer, std::size_t begun_bytes) {
  TransferCounters& counters = transfer->counters();
  workers_.add(std::move(transfer));
  begun_ns_ = monotonic_ns();
  moved_ns_ = begun_ns_;
  host_cpu_.begin();
  measurement_.begin(begun_ns_);
  counters.bytes.fetch_add(begun_bytes, std::memory_order_relaxed);
  observer_.started(number_, facts_);
  if (auto started = workers_.start(1); !started) {
    finish(std::move(started.error()));
    return;
  }
  next_tick_ns_ = begun_ns_ + kIntervalNs;
  if (stop_ns_ != 0) next_tick_ns_ = std::min(next_tick_ns_, stop_ns_);
}

// Our sender has ended, or the client has: closing tells it.
void Iperf2Session::notified() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t ignored = ::read(notify_.get(), &count, sizeof count);
  if (!workers_.ended() || over_) return;
  const int error = workers_.transfers().front()->counters().error.load();
  // A client that wants no more closes its end while we still send.
  if (error != 0 && !(facts_.parameters.reverse && (error == EPIPE || error == ECONNRESET))) {
    finish(error == ETIMEDOUT && facts_.parameters.udp
               ? Error{ErrorKind::failed, 0, "the client's last datagram did not come", {}}
               : system_failure(error, "go on with a stream").value());
  } else {
    finish(std::nullopt);
  }
}

void Iperf2Session::tick(std::int64_t now_ns) {
  if (over_) return;
  if (stop_ns_ != 0 && now_ns >= stop_ns_) {
    stop_ns_ = 0;
    workers_.stop_senders();
  }
  if (now_ns >= begun_ns_ + kIntervalNs) {
    observer_.interval(number_, facts_, measurement_.cut(now_ns, false));
    begun_ns_ += (now_ns - begun_ns_) / kIntervalNs * kIntervalNs;
    const std::uint64_t bytes = measurement_.bytes_of(0);
    if (bytes != bytes_seen_) moved_ns_ = now_ns;
    bytes_seen_ = bytes;
    if (now_ns - moved_ns_ > kStallNs) {
      finish(Error{ErrorKind::failed, 0, "nothing came for a minute", {}});
      return;
    }
  }
  next_tick_ns_ = begun_ns_ + kIntervalNs;
  if (stop_ns_ != 0) next_tick_ns_ = std::min(next_tick_ns_, stop_ns_);
}

void Iperf2Session::finish(std::optional<Error> error) {
  over_ = true;
  next_tick_ns_ = kNever;
  workers_.stop();
  workers_.join();
  std::int64_t end_ns = monotonic_ns();
  // The answer to the last datagram was given again for a while.
  if (facts_.parameters.udp)
    if (const std::int64_t last_ns = workers_.transfers().front()->counters().last_ns.load(); last_ns != 0)
      end_ns = last_ns;
  measurement_.end(end_ns);
  TestReport report;
  report.streams = measurement_.totals(nullptr);
  report.seconds = measurement_.seconds();
  report.local_path = measurement_.path(facts_);
  const CpuUse use = workers_.cpu();
  const auto wall_ns = static_cast<double>(std::max<std::int64_t>(1, end_ns - measurement_.start_ns()));
  report.local.known = true;
  report.local.user = 100 * static_cast<double>(use.user_ns) / wall_ns;
  report.local.system = 100 * static_cast<double>(use.system_ns) / wall_ns;
  report.local.total = report.local.user + report.local.system;
  report.local.busiest_thread = workers_.busiest_thread();
  report.local.host_busy = host_cpu_.busy();
  report.warnings = warnings_of(facts_, report);
  observer_.ended(number_, &facts_, &report, error);
}

void Iperf2Session::terminate() {
  if (!over_) finish(Error{ErrorKind::failed, 0, "this server was ended", {}});
}

}  // namespace isotach::nettest

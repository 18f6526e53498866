// Transactions that have a connection each, and connections alone: several under way at a time, by one
// thread. Each connection opens with the cookie of the test, as all do.
#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "network/nettest/transactions.h"

namespace isotach::nettest {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::int64_t kStepLimitNs = 20'000'000;
constexpr std::int64_t kConnectLimitNs = 5'000'000'000;

class ConnectInitiator final : public Initiator {
 public:
  ConnectInitiator(Fd fd, const DataPlan& plan)
      : Initiator(std::move(fd)),
        plan_(plan),
        bare_(plan.transaction == Transaction::connect_close),
        admission_(plan.transaction_rate, plan.outstanding),
        poller_(::epoll_create1(EPOLL_CLOEXEC)),
        connections_(std::max(1U, plan.outstanding)),
        buffer_(std::min<std::size_t>(
            kTransactionBufferBytes,
            kCookieBytes + std::max<std::uint64_t>(plan.request_bytes, plan.response_bytes))) {
    opening_.assign(plan.cookie.begin(), plan.cookie.end());
    opening_.resize(kCookieBytes + std::min<std::size_t>(plan.request_bytes, kTransactionBufferBytes), 'i');
    for (std::uint32_t i = 0; i < connections_.size(); ++i) free_.push_back(i);
  }

  Step step(bool may_wait) override {
    if (!poller_.is_open()) return end(EMFILE);
    const std::int64_t now_ns = monotonic_ns();
    alone_ = may_wait && connections_.size() == 1;
    bool moved = give_up_slow(now_ns);
    while (!free_.empty()) {
      const auto begun_ns = admission_.next(now_ns, under_way());
      if (!begun_ns) break;
      if (const int error = open(*begun_ns, now_ns); error != 0) return end(error);
      moved = true;
      if (alone_) break;  // its answer may be here
    }
    if (admission_.is_open_loop()) counters_.skipped.store(admission_.owed(now_ns), kRelaxed);
    const std::int64_t left_ns = may_wait ? wait_ns(now_ns) : 0;
    const timespec limit = {left_ns / kNanosecondsPerSecond, left_ns % kNanosecondsPerSecond};
    if (alone_) {
      if ((moved && !free_.empty()) || !alone_is_ready(limit)) return moved ? Step::moved : Step::waits;
      const int error = go_on(0);
      return error == 0 ? Step::moved : end(error);
    }
    std::array<epoll_event, 64> events;
    const int count =
        ::epoll_pwait2(poller_.get(), events.data(), static_cast<int>(events.size()), &limit, nullptr);
    for (int i = 0; i < count; ++i)
      if (const int error = go_on(events[i].data.u32); error != 0) return end(error);
    return count > 0 || moved ? Step::moved : Step::waits;
  }

  [[nodiscard]] int ready_fd() const override { return poller_.get(); }
  [[nodiscard]] bool waits_itself() const override { return true; }
  [[nodiscard]] std::int64_t wake_ns() const override {
    const std::int64_t slow_ns = under_way() > 0 ? oldest_ns_ + kConnectLimitNs : Admission::kNever;
    const std::int64_t due_ns = free_.empty() ? Admission::kNever : admission_.due_ns(under_way());
    const std::int64_t wake_ns = std::min(slow_ns, due_ns);
    return wake_ns == Admission::kNever ? 0 : std::max<std::int64_t>(1, wake_ns);
  }
  [[nodiscard]] bool spins() const override { return plan_.busy_poll; }
  void stopped() override {
    last_ = Fd();
    tell_rest(admission_, under_way());
  }

 private:
  struct Connection {
    Fd fd;
    std::int64_t begun_ns = 0;
    std::int64_t opened_ns = 0;
    std::uint64_t out_left = 0;
    std::uint64_t in_left = 0;
    bool watched = false;
    bool writes = false;  // is watched for that
  };

  [[nodiscard]] std::uint64_t under_way() const { return connections_.size() - free_.size(); }

  [[nodiscard]] std::int64_t wait_ns(std::int64_t now_ns) const {
    const std::int64_t wake = wake_ns();
    const std::int64_t until_ns = wake == 0 ? now_ns + kStepLimitNs : std::min(wake, now_ns + kStepLimitNs);
    return std::max<std::int64_t>(0, until_ns - now_ns);
  }

  // One connection at a time needs no poller that would have to be told of each.
  [[nodiscard]] bool alone_is_ready(const timespec& limit) const {
    const Connection& connection = connections_.front();
    pollfd polled = {connection.fd.get(), static_cast<short>(connection.writes ? POLLOUT : POLLIN), 0};
    return ::ppoll(&polled, 1, &limit, nullptr) > 0;
  }

  // The socket of the next connection. 0, or an errno.
  int prepare() {
    auto socket = kernel::new_socket(plan_.server, kernel::Transport::tcp);
    if (!socket) return socket.error().errno_value;
    next_ = std::move(*socket);
    // Our side closes by a reset: thousands of ports in TIME-WAIT would soon be all there are.
    const linger at_once = {1, 0};
    static_cast<void>(::setsockopt(next_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    return 0;
  }

  // While the server makes its answer: what else there is to do for the connection before and the next.
  int use_the_wait() {
    last_ = Fd();
    return prepare();
  }

  // 0, or an errno that ends the stream.
  int open(std::int64_t begun_ns, std::int64_t now_ns) {
    if (!next_.is_open())
      if (const int error = prepare(); error != 0) return error;
    if (auto begun = kernel::begin_connect(next_.get(), plan_.server); !begun)
      return begun.error().errno_value;
    const std::uint32_t index = free_.back();
    free_.pop_back();
    if (under_way() == 1) oldest_ns_ = now_ns;
    Connection& connection = connections_[index];
    connection = {std::move(next_), begun_ns, now_ns, 0, 0, false, true};
    connection.out_left = bare_ ? 0 : kCookieBytes + std::uint64_t{plan_.request_bytes};
    connection.in_left = bare_ ? 0 : plan_.response_bytes;
    // Over a short path the connection stands already.
    if (!bare_) return go_on(index);
    watch(index, true);
    return 0;
  }

  void watch(std::uint32_t index, bool for_writing) {
    Connection& connection = connections_[index];
    const bool changed = !connection.watched || connection.writes != for_writing;
    connection.writes = for_writing;
    if (alone_ || !changed) return;
    epoll_event event{};
    event.events = for_writing ? EPOLLOUT : EPOLLIN;
    event.data.u32 = index;
    ::epoll_ctl(poller_.get(), connection.watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, connection.fd.get(),
                &event);
    connection.watched = true;
  }

  void let_go(std::uint32_t index) {
    if (alone_) last_ = std::move(connections_[index].fd);
    connections_[index].fd = Fd();
    free_.push_back(index);
  }

  // Moves what can be moved. 0, or an errno that ends the stream.
  int go_on(std::uint32_t index) {
    Connection& connection = connections_[index];
    if (!connection.fd.is_open()) return 0;
    if (bare_) {
      const int error = kernel::connection_error(connection.fd.get());
      if (error == 0) finished(index);
      return error;
    }
    while (connection.out_left > 0) {
      const std::size_t sent_bytes = kCookieBytes + plan_.request_bytes - connection.out_left;
      const char* from =
          sent_bytes < kCookieBytes ? opening_.data() + sent_bytes : opening_.data() + kCookieBytes;
      const std::uint64_t most =
          sent_bytes < kCookieBytes ? opening_.size() - sent_bytes : opening_.size() - kCookieBytes;
      const ssize_t sent =
          ::send(connection.fd.get(), from, std::min(connection.out_left, most), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) {
        // Not connected yet: ENOTCONN never comes from a socket that is about to.
        if (!is_passing(errno)) return errno;
        watch(index, true);
        return 0;
      }
      connection.out_left -= static_cast<std::uint64_t>(sent);
      if (connection.out_left == 0) {
        watch(index, false);
        // The answer takes its time.
        if (!alone_) return 0;
        if (const int error = use_the_wait(); error != 0) return error;
      }
    }
    while (connection.in_left > 0) {
      const ssize_t got = ::recv(connection.fd.get(), buffer_.data(),
                                 std::min<std::uint64_t>(buffer_.size(), connection.in_left), MSG_DONTWAIT);
      if (got < 0 && is_passing(errno)) return 0;
      if (got <= 0) return got < 0 ? errno : ECONNRESET;
      connection.in_left -= static_cast<std::uint64_t>(got);
    }
    finished(index);
    return 0;
  }

  void finished(std::uint32_t index) {
    completed(connections_[index].begun_ns, monotonic_ns(),
              bare_ ? 0 : std::uint64_t{plan_.request_bytes} + plan_.response_bytes);
    let_go(index);
  }

  // Those that do not come about: their number is told as lost.
  bool give_up_slow(std::int64_t now_ns) {
    if (under_way() == 0 || now_ns - oldest_ns_ < kConnectLimitNs) return false;
    std::int64_t oldest_ns = now_ns;
    bool any = false;
    for (std::uint32_t i = 0; i < connections_.size(); ++i) {
      if (!connections_[i].fd.is_open()) continue;
      if (now_ns - connections_[i].opened_ns < kConnectLimitNs) {
        oldest_ns = std::min(oldest_ns, connections_[i].opened_ns);
        continue;
      }
      counters_.lost.fetch_add(1, kRelaxed);
      let_go(i);
      any = true;
    }
    oldest_ns_ = oldest_ns;
    return any;
  }

  DataPlan plan_;
  bool bare_;
  bool alone_ = false;  // step() waits for the only connection there is
  Admission admission_;
  Fd poller_;
  std::vector<Connection> connections_;
  std::vector<std::uint32_t> free_;
  Fd next_;  // has a socket already, and no connection
  Fd last_;  // is over, and not closed yet
  std::vector<char> buffer_;
  std::vector<char> opening_;
  std::int64_t oldest_ns_ = 0;
};

}  // namespace

std::unique_ptr<Transfer> make_connect_transactions(Fd fd, const DataPlan& plan) {
  return std::make_unique<ConnectInitiator>(std::move(fd), plan);
}

std::unique_ptr<Transfer> make_transactions(Fd fd, const DataPlan& plan) {
  if (plan.transaction == Transaction::connect || plan.transaction == Transaction::connect_close)
    return make_connect_transactions(std::move(fd), plan);
  return plan.udp ? make_udp_transactions(std::move(fd), plan) : make_tcp_transactions(std::move(fd), plan);
}

}  // namespace isotach::nettest

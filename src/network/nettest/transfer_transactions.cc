#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "network/nettest/transfer.h"

namespace isotach::nettest {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
// A datagram that has no answer by then is lost.
constexpr std::int64_t kAnswerLimitNs = 1'000'000'000;
constexpr int kConnectLimitMs = 5000;

class Initiator : public Transfer {
 public:
  [[nodiscard]] bool is_sender() const override { return true; }
  [[nodiscard]] const Histogram* latency() const override { return &latency_; }

 protected:
  explicit Initiator(Fd fd) : Transfer(std::move(fd)) {}

  void completed(std::int64_t begun_ns, std::uint64_t bytes) {
    const std::int64_t now_ns = monotonic_ns();
    latency_.add(static_cast<std::uint64_t>(now_ns - begun_ns));
    counters_.transactions.fetch_add(1, kRelaxed);
    counters_.latency_sum_ns.fetch_add(static_cast<std::uint64_t>(now_ns - begun_ns), kRelaxed);
    counters_.bytes.fetch_add(bytes, kRelaxed);
    counters_.last_ns.store(now_ns, kRelaxed);
  }

 private:
  Histogram latency_;
};

// Moves exactly a number of bytes over a TCP connection, in as many calls as it takes.
class Mover {
 public:
  enum class Outcome : std::uint8_t { done, waits, failed };

  void begin(std::size_t bytes) { left_ = bytes; }
  Outcome send(int fd, std::vector<char>& buffer, int flags) {
    return move([&](std::size_t size) { return ::send(fd, buffer.data(), size, flags | MSG_NOSIGNAL); },
                buffer.size());
  }
  Outcome receive(int fd, std::vector<char>& buffer, int flags) {
    return move([&](std::size_t size) { return ::recv(fd, buffer.data(), size, flags); }, buffer.size());
  }
  [[nodiscard]] int error() const { return error_; }  // 0: the peer has closed

 private:
  template <class Call>
  Outcome move(const Call& call, std::size_t most) {
    while (left_ > 0) {
      const ssize_t moved = call(std::min(left_, most));
      if (moved < 0 && (errno == EAGAIN || errno == EINTR)) return Outcome::waits;
      if (moved <= 0) {
        error_ = moved < 0 ? errno : 0;
        return Outcome::failed;
      }
      left_ -= static_cast<std::size_t>(moved);
    }
    return Outcome::done;
  }

  std::size_t left_ = 0;
  int error_ = 0;
};

constexpr std::size_t kBufferBytes = 128 * 1024;

std::vector<char> buffer_for(const DataPlan& plan) {
  return std::vector<char>(
      std::min<std::size_t>(kBufferBytes, std::max(plan.request_bytes, plan.response_bytes)), 'i');
}

class TcpInitiator final : public Initiator {
 public:
  TcpInitiator(Fd fd, const DataPlan& plan)
      : Initiator(std::move(fd)), plan_(plan), buffer_(buffer_for(plan)) {}

  Step step(bool may_wait) override {
    const int flags = may_wait ? 0 : MSG_DONTWAIT;
    if (phase_ == Phase::idle) {
      begun_ns_ = monotonic_ns();
      mover_.begin(plan_.request_bytes);
      phase_ = Phase::sends;
    }
    if (phase_ == Phase::sends) {
      const auto outcome = mover_.send(fd(), buffer_, flags);
      if (outcome != Mover::Outcome::done) return left(outcome);
      mover_.begin(plan_.response_bytes);
      phase_ = Phase::receives;
    }
    const auto outcome = mover_.receive(fd(), buffer_, flags);
    if (outcome != Mover::Outcome::done) return left(outcome);
    phase_ = Phase::idle;
    completed(begun_ns_, std::uint64_t{plan_.request_bytes} + plan_.response_bytes);
    return Step::moved;
  }

 private:
  enum class Phase : std::uint8_t { idle, sends, receives };

  Step left(Mover::Outcome outcome) {
    return outcome == Mover::Outcome::waits ? Step::waits : end(mover_.error());
  }

  DataPlan plan_;
  std::vector<char> buffer_;
  Mover mover_;
  Phase phase_ = Phase::idle;
  std::int64_t begun_ns_ = 0;
};

class TcpResponder final : public Transfer {
 public:
  TcpResponder(Fd fd, const DataPlan& plan)
      : Transfer(std::move(fd)), plan_(plan), buffer_(buffer_for(plan)) {
    mover_.begin(plan_.request_bytes);
  }

  Step step(bool may_wait) override {
    const int flags = may_wait ? 0 : MSG_DONTWAIT;
    if (!answers_) {
      const auto outcome = mover_.receive(fd(), buffer_, flags);
      if (outcome != Mover::Outcome::done) return left(outcome);
      mover_.begin(plan_.response_bytes);
      answers_ = true;
    }
    const auto outcome = mover_.send(fd(), buffer_, flags);
    if (outcome != Mover::Outcome::done) return left(outcome);
    mover_.begin(plan_.request_bytes);
    answers_ = false;
    counters_.transactions.fetch_add(1, kRelaxed);
    counters_.bytes.fetch_add(std::uint64_t{plan_.request_bytes} + plan_.response_bytes, kRelaxed);
    return Step::moved;
  }
  [[nodiscard]] bool is_sender() const override { return false; }

 private:
  Step left(Mover::Outcome outcome) {
    return outcome == Mover::Outcome::waits ? Step::waits : end(mover_.error());
  }

  DataPlan plan_;
  std::vector<char> buffer_;
  Mover mover_;
  bool answers_ = false;
};

// The first bytes of a request come back in its answer, as many as there is room for: an answer that comes
// when it was given up already is told from the one that is waited for.
class UdpInitiator final : public Initiator {
 public:
  UdpInitiator(Fd fd, const DataPlan& plan)
      : Initiator(std::move(fd)),
        plan_(plan),
        tag_bytes_(std::min<std::size_t>({sizeof number_, plan.request_bytes, plan.response_bytes})),
        buffer_(std::max(plan.request_bytes, plan.response_bytes), 'i') {}

  Step step(bool may_wait) override {
    const int flags = MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT);
    if (!waiting_) {
      ++number_;
      std::memcpy(buffer_.data(), &number_, tag_bytes_);
      begun_ns_ = monotonic_ns();
      if (::send(fd(), buffer_.data(), plan_.request_bytes, flags) < 0)
        return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? Step::waits : end(errno);
      counters_.packets.fetch_add(1, kRelaxed);
      waiting_ = true;
    }
    const ssize_t got = ::recv(fd(), buffer_.data(), buffer_.size(), flags);
    if (got < 0 && errno != EAGAIN && errno != EINTR) return end(errno);
    if (got == static_cast<ssize_t>(plan_.response_bytes) &&
        std::memcmp(buffer_.data(), &number_, tag_bytes_) == 0) {
      waiting_ = false;
      completed(begun_ns_, std::uint64_t{plan_.request_bytes} + plan_.response_bytes);
      return Step::moved;
    }
    if (got >= 0) return Step::moved;
    if (monotonic_ns() - begun_ns_ < kAnswerLimitNs) return Step::waits;
    counters_.lost.fetch_add(1, kRelaxed);
    waiting_ = false;
    return Step::moved;
  }

 private:
  DataPlan plan_;
  std::uint64_t number_ = 0;
  std::size_t tag_bytes_;
  std::vector<char> buffer_;
  bool waiting_ = false;
  std::int64_t begun_ns_ = 0;
};

class UdpResponder final : public Transfer {
 public:
  UdpResponder(Fd fd, const DataPlan& plan)
      : Transfer(std::move(fd)),
        plan_(plan),
        buffer_(std::max(plan.request_bytes, plan.response_bytes) + 1, 'i') {}

  Step step(bool may_wait) override {
    const int flags = MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT);
    const ssize_t got = ::recv(fd(), buffer_.data(), buffer_.size(), flags);
    if (got < 0) return errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED ? Step::waits : end(errno);
    if (got != static_cast<ssize_t>(plan_.request_bytes)) return Step::moved;
    // What does not fit into the send buffer is lost, as on the wire: the client notices.
    if (::send(fd(), buffer_.data(), plan_.response_bytes, flags) < 0) return Step::moved;
    counters_.transactions.fetch_add(1, kRelaxed);
    counters_.bytes.fetch_add(std::uint64_t{plan_.request_bytes} + plan_.response_bytes, kRelaxed);
    return Step::moved;
  }
  [[nodiscard]] bool is_sender() const override { return false; }

 private:
  DataPlan plan_;
  std::vector<char> buffer_;
};

// A new connection for each transaction: it opens with the cookie of the test, as all connections do.
class ConnectInitiator final : public Initiator {
 public:
  ConnectInitiator(Fd fd, const DataPlan& plan)
      : Initiator(std::move(fd)), plan_(plan), buffer_(buffer_for(plan)) {
    opening_.assign(plan.cookie.begin(), plan.cookie.end());
    opening_.resize(kCookieBytes + std::min<std::size_t>(plan.request_bytes, kBufferBytes), 'i');
  }

  Step step(bool /*may_wait*/) override {
    const std::int64_t begun_ns = monotonic_ns();
    auto socket = kernel::new_socket(plan_.server, kernel::Transport::tcp);
    if (!socket) return end(socket.error().errno_value);
    const int error = transact(socket->get());
    if (error > 0) return end(error);
    if (error == 0) completed(begun_ns, std::uint64_t{plan_.request_bytes} + plan_.response_bytes);
    if (error < 0) counters_.lost.fetch_add(1, kRelaxed);
    return Step::moved;
  }
  [[nodiscard]] bool always_ready() const override { return true; }

 private:
  // 0, an errno, or -1: no answer in time.
  int transact(int socket) {
    // Our side closes by a reset: thousands of ports in TIME-WAIT would soon be all there are.
    const linger at_once = {1, 0};
    static_cast<void>(::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    if (auto begun = kernel::begin_connect(socket, plan_.server); !begun) return begun.error().errno_value;
    if (!wait_for(socket, POLLOUT)) return -1;
    if (const int error = kernel::connection_error(socket); error != 0) return error;
    mover_.begin(kCookieBytes + plan_.request_bytes);
    for (;;) {
      const auto outcome = mover_.send(socket, opening_, 0);
      if (outcome == Mover::Outcome::done) break;
      if (outcome == Mover::Outcome::failed) return mover_.error() == 0 ? EPIPE : mover_.error();
      if (!wait_for(socket, POLLOUT)) return -1;
    }
    mover_.begin(plan_.response_bytes);
    for (;;) {
      if (!wait_for(socket, POLLIN)) return -1;
      const auto outcome = mover_.receive(socket, buffer_, 0);
      if (outcome == Mover::Outcome::done) return 0;
      if (outcome == Mover::Outcome::failed) return mover_.error() == 0 ? ECONNRESET : mover_.error();
    }
  }

  static bool wait_for(int socket, short events) {
    pollfd polled = {socket, events, 0};
    return ::poll(&polled, 1, kConnectLimitMs) > 0;
  }

  DataPlan plan_;
  std::vector<char> buffer_;
  std::vector<char> opening_;
  Mover mover_;
};

}  // namespace

std::unique_ptr<Transfer> make_transactions(Fd fd, const DataPlan& plan) {
  if (plan.transaction == Transaction::connect)
    return std::make_unique<ConnectInitiator>(std::move(fd), plan);
  if (plan.udp && plan.initiator) return std::make_unique<UdpInitiator>(std::move(fd), plan);
  if (plan.udp) return std::make_unique<UdpResponder>(std::move(fd), plan);
  if (plan.initiator) return std::make_unique<TcpInitiator>(std::move(fd), plan);
  return std::make_unique<TcpResponder>(std::move(fd), plan);
}

}  // namespace isotach::nettest

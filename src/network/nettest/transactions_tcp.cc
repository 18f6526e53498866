// Transactions over a TCP connection that stays: requests may follow each other before the first answer has
// come, and answers come in their order.
#include <poll.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "network/nettest/transactions.h"

namespace isotach::nettest {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
// How long a step waits at most.
constexpr std::int64_t kStepLimitNs = 20'000'000;
// Larger ones go by as many calls as they take.
constexpr std::uint32_t kLargestRingMessage = 64 * 1024;

std::size_t buffer_bytes(const DataPlan& plan) {
  const std::uint64_t together =
      std::uint64_t{std::max(plan.request_bytes, plan.response_bytes)} * std::max(1U, plan.outstanding);
  return static_cast<std::size_t>(std::min<std::uint64_t>(kTransactionBufferBytes, together));
}

bool fits_ring(const DataPlan& plan) {
  return plan.outstanding <= 1 && plan.transaction_rate <= 0 && !plan.busy_poll &&
         std::max(plan.request_bytes, plan.response_bytes) <= kLargestRingMessage;
}

class TcpInitiator final : public Initiator {
 public:
  TcpInitiator(Fd fd, const DataPlan& plan)
      : Initiator(std::move(fd)),
        plan_(plan),
        admission_(plan.transaction_rate, plan.outstanding),
        single_(plan.outstanding <= 1),
        buffer_(buffer_bytes(plan), 'i') {}

  Step step(bool may_wait) override {
    bool moved = admit();
    if (owed_bytes_ > 0) {
      const Step step = send(may_wait && single_);
      if (step == Step::ended) return step;
      moved = moved || step == Step::moved;
      // Alone it goes out as a whole before its answer is asked for.
      if (single_ && owed_bytes_ > 0) return step;
    }
    // What waits for more than an answer is told apart by the kernel.
    if (may_wait && (owed_bytes_ > 0 || admission_.is_open_loop())) {
      await();
      may_wait = false;
    }
    if (begun_.empty()) return moved ? Step::moved : Step::waits;
    const Step step = receive(may_wait);
    return step == Step::waits && moved ? Step::moved : step;
  }
  [[nodiscard]] std::int64_t wake_ns() const override {
    if (!admission_.is_open_loop()) return 0;
    const std::int64_t due_ns = admission_.due_ns(begun_.size());
    return due_ns == Admission::kNever ? 0 : std::max<std::int64_t>(1, due_ns);
  }
  [[nodiscard]] bool spins() const override { return plan_.busy_poll; }
  [[nodiscard]] bool may_be_seated() const override { return plan_.follow; }
  void stopped() override { tell_rest(admission_, begun_.size()); }

  [[nodiscard]] std::optional<Exchange> exchange() override {
    if (!fits_ring(plan_)) return std::nullopt;
    out_.assign(plan_.request_bytes, 'i');
    return Exchange{out_.data(), plan_.request_bytes, plan_.response_bytes, true};
  }
  // Each request follows the answer before it at once: one look at the clock does for both.
  void said() override { begun_.push_back(heard_ns_ != 0 ? heard_ns_ : monotonic_ns()); }
  void heard() override {
    heard_ns_ = monotonic_ns();
    if (!begun_.empty()) complete(heard_ns_);
  }

 private:
  // Begins what may begin.
  bool admit() {
    const std::size_t before = begun_.size();
    const std::int64_t now_ns = monotonic_ns();
    while (const auto begun_ns = admission_.next(now_ns, begun_.size())) {
      begun_.push_back(*begun_ns);
      owed_bytes_ += plan_.request_bytes;
    }
    if (admission_.is_open_loop()) counters_.skipped.store(admission_.owed(now_ns), kRelaxed);
    return begun_.size() != before;
  }

  Step send(bool may_wait) {
    const ssize_t sent = ::send(fd(), buffer_.data(), std::min<std::uint64_t>(owed_bytes_, buffer_.size()),
                                MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT));
    if (sent < 0) return is_passing(errno) ? Step::waits : end(errno);
    owed_bytes_ -= static_cast<std::uint64_t>(sent);
    return Step::moved;
  }

  void await() {
    const std::int64_t now_ns = monotonic_ns();
    const std::int64_t due_ns = std::min(admission_.due_ns(begun_.size()), now_ns + kStepLimitNs);
    const std::int64_t left_ns = std::max<std::int64_t>(0, due_ns - now_ns);
    const timespec timeout = {0, left_ns};
    pollfd polled = {fd(), static_cast<short>(owed_bytes_ > 0 ? POLLIN | POLLOUT : POLLIN), 0};
    static_cast<void>(::ppoll(&polled, 1, &timeout, nullptr));
  }

  Step receive(bool may_wait) {
    const std::uint64_t expected = begun_.size() * std::uint64_t{plan_.response_bytes} - have_bytes_;
    const ssize_t got = ::recv(fd(), buffer_.data(), std::min<std::uint64_t>(expected, buffer_.size()),
                               may_wait ? 0 : MSG_DONTWAIT);
    if (got < 0) return is_passing(errno) ? Step::waits : end(errno);
    if (got == 0) return end(0);
    have_bytes_ += static_cast<std::uint64_t>(got);
    if (have_bytes_ < plan_.response_bytes) return Step::moved;
    const std::int64_t now_ns = monotonic_ns();
    for (; have_bytes_ >= plan_.response_bytes; have_bytes_ -= plan_.response_bytes) complete(now_ns);
    return Step::moved;
  }

  void complete(std::int64_t now_ns) {
    completed(begun_.front(), now_ns, std::uint64_t{plan_.request_bytes} + plan_.response_bytes);
    begun_.pop_front();
  }

  DataPlan plan_;
  Admission admission_;
  bool single_;
  std::vector<char> buffer_;
  std::vector<char> out_;           // of the ring
  std::int64_t heard_ns_ = 0;       // of the last answer by the ring
  std::deque<std::int64_t> begun_;  // of the requests under way
  std::uint64_t owed_bytes_ = 0;    // of requests that have begun
  std::uint64_t have_bytes_ = 0;    // of the first answer
};

class TcpResponder final : public Transfer {
 public:
  TcpResponder(Fd fd, const DataPlan& plan)
      : Transfer(std::move(fd)), plan_(plan), buffer_(buffer_bytes(plan), 'i') {}

  Step step(bool may_wait) override {
    if (owed_bytes_ == 0) {
      const ssize_t got = ::recv(fd(), buffer_.data(), buffer_.size(), may_wait ? 0 : MSG_DONTWAIT);
      if (got < 0) return is_passing(errno) ? Step::waits : end(errno);
      if (got == 0) return end(0);
      have_bytes_ += static_cast<std::uint64_t>(got);
      const std::uint64_t requests = have_bytes_ / plan_.request_bytes;
      have_bytes_ %= plan_.request_bytes;
      owed_bytes_ = requests * plan_.response_bytes;
      count(requests);
      if (owed_bytes_ == 0) return Step::moved;
    }
    const ssize_t sent = ::send(fd(), buffer_.data(), std::min<std::uint64_t>(owed_bytes_, buffer_.size()),
                                MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT));
    if (sent < 0) return is_passing(errno) ? Step::waits : end(errno);
    owed_bytes_ -= static_cast<std::uint64_t>(sent);
    return Step::moved;
  }
  [[nodiscard]] bool is_sender() const override { return false; }
  [[nodiscard]] bool spins() const override { return plan_.busy_poll; }
  [[nodiscard]] bool may_be_seated() const override { return plan_.follow; }

  [[nodiscard]] std::optional<Exchange> exchange() override {
    if (!fits_ring(plan_)) return std::nullopt;
    out_.assign(plan_.response_bytes, 'i');
    return Exchange{out_.data(), plan_.response_bytes, plan_.request_bytes, false};
  }
  void heard() override { count(1); }

 private:
  void count(std::uint64_t requests) {
    counters_.transactions.store(counters_.transactions.load(kRelaxed) + requests, kRelaxed);
    counters_.bytes.store(counters_.bytes.load(kRelaxed) +
                              requests * (std::uint64_t{plan_.request_bytes} + plan_.response_bytes),
                          kRelaxed);
  }

  DataPlan plan_;
  std::vector<char> buffer_;
  std::vector<char> out_;
  std::uint64_t owed_bytes_ = 0;  // of answers
  std::uint64_t have_bytes_ = 0;  // of a request
};

}  // namespace

std::unique_ptr<Transfer> make_tcp_transactions(Fd fd, const DataPlan& plan) {
  if (plan.initiator) return std::make_unique<TcpInitiator>(std::move(fd), plan);
  return std::make_unique<TcpResponder>(std::move(fd), plan);
}

}  // namespace isotach::nettest

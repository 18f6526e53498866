// Transactions by datagrams. The first bytes of a request number it, as far as it and its answer have room;
// the answer repeats them.
#include <poll.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "network/nettest/transactions.h"

namespace isotach::nettest {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::int64_t kStepLimitNs = 20'000'000;
// Of a number of one byte half must be free, so that a late answer is not taken for a new one.
constexpr std::uint32_t kMostOfOneByte = 128;

class UdpInitiator final : public Initiator {
 public:
  UdpInitiator(Fd fd, const DataPlan& plan)
      : Initiator(std::move(fd)),
        plan_(plan),
        tag_bytes_(std::min<std::size_t>({sizeof(std::uint64_t), plan.request_bytes, plan.response_bytes})),
        most_(std::min(std::max(1U, plan.outstanding), tag_bytes_ == 1 ? kMostOfOneByte : kMostOutstanding)),
        admission_(plan.transaction_rate, most_),
        requests_(std::bit_ceil(std::max(2 * most_, 2U))),
        buffer_(std::max(plan.request_bytes, plan.response_bytes) + 1, 'i') {}

  Step step(bool may_wait) override {
    bool moved = give_up_lost();
    const std::int64_t now_ns = monotonic_ns();
    while (const auto begun_ns = admission_.next(now_ns, under_way_)) {
      const Step step = ask(*begun_ns, now_ns);
      if (step == Step::ended) return step;
      moved = true;
      if (step == Step::waits) break;
    }
    if (admission_.is_open_loop()) counters_.skipped.store(admission_.owed(now_ns), kRelaxed);
    if (may_wait && (admission_.is_open_loop() || under_way_ == 0)) {
      await();
      may_wait = false;
    }
    for (;;) {
      const Step step = hear(may_wait);
      if (step != Step::moved) return step == Step::waits && moved ? Step::moved : step;
      if (most_ == 1) return step;
      moved = true;
      may_wait = false;
    }
  }
  [[nodiscard]] std::int64_t wake_ns() const override {
    const std::int64_t due_ns = admission_.is_open_loop() ? admission_.due_ns(under_way_) : Admission::kNever;
    const std::int64_t lost_ns = under_way_ > 0 ? oldest_ns_ + kAnswerLimitNs : Admission::kNever;
    const std::int64_t wake_ns = std::min(due_ns, lost_ns);
    return wake_ns == Admission::kNever ? 0 : std::max<std::int64_t>(1, wake_ns);
  }
  [[nodiscard]] bool spins() const override { return plan_.busy_poll; }
  [[nodiscard]] bool may_be_seated() const override { return plan_.follow; }
  void stopped() override { tell_rest(admission_, under_way_); }

 private:
  static constexpr std::uint32_t kMostOutstanding = 1024;

  struct Request {
    std::uint64_t number = 0;
    std::int64_t begun_ns = 0;  // when its latency began to count
    std::int64_t sent_ns = 0;
    bool under_way = false;
  };

  Request& at(std::uint64_t number) { return requests_[number & (requests_.size() - 1)]; }

  Step ask(std::int64_t begun_ns, std::int64_t now_ns) {
    // A lost one keeps its place until its time is up.
    do ++number_;
    while (at(number_).under_way);
    std::memcpy(buffer_.data(), &number_, tag_bytes_);
    at(number_) = {number_, begun_ns, now_ns, true};
    if (under_way_++ == 0) oldest_ns_ = now_ns;
    if (::send(fd(), buffer_.data(), plan_.request_bytes, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
      // Nobody listens any more, or did not yet: the answer is missed like any other.
      if (is_passing(errno) || errno == ECONNREFUSED) return Step::waits;
      return end(errno);
    }
    counters_.packets.store(counters_.packets.load(kRelaxed) + 1, kRelaxed);
    return Step::moved;
  }

  void await() {
    const std::int64_t now_ns = monotonic_ns();
    const std::int64_t wake = wake_ns();
    const std::int64_t until_ns = std::min(wake == 0 ? Admission::kNever : wake, now_ns + kStepLimitNs);
    const timespec timeout = {0, std::max<std::int64_t>(0, until_ns - now_ns)};
    pollfd polled = {fd(), POLLIN, 0};
    static_cast<void>(::ppoll(&polled, 1, &timeout, nullptr));
  }

  Step hear(bool may_wait) {
    const ssize_t got = ::recv(fd(), buffer_.data(), buffer_.size(), may_wait ? 0 : MSG_DONTWAIT);
    if (got < 0) return is_passing(errno) || errno == ECONNREFUSED ? Step::waits : end(errno);
    std::uint64_t tag = 0;
    if (got != static_cast<ssize_t>(plan_.response_bytes)) return Step::moved;
    std::memcpy(&tag, buffer_.data(), tag_bytes_);
    Request& request = at(tag);
    if (!request.under_way || std::memcmp(&request.number, &tag, tag_bytes_) != 0) return Step::moved;
    request.under_way = false;
    --under_way_;
    completed(request.begun_ns, monotonic_ns(), std::uint64_t{plan_.request_bytes} + plan_.response_bytes);
    return Step::moved;
  }

  bool give_up_lost() {
    if (under_way_ == 0) return false;
    const std::int64_t now_ns = monotonic_ns();
    if (now_ns - oldest_ns_ < kAnswerLimitNs) return false;
    std::int64_t oldest_ns = now_ns;
    std::uint64_t lost = 0;
    for (Request& request : requests_) {
      if (!request.under_way) continue;
      if (now_ns - request.sent_ns >= kAnswerLimitNs) {
        request.under_way = false;
        ++lost;
      } else {
        oldest_ns = std::min(oldest_ns, request.sent_ns);
      }
    }
    oldest_ns_ = oldest_ns;
    under_way_ -= lost;
    counters_.lost.fetch_add(lost, kRelaxed);
    return lost > 0;
  }

  DataPlan plan_;
  std::size_t tag_bytes_;
  std::uint32_t most_;
  Admission admission_;
  std::vector<Request> requests_;  // by number, a power of two of them
  std::vector<char> buffer_;
  std::uint64_t number_ = 0;
  std::uint64_t under_way_ = 0;
  std::int64_t oldest_ns_ = 0;  // no request under way was sent before
};

class UdpResponder final : public Transfer {
 public:
  UdpResponder(Fd fd, const DataPlan& plan)
      : Transfer(std::move(fd)),
        plan_(plan),
        buffer_(std::max(plan.request_bytes, plan.response_bytes) + 1, 'i') {}

  Step step(bool may_wait) override {
    const ssize_t got = ::recv(fd(), buffer_.data(), buffer_.size(), may_wait ? 0 : MSG_DONTWAIT);
    if (got < 0) return is_passing(errno) || errno == ECONNREFUSED ? Step::waits : end(errno);
    if (got != static_cast<ssize_t>(plan_.request_bytes)) return Step::moved;
    // What does not fit into the send buffer is lost, as on the wire: the client notices.
    if (::send(fd(), buffer_.data(), plan_.response_bytes, MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT)) < 0)
      return Step::moved;
    const std::uint64_t count = counters_.transactions.load(kRelaxed) + 1;
    counters_.transactions.store(count, kRelaxed);
    counters_.packets.store(count, kRelaxed);
    counters_.highest.store(count, kRelaxed);
    counters_.bytes.store(
        counters_.bytes.load(kRelaxed) + std::uint64_t{plan_.request_bytes} + plan_.response_bytes, kRelaxed);
    return Step::moved;
  }
  [[nodiscard]] bool is_sender() const override { return false; }
  [[nodiscard]] bool spins() const override { return plan_.busy_poll; }
  [[nodiscard]] bool may_be_seated() const override { return plan_.follow; }

 private:
  DataPlan plan_;
  std::vector<char> buffer_;
};

}  // namespace

std::unique_ptr<Transfer> make_udp_transactions(Fd fd, const DataPlan& plan) {
  if (plan.initiator) return std::make_unique<UdpInitiator>(std::move(fd), plan);
  return std::make_unique<UdpResponder>(std::move(fd), plan);
}

}  // namespace isotach::nettest

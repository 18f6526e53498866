#include "network/nettest/iperf2_transfer.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <ctime>

#include "base/clock.h"
#include "network/nettest/pacer.h"

namespace isotach::nettest {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
// Shorter distances than this cannot be waited for: datagrams then go out in groups.
constexpr double kShortestGapNs = 50'000;
// For how long the last datagram is answered again, should the answer be lost.
constexpr std::int64_t kLingerNs = kNanosecondsPerSecond;
constexpr std::int64_t kSilenceNs = 10 * kNanosecondsPerSecond;

std::int64_t wall_us() {
  return SystemClock().now().wall_ns / 1000;
}

class Iperf2Sender final : public Transfer {
 public:
  Iperf2Sender(Fd fd, const DataPlan& plan, const Iperf2Test& test, TransferControl& control)
      : Transfer(std::move(fd)), control_(control), buffer_(plan.length, '\0') {
    const std::string words = iperf2_test(test, true);
    buffer_.replace(kIperf2DatagramBytes, words.size(), words);
    buffer_.resize(plan.length);
    counters_.engine.store(SendEngine::send, std::memory_order_relaxed);
    if (plan.rate_bps == 0) return;
    const double gap_ns = static_cast<double>(plan.length) * 8e9 / static_cast<double>(plan.rate_bps);
    group_ = std::max(1, static_cast<int>(std::ceil(kShortestGapNs / gap_ns)));
    gap_ns_ = gap_ns * group_;
  }

  Step step(bool may_wait) override {
    if (gap_ns_ > 0 && !pacer_) pacer_.emplace(monotonic_ns(), gap_ns_);
    const auto size = static_cast<std::int64_t>(buffer_.size());
    const bool limited = control_.limited.load(kRelaxed);
    if (limited && control_.bytes_left.fetch_sub(size, kRelaxed) <= 0) return Step::ended;
    const std::string head = iperf2_datagram({static_cast<std::int64_t>(number_ + 1), wall_us()});
    std::copy(head.begin(), head.end(), buffer_.begin());
    if (::send(fd(), buffer_.data(), buffer_.size(), MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT)) < 0) {
      const int error = errno;
      if (limited) control_.bytes_left.fetch_add(size, kRelaxed);
      return error == EAGAIN || error == EINTR || error == ENOBUFS ? Step::waits : end(error);
    }
    ++number_;
    counters_.bytes.fetch_add(buffer_.size(), kRelaxed);
    counters_.packets.store(number_, kRelaxed);
    counters_.calls.fetch_add(1, kRelaxed);
    if (pacer_ && ++sent_of_group_ >= group_) {
      sent_of_group_ = 0;
      pacer_->sent(monotonic_ns());
      counters_.late.store(pacer_->late() * static_cast<std::uint64_t>(group_), kRelaxed);
      counters_.skipped.store(pacer_->skipped() * static_cast<std::uint64_t>(group_), kRelaxed);
    }
    return Step::moved;
  }

  [[nodiscard]] std::int64_t due_ns() const override {
    return pacer_ && sent_of_group_ == 0 ? pacer_->due_ns() : 0;
  }
  [[nodiscard]] bool is_sender() const override { return true; }
  [[nodiscard]] int pieces_a_burst() const override { return gap_ns_ > 0 ? group_ : 0; }

 private:
  TransferControl& control_;
  std::string buffer_;
  int group_ = 1;
  int sent_of_group_ = 0;
  double gap_ns_ = 0;
  std::uint64_t number_ = 0;
  std::optional<Pacer> pacer_;
};

class Iperf2Receiver final : public Transfer {
 public:
  Iperf2Receiver(Fd fd, std::vector<EarlyDatagram> early)
      : Transfer(std::move(fd)), early_(std::move(early)), heard_ns_(monotonic_ns()) {
    kernel::tell_type_of_service(fd_.get(), kernel::local_address(fd_.get()).is_v6());
  }

  Step step(bool may_wait) override {
    for (const EarlyDatagram& datagram : early_) take(datagram.head, datagram.bytes, datagram.arrived_ns);
    early_.clear();
    std::array<char, kLargestUdpLength> buffer;
    const ssize_t got = ::recv(fd(), buffer.data(), buffer.size(), may_wait ? 0 : MSG_DONTWAIT);
    const int error = errno;
    const std::int64_t now_ns = monotonic_ns();
    if (got >= 0) {
      const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
      if (const auto head = read_iperf2_datagram(bytes)) take(*head, bytes.size(), now_ns);
      return Step::moved;
    }
    if (ended_ns_ != 0 && now_ns - ended_ns_ > kLingerNs) return end(0);
    if (now_ns - heard_ns_ > kSilenceNs) return end(ETIMEDOUT);
    return error == EAGAIN || error == EINTR || error == ECONNREFUSED ? Step::waits : end(error);
  }

  [[nodiscard]] bool is_sender() const override { return false; }

 private:
  void take(const Iperf2Datagram& head, std::size_t bytes, std::int64_t now_ns) {
    heard_ns_ = now_ns;
    if (first_ns_ == 0) first_ns_ = now_ns;
    const bool last = head.number < 0;
    if (last && ended_ns_ != 0) {
      answer();
      return;
    }
    const std::uint64_t before = arrivals_.received();
    arrivals_.add({head.sent_us, head.magnitude()}, now_ns / 1000);
    if (arrivals_.received() != before) bytes_ += bytes;
    publish(now_ns);
    if (!last) return;
    ended_ns_ = now_ns;
    answer();
  }

  void answer() {
    Iperf2Report report;
    report.bytes = bytes_;
    report.datagrams = arrivals_.highest();
    report.lost = arrivals_.lost();
    report.out_of_order = arrivals_.out_of_order();
    report.time_us = (ended_ns_ - first_ns_) / 1000;
    report.jitter_us = static_cast<std::int64_t>(arrivals_.jitter_us());
    const std::string text = iperf2_report(report);
    static_cast<void>(::send(fd(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  }

  void publish(std::int64_t now_ns) {
    counters_.bytes.store(bytes_, kRelaxed);
    counters_.packets.store(arrivals_.received(), kRelaxed);
    counters_.calls.store(arrivals_.received(), kRelaxed);
    counters_.highest.store(arrivals_.highest(), kRelaxed);
    counters_.lost.store(arrivals_.lost(), kRelaxed);
    counters_.out_of_order.store(arrivals_.out_of_order(), kRelaxed);
    counters_.duplicates.store(arrivals_.duplicates(), kRelaxed);
    counters_.jitter_ns.store(static_cast<std::uint64_t>(arrivals_.jitter_us() * 1000), kRelaxed);
    counters_.last_ns.store(now_ns, kRelaxed);
  }

  std::vector<EarlyDatagram> early_;
  Arrivals arrivals_;
  std::uint64_t bytes_ = 0;
  std::int64_t first_ns_ = 0;
  std::int64_t heard_ns_ = 0;
  std::int64_t ended_ns_ = 0;
};

}  // namespace

std::unique_ptr<Transfer> make_iperf2_sender(Fd fd, const DataPlan& plan, const Iperf2Test& test,
                                             TransferControl& control) {
  return std::make_unique<Iperf2Sender>(std::move(fd), plan, test, control);
}

std::unique_ptr<Transfer> make_iperf2_receiver(Fd fd, std::vector<EarlyDatagram> early) {
  return std::make_unique<Iperf2Receiver>(std::move(fd), std::move(early));
}

}  // namespace isotach::nettest

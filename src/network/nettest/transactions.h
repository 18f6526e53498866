// What all ends of transactions share. Requests and answers have a size that both ends know, and no content.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

#include "base/histogram.h"
#include "network/nettest/admission.h"
#include "network/nettest/transfer.h"

namespace isotach::nettest {

inline constexpr std::size_t kTransactionBufferBytes = std::size_t{128} * 1024;
// A request that has no answer by then is lost.
inline constexpr std::int64_t kAnswerLimitNs = 1'000'000'000;

// The end that asks.
class Initiator : public Transfer {
 public:
  [[nodiscard]] bool is_sender() const override { return true; }
  [[nodiscard]] std::uint64_t unanswered() const override { return unanswered_; }
  void count_with(TransferControl& control) override { control_ = &control; }
  [[nodiscard]] const Histogram* latency() const override { return &latency_; }

 protected:
  explicit Initiator(Fd fd) : Transfer(std::move(fd)) {}

  void completed(std::int64_t begun_ns, std::int64_t now_ns, std::uint64_t bytes) {
    const auto took_ns = static_cast<std::uint64_t>(now_ns - begun_ns);
    latency_.add(took_ns);
    constexpr auto kRelaxed = std::memory_order_relaxed;
    // This thread alone writes: a load and a store are cheaper than an atomic addition.
    const auto add = [](std::atomic<std::uint64_t>& counter, std::uint64_t growth) {
      counter.store(counter.load(kRelaxed) + growth, kRelaxed);
    };
    add(counters_.transactions, 1);
    add(counters_.latency_sum_ns, took_ns);
    add(counters_.bytes, bytes);
    counters_.last_ns.store(now_ns, kRelaxed);
    if (control_ == nullptr || !control_->limited.load(kRelaxed)) return;
    if (control_->transactions_left.fetch_sub(1, kRelaxed) == 1) control_->stop_sending.store(true, kRelaxed);
  }

  // At the end: what was due and not sent, and what waits for an answer that nobody hears any more.
  void tell_rest(const Admission& admission, std::uint64_t under_way) {
    counters_.skipped.store(admission.owed(monotonic_ns()), std::memory_order_relaxed);
    unanswered_ = under_way;
  }

 private:
  TransferControl* control_ = nullptr;
  std::uint64_t unanswered_ = 0;
  Histogram latency_;
};

[[nodiscard]] constexpr bool is_passing(int error) {
  return error == EAGAIN || error == EINTR || error == ENOBUFS;
}

[[nodiscard]] std::unique_ptr<Transfer> make_tcp_transactions(Fd fd, const DataPlan& plan);
[[nodiscard]] std::unique_ptr<Transfer> make_udp_transactions(Fd fd, const DataPlan& plan);
// Those that have a connection each; `fd` is the stream that stays.
[[nodiscard]] std::unique_ptr<Transfer> make_connect_transactions(Fd fd, const DataPlan& plan);

}  // namespace isotach::nettest

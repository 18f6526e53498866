#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/clock.h"
#include "network/nettest/pacer.h"
#include "network/nettest/transfer.h"

namespace isotach::nettest {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// A paced stream goes out in pieces of a millisecond, not in whole buffers: 128 KiB are 10 ms of 100 Mbit/s.
constexpr std::uint64_t kPiecesPerSecond = 1000;
constexpr std::uint64_t kSmallestPiece = 1448;
// One warm buffer costs the receiver half of what a ring of cold ones does.
constexpr std::size_t kReceiveBytes = 256 * 1024;

class TcpSender final : public Transfer {
 public:
  TcpSender(Fd fd, const DataPlan& plan, TransferControl& control)
      : Transfer(std::move(fd)), control_(control), buffer_(plan.length), piece_(plan.length) {
    // Whoever compresses on the way would measure itself with zeros.
    std::uint32_t state = 0x9e3779b9;
    for (char& byte : buffer_) {
      state = state * 1664525 + 1013904223;
      byte = static_cast<char>(state >> 24);
    }
    if (plan.rate_bps == 0) return;
    if (plan.burst > 0) {
      pieces_a_burst_ = plan.burst;
    } else {
      const std::uint64_t even = plan.rate_bps / 8 / kPiecesPerSecond;
      piece_ = std::min<std::uint64_t>(plan.length, std::max(even, kSmallestPiece));
    }
    gap_ns_ = static_cast<double>(piece_) * pieces_a_burst_ * 8e9 / static_cast<double>(plan.rate_bps);
  }

  Step step(bool may_wait) override {
    if (gap_ns_ > 0 && !pacer_) pacer_.emplace(monotonic_ns(), gap_ns_);
    const std::size_t wanted = offset_ > 0 ? piece_ - offset_ : piece_;
    std::size_t size = wanted;
    if (control_.limited.load(kRelaxed)) {
      const std::int64_t left = control_.bytes_left.fetch_sub(static_cast<std::int64_t>(wanted), kRelaxed);
      if (left <= 0) return Step::ended;
      size = std::min(size, static_cast<std::size_t>(left));
    }
    const ssize_t sent =
        ::send(fd(), buffer_.data() + offset_, size, MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT));
    const int error = errno;
    const std::size_t moved = sent > 0 ? static_cast<std::size_t>(sent) : 0;
    // What was reserved and did not go out goes back, to be sent by whoever comes first.
    if (control_.limited.load(kRelaxed) && moved < wanted)
      control_.bytes_left.fetch_add(static_cast<std::int64_t>(wanted - moved), kRelaxed);
    if (sent < 0) return error == EAGAIN || error == EINTR ? Step::waits : end(error);
    counters_.bytes.fetch_add(moved, kRelaxed);
    counters_.calls.fetch_add(1, kRelaxed);
    if (pacer_) pace(moved);
    return Step::moved;
  }

  [[nodiscard]] std::int64_t due_ns() const override {
    return pacer_ && offset_ == 0 && sent_of_burst_ == 0 ? pacer_->due_ns() : 0;
  }
  [[nodiscard]] bool is_sender() const override { return true; }
  [[nodiscard]] int pieces_a_burst() const override { return gap_ns_ > 0 ? pieces_a_burst_ : 0; }

 private:
  // A piece that went out in part is completed before the next is due.
  void pace(std::size_t moved) {
    offset_ += moved;
    if (offset_ < piece_) return;
    offset_ = 0;
    if (++sent_of_burst_ < pieces_a_burst_) return;
    sent_of_burst_ = 0;
    pacer_->sent(monotonic_ns());
    counters_.late.store(pacer_->late(), kRelaxed);
    counters_.skipped.store(pacer_->skipped(), kRelaxed);
  }

  TransferControl& control_;
  std::vector<char> buffer_;
  std::size_t piece_;
  std::size_t offset_ = 0;  // of a paced piece
  int pieces_a_burst_ = 1;
  int sent_of_burst_ = 0;
  double gap_ns_ = 0;
  std::optional<Pacer> pacer_;
};

class TcpReceiver final : public Transfer {
 public:
  TcpReceiver(Fd fd, const DataPlan& plan)
      : Transfer(std::move(fd)), buffer_(std::max<std::size_t>(plan.length, kReceiveBytes)) {}

  Step step(bool may_wait) override {
    const ssize_t got = ::recv(fd(), buffer_.data(), buffer_.size(), may_wait ? 0 : MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR ? Step::waits : end(errno);
    if (got == 0) return end(0);
    counters_.bytes.fetch_add(static_cast<std::uint64_t>(got), kRelaxed);
    counters_.calls.fetch_add(1, kRelaxed);
    counters_.last_ns.store(monotonic_ns(), kRelaxed);
    return Step::moved;
  }

  [[nodiscard]] bool is_sender() const override { return false; }

 private:
  std::vector<char> buffer_;
};

}  // namespace

std::int64_t monotonic_ns() {
  return SystemClock().now().monotonic_ns;
}

Step Transfer::end(int errno_value) {
  counters_.error.store(errno_value, kRelaxed);
  counters_.ended.store(true, std::memory_order_release);
  return Step::ended;
}

std::unique_ptr<Transfer> make_tcp_sender(Fd fd, const DataPlan& plan, TransferControl& control) {
  return std::make_unique<TcpSender>(std::move(fd), plan, control);
}

std::unique_ptr<Transfer> make_tcp_receiver(Fd fd, const DataPlan& plan) {
  return std::make_unique<TcpReceiver>(std::move(fd), plan);
}

}  // namespace isotach::nettest

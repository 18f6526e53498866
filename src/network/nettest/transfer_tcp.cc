#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/clock.h"
#include "kernel/socket.h"
#include "network/nettest/pacer.h"
#include "network/nettest/receive_memory.h"
#include "network/nettest/short_queue.h"
#include "network/nettest/transfer.h"

namespace isotach::nettest {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// A paced stream goes out in pieces of a millisecond, not in whole buffers: 128 KiB are 10 ms of 100 Mbit/s.
constexpr std::uint64_t kPiecesPerSecond = 1000;
constexpr std::uint64_t kSmallestPiece = 1448;
// The kernel spaces the segments of a paced stream at this much of its rate: what a late thread hands over at
// once does not leave as a burst.
constexpr double kSpacing = 4.0 / 3;
// One warm buffer costs the receiver half of what a ring of cold ones does; one for all streams of a thread.
constexpr std::size_t kReceiveBytes = std::size_t{256} * 1024;
// Below it two calls for each piece cost more than the copy that they save.
constexpr std::uint32_t kSmallestSplice = 32 * 1024;
constexpr std::size_t kPageBytes = 4096;
// What a receiver waits for at most before it is woken, as time and in bytes.
constexpr std::int64_t kGatherNs = 2'000'000;
constexpr std::uint64_t kGatherCalls = 64;

SendEngine engine_of(const DataPlan& plan) {
  if (plan.engine != SendEngine::automatic) return plan.engine;
  return plan.rate_bps == 0 && plan.length >= kSmallestSplice ? SendEngine::splice : SendEngine::send;
}

std::size_t pages(std::size_t bytes) {
  return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

class TcpSender final : public Transfer {
 public:
  TcpSender(Fd fd, const DataPlan& plan, TransferControl& control)
      : Transfer(std::move(fd)),
        control_(control),
        kind_(engine_of(plan)),
        falls_back_(plan.engine == SendEngine::automatic),
        length_(plan.length),
        piece_(length_ * buffers_a_call(kind_)),
        stride_(pages(piece_)),
        ring_bytes_(std::min(stride_ * std::max<std::size_t>(1, plan.cold_buffers), Payload::kLargest)) {
    if (plan.rate_bps == 0) return;
    if (plan.burst > 0) {
      pieces_a_burst_ = plan.burst;
    } else {
      const std::uint64_t even = plan.rate_bps / 8 / kPiecesPerSecond;
      piece_ = std::min<std::uint64_t>(piece_, std::max(even, kSmallestPiece));
    }
    gap_ns_ = static_cast<double>(piece_) * pieces_a_burst_ * 8e9 / static_cast<double>(plan.rate_bps);
  }

  Step step(bool may_wait) override {
    if (engine_ == nullptr && !begin()) return end(errno);
    if (gap_ns_ > 0 && !pacer_) pacer_.emplace(monotonic_ns(), gap_ns_, catch_up_);
    std::size_t wanted = offset_ > 0 ? piece_ - offset_ : piece_;
    if (queue_) wanted = queue_->piece_of(wanted);
    std::size_t size = wanted;
    if (control_.limited.load(kRelaxed)) {
      const std::int64_t left = control_.bytes_left.fetch_sub(static_cast<std::int64_t>(wanted), kRelaxed);
      if (left <= 0) return Step::ended;
      size = std::min(size, static_cast<std::size_t>(left));
    }
    const ssize_t sent = engine_->send(place_ + offset_, size, may_wait);
    const int error = errno;
    const std::size_t moved = sent > 0 ? static_cast<std::size_t>(sent) : 0;
    // What was reserved and did not go out goes back, to be sent by whoever comes first.
    if (control_.limited.load(kRelaxed) && moved < wanted)
      control_.bytes_left.fetch_add(static_cast<std::int64_t>(wanted - moved), kRelaxed);
    if (sent < 0) return error == EAGAIN || error == EINTR ? Step::waits : end(error);
    counters_.bytes.fetch_add(moved, kRelaxed);
    counters_.calls.fetch_add(1, kRelaxed);
    if (pacer_) pace(moved);
    if (queue_) queue_->sent(moved);
    // The next buffer of the ring, which is one buffer where nothing was said of cold ones.
    if (offset_ == 0 && (place_ += stride_) + stride_ > ring_bytes_) place_ = 0;
    return Step::moved;
  }

  [[nodiscard]] std::int64_t due_ns() const override {
    return pacer_ && offset_ == 0 && sent_of_burst_ == 0 ? pacer_->due_ns() : 0;
  }
  [[nodiscard]] bool is_sender() const override { return true; }
  [[nodiscard]] int pieces_a_burst() const override { return gap_ns_ > 0 ? pieces_a_burst_ : 0; }
  [[nodiscard]] const Engine* engine() const override { return engine_.get(); }

 private:
  bool begin() {
    if (Payload::with(ring_bytes_) == nullptr) return false;
    engine_ = make_engine(kind_, fd(), length_);
    if (engine_ == nullptr && falls_back_) engine_ = make_engine(SendEngine::send, fd(), length_);
    if (engine_ == nullptr) return false;
    counters_.engine.store(engine_->kind(), kRelaxed);
    if (gap_ns_ == 0 && engine_->kind() != SendEngine::uring) queue_.emplace(fd());
    if (gap_ns_ > 0 && pieces_a_burst_ == 1 &&
        kernel::lower_max_pacing_rate(fd(), static_cast<std::uint64_t>(bytes_per_second() * kSpacing)))
      catch_up_ = Pacer::CatchUp::at_once;
    return true;
  }

  [[nodiscard]] double bytes_per_second() const {
    return static_cast<double>(piece_) * pieces_a_burst_ * 1e9 / gap_ns_;
  }

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
  SendEngine kind_;
  bool falls_back_;  // to send(2), where the kernel lacks it
  std::size_t length_;
  std::unique_ptr<Engine> engine_;
  std::size_t piece_;
  std::size_t stride_;      // from one buffer of the ring to the next
  std::size_t ring_bytes_;  // of all
  std::size_t place_ = 0;   // of the buffer that is sent
  std::size_t offset_ = 0;  // of a paced piece
  int pieces_a_burst_ = 1;
  int sent_of_burst_ = 0;
  double gap_ns_ = 0;
  std::optional<Pacer> pacer_;
  Pacer::CatchUp catch_up_ = Pacer::CatchUp::evenly;
  std::optional<ShortQueue> queue_;
};

class TcpReceiver final : public Transfer {
 public:
  TcpReceiver(Fd fd, const DataPlan& plan)
      : Transfer(std::move(fd)),
        size_(std::max<std::size_t>(plan.length, kReceiveBytes)),
        ring_bytes_(size_ * std::clamp<std::size_t>(plan.cold_buffers, 1, kLargestRing / size_)),
        flags_(plan.discard ? MSG_TRUNC : 0) {}

  Step step(bool may_wait) override {
    // With MSG_TRUNC the kernel throws away what it would copy.
    char* memory = ReceiveMemory::of_thread(ring_bytes_);
    if (memory == nullptr) return end(errno);
    const ssize_t got = ::recv(fd(), memory + place_, size_, flags_ | (may_wait ? 0 : MSG_DONTWAIT));
    if (got < 0) return errno == EAGAIN || errno == EINTR ? Step::waits : end(errno);
    if (got == 0) return end(0);
    if ((place_ += size_) >= ring_bytes_) place_ = 0;
    const std::int64_t now_ns = monotonic_ns();
    counters_.bytes.fetch_add(static_cast<std::uint64_t>(got), kRelaxed);
    counters_.calls.fetch_add(1, kRelaxed);
    counters_.last_ns.store(now_ns, kRelaxed);
    gather(static_cast<std::uint64_t>(got), now_ns);
    return Step::moved;
  }

  [[nodiscard]] bool is_sender() const override { return false; }
  [[nodiscard]] std::string_view moved_by() const override {
    return (flags_ & MSG_TRUNC) != 0 ? kDiscarded : kReceivedByCopy;
  }

 private:
  static constexpr std::size_t kLargestRing = std::size_t{16} * 1024 * 1024;

  // A fast stream would wake the thread for every segment: it sleeps until a buffer is full, but no longer
  // than two milliseconds' worth of the rate that there is.
  void gather(std::uint64_t got, std::int64_t now_ns) {
    gathered_ += got;
    if (++calls_ < kGatherCalls) return;
    const std::int64_t took_ns = std::max<std::int64_t>(1, now_ns - gathered_from_ns_);
    const double bytes =
        static_cast<double>(gathered_) * static_cast<double>(kGatherNs) / static_cast<double>(took_ns);
    const int wanted = gathered_from_ns_ == 0 || bytes < kSmallestGather
                           ? 1
                           : static_cast<int>(std::min(bytes, static_cast<double>(size_)));
    // The kernel moves its buffer's size with it: small changes are not worth a call.
    if (wanted > 2 * low_water_ || 2 * wanted < low_water_) {
      low_water_ = wanted;
      ::setsockopt(fd(), SOL_SOCKET, SO_RCVLOWAT, &low_water_, sizeof low_water_);
    }
    gathered_from_ns_ = now_ns;
    gathered_ = 0;
    calls_ = 0;
  }
  static constexpr double kSmallestGather = 64 * 1024;

  std::size_t size_;
  std::size_t ring_bytes_;
  std::size_t place_ = 0;
  int flags_;
  int low_water_ = 1;
  std::uint64_t calls_ = 0;
  std::uint64_t gathered_ = 0;
  std::int64_t gathered_from_ns_ = 0;
};

}  // namespace

std::int64_t monotonic_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * kNanosecondsPerSecond + time.tv_nsec;
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

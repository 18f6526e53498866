#include "network/nettest/exchange_ring.h"

#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "kernel/uring.h"
#include "kernel/uring_buffers.h"

namespace isotach::nettest {
namespace {

// How late at most the end of the test is noticed.
constexpr std::int64_t kLookUpNs = 20'000'000;
// Larger messages come in pieces.
constexpr std::size_t kLargestBufferBytes = std::size_t{16} * 1024;
// A line of the cache for each, so that neighbours do not wait for each other.
constexpr std::size_t kSmallestBufferBytes = 64;
// So often a flow asks for the result of what it says. Whoever hears its answers has at most one under way,
// and is through with this one long before the next of this kind.
constexpr std::uint32_t kSendsAMark = 64;

// What a result is of; below it stands the number of its flow.
enum class Call : std::uint8_t { receive, send, mark, cancel };

constexpr std::uint64_t tag(Call call, std::size_t flow) {
  return std::uint64_t{flow} << 8 | static_cast<std::uint8_t>(call);
}

// Whether results come so quickly that it is worth to wait for several: who takes each as it comes has the
// other end wake it for each, and gets in its way.
class Gathering {
 public:
  // Of waiting for several.
  static constexpr std::int64_t kLimitNs = 50'000;

  [[nodiscard]] bool is_worth() const { return apart_ns_ < kApartNs; }
  void took(unsigned count, std::int64_t now_ns) {
    const std::int64_t apart_ns = (now_ns - took_ns_) / std::max(1U, count);
    took_ns_ = now_ns;
    // Many that came at once count for more than a few.
    apart_ns_ = count >= kMany ? (apart_ns_ + apart_ns) / 2 : (7 * apart_ns_ + apart_ns) / 8;
  }

 private:
  static constexpr std::int64_t kApartNs = 8'000;
  static constexpr unsigned kMany = 8;

  std::int64_t apart_ns_ = 1'000'000;
  std::int64_t took_ns_ = monotonic_ns();
};

class Ring {
 public:
  Ring(kernel::Uring ring, kernel::UringBuffers buffers, const std::vector<Transfer*>& transfers,
       const std::vector<Exchange>& exchanges, const std::function<bool(const Transfer&)>& is_over,
       const std::function<void(Transfer&)>& ended)
      : buffers_(std::move(buffers)), ring_(std::move(ring)), is_over_(is_over), ended_(ended) {
    for (std::size_t i = 0; i < transfers.size(); ++i) flows_.push_back({transfers[i], exchanges[i]});
  }

  void run() {
    for (std::size_t i = 0; i < flows_.size(); ++i) {
      listen(i);
      if (flows_[i].exchange.speaks_first) say(i);
    }
    while (listening_ > 0) {
      const bool gathers = gathering_.is_worth();
      const unsigned wanted = gathers ? std::max<unsigned>(1, static_cast<unsigned>(listening_) / 4) : 1;
      if (ring_.enter(wanted, gathers ? Gathering::kLimitNs : kLookUpNs) != 0) break;
      const unsigned count =
          ring_.take([this](std::uint64_t which, int result, unsigned flags) { take(which, result, flags); });
      gathering_.took(count, monotonic_ns());
      if (count == 0 && !gathers) look_up();
    }
    for (std::size_t i = 0; i < flows_.size(); ++i) end(i);
  }

 private:
  struct Flow {
    Transfer* transfer;
    Exchange exchange;
    std::uint32_t have_bytes = 0;  // of the message that comes
    std::uint32_t sends = 0;       // since the last mark
    bool marked = false;           // its result has not come yet
    bool listens = false;
    bool ended = false;
  };

  io_uring_sqe* queue(std::size_t index, Call call, unsigned char operation) {
    io_uring_sqe* entry = ring_.next();
    if (entry == nullptr && ring_.enter(0, 0) == 0) entry = ring_.next();
    if (entry == nullptr) return nullptr;
    entry->opcode = operation;
    entry->fd = static_cast<int>(index);
    entry->flags = IOSQE_FIXED_FILE;
    entry->user_data = tag(call, index);
    return entry;
  }

  // One call for all that ever comes.
  void listen(std::size_t index) {
    io_uring_sqe* entry = queue(index, Call::receive, IORING_OP_RECV);
    if (entry == nullptr) return end(index);
    entry->ioprio = IORING_RECV_MULTISHOT | IORING_RECVSEND_POLL_FIRST;
    entry->flags |= IOSQE_BUFFER_SELECT;
    flows_[index].listens = true;
    ++listening_;
  }

  void say(std::size_t index) {
    Flow& flow = flows_[index];
    const bool mark = ++flow.sends >= kSendsAMark;
    // Who asks and does not take the answers would fill the kernel with them.
    if (mark && flow.marked) return fail(index, -EPROTO);
    io_uring_sqe* entry = queue(index, mark ? Call::mark : Call::send, IORING_OP_SEND);
    if (entry == nullptr) return end(index);
    entry->addr = reinterpret_cast<std::uint64_t>(flow.exchange.out);
    entry->len = flow.exchange.out_bytes;
    entry->msg_flags = MSG_WAITALL | MSG_NOSIGNAL;
    if (!mark) entry->flags |= IOSQE_CQE_SKIP_SUCCESS;  // only its failure is told
    if (mark) flow.sends = 0;
    if (mark) flow.marked = true;
    flow.transfer->said();
  }

  void take(std::uint64_t which, int result, unsigned flags) {
    const std::size_t index = which >> 8;
    const Call call = static_cast<Call>(which & 0xff);
    if (call == Call::receive) return receive(index, result, flags);
    if (call == Call::mark) flows_[index].marked = false;
    if (call != Call::cancel && result < static_cast<int>(flows_[index].exchange.out_bytes))
      fail(index, result);
  }

  void receive(std::size_t index, int result, unsigned flags) {
    Flow& flow = flows_[index];
    if ((flags & IORING_CQE_F_BUFFER) != 0) buffers_.take_back(flags);
    if ((flags & IORING_CQE_F_MORE) == 0) {
      flow.listens = false;
      --listening_;
    }
    if (flow.ended) return;
    if (result <= 0 && result != -ENOBUFS) return fail(index, result);
    if (result > 0) hear(index, static_cast<std::uint32_t>(result));
    if (!flow.listens && !flow.ended) listen(index);
  }

  void hear(std::size_t index, std::uint32_t bytes) {
    Flow& flow = flows_[index];
    for (flow.have_bytes += bytes; flow.have_bytes >= flow.exchange.in_bytes && !flow.ended;) {
      flow.have_bytes -= flow.exchange.in_bytes;
      flow.transfer->heard();
      if (is_over_(*flow.transfer)) return end(index);
      say(index);
    }
  }

  // A peer that has closed gives 0 or what was left; -ECANCELED says only that we wanted no more.
  void fail(std::size_t index, int result) {
    if (!flows_[index].ended && result != -ECANCELED) flows_[index].transfer->fail(result < 0 ? -result : 0);
    end(index);
  }

  void end(std::size_t index) {
    Flow& flow = flows_[index];
    if (!flow.ended) ended_(*flow.transfer);
    flow.ended = true;
    if (flow.listens) give_up(index);
  }

  // With what it could not say yet: that lies in memory of the transfer.
  void give_up(std::size_t index) {
    io_uring_sqe* entry = queue(index, Call::cancel, IORING_OP_ASYNC_CANCEL);
    if (entry == nullptr) return;
    entry->flags = 0;
    entry->cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_FD_FIXED | IORING_ASYNC_CANCEL_ALL;
  }

  // Of those that are over and hear nothing: their buffers are the kernel's until it says that it has
  // stopped.
  void look_up() {
    for (std::size_t i = 0; i < flows_.size(); ++i)
      if (flows_[i].listens && (flows_[i].ended || is_over_(*flows_[i].transfer))) end(i);
  }

  kernel::UringBuffers buffers_;
  kernel::Uring ring_;
  const std::function<bool(const Transfer&)>& is_over_;
  const std::function<void(Transfer&)>& ended_;
  std::vector<Flow> flows_;
  Gathering gathering_;
  std::size_t listening_ = 0;  // flows
};

}  // namespace

bool run_by_ring(const std::vector<Transfer*>& transfers, const std::function<bool(const Transfer&)>& is_over,
                 const std::function<void(Transfer&)>& ended) {
  std::vector<Exchange> exchanges;
  std::vector<int> descriptors;
  std::size_t bytes = kSmallestBufferBytes;
  for (Transfer* transfer : transfers) {
    const auto exchange = transfer->exchange();
    if (!exchange) return false;
    bytes = std::max<std::size_t>(bytes, exchange->in_bytes);
    exchanges.push_back(*exchange);
    descriptors.push_back(transfer->fd());
  }
  const auto count = std::bit_ceil(static_cast<unsigned>(std::max<std::size_t>(8, 2 * transfers.size())));
  auto ring = kernel::Uring::create(count);
  if (!ring || ring->register_files(descriptors) != 0) return false;
  auto buffers = kernel::UringBuffers::lend(*ring, count, std::min(bytes, kLargestBufferBytes));
  if (!buffers) return false;
  Ring(std::move(*ring), std::move(*buffers), transfers, exchanges, is_over, ended).run();
  return true;
}

}  // namespace isotach::nettest

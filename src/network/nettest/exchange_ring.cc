#include "network/nettest/exchange_ring.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "kernel/uring.h"

namespace isotach::nettest {
namespace {

// How late at most the end of the test is noticed.
constexpr std::int64_t kLookUpNs = 20'000'000;
constexpr std::uint64_t kCancel = ~std::uint64_t{0};

class Ring {
 public:
  Ring(kernel::Uring ring, const std::vector<Transfer*>& transfers, std::vector<Exchange> exchanges,
       const std::function<bool(const Transfer&)>& is_over, const std::function<void(Transfer&)>& ended)
      : ring_(std::move(ring)), is_over_(is_over), ended_(ended) {
    for (std::size_t i = 0; i < transfers.size(); ++i) flows_.push_back({transfers[i], exchanges[i]});
  }

  void run() {
    for (std::size_t i = 0; i < flows_.size(); ++i) {
      if (flows_[i].exchange.speaks_first) {
        say_and_hear(i);
      } else {
        hear(i);
      }
    }
    while (left_ > 0) {
      if (ring_.enter(1, kLookUpNs) != 0) break;
      const unsigned count =
          ring_.take([this](std::uint64_t which, int result, unsigned) { take(which, result); });
      if (count == 0) look_up();
    }
    for (std::size_t i = 0; i < flows_.size(); ++i) end(i);
  }

 private:
  struct Flow {
    Transfer* transfer;
    Exchange exchange;
    bool waits = false;  // for the result of a call
    bool ended = false;
  };

  io_uring_sqe* next() {
    io_uring_sqe* entry = ring_.next();
    if (entry == nullptr && ring_.enter(0, 0) == 0) entry = ring_.next();
    return entry;
  }

  io_uring_sqe* queue(std::size_t index, unsigned char operation, const char* bytes, std::uint32_t size) {
    io_uring_sqe* entry = next();
    if (entry == nullptr) return nullptr;
    entry->opcode = operation;
    entry->fd = flows_[index].transfer->fd();
    entry->addr = reinterpret_cast<std::uint64_t>(bytes);
    entry->len = size;
    entry->msg_flags = MSG_WAITALL | MSG_NOSIGNAL;
    entry->user_data = index << 1;
    return entry;
  }

  void hear(std::size_t index) {
    Flow& flow = flows_[index];
    if (queue(index, IORING_OP_RECV, flow.exchange.in, flow.exchange.in_bytes) == nullptr) return end(index);
    if (!flow.waits) ++left_;
    flow.waits = true;
  }

  void say_and_hear(std::size_t index) {
    Flow& flow = flows_[index];
    io_uring_sqe* entry = queue(index, IORING_OP_SEND, flow.exchange.out, flow.exchange.out_bytes);
    if (entry == nullptr) return end(index);
    // Only its failure is told; then the call behind it is given up.
    entry->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    entry->user_data = index << 1 | 1;
    flow.transfer->said();
    hear(index);
  }

  void take(std::uint64_t which, int result) {
    if (which == kCancel || (which & 1) != 0) {
      if (which != kCancel) fail(which >> 1, result);
      return;
    }
    Flow& flow = flows_[which >> 1];
    flow.waits = false;
    --left_;
    if (result == static_cast<int>(flow.exchange.in_bytes)) flow.transfer->heard();
    if (result < static_cast<int>(flow.exchange.in_bytes)) {
      fail(which >> 1, result);
    } else if (is_over_(*flow.transfer)) {
      end(which >> 1);
    } else {
      say_and_hear(which >> 1);
    }
  }

  // A peer that has closed gives 0 or what was left; -ECANCELED says only that we wanted no more.
  void fail(std::size_t index, int result) {
    if (!flows_[index].ended && result != -ECANCELED) flows_[index].transfer->fail(result < 0 ? -result : 0);
    end(index);
  }

  void end(std::size_t index) {
    if (flows_[index].ended) return;
    flows_[index].ended = true;
    ended_(*flows_[index].transfer);
  }

  // Calls of those that are over are taken back, and their buffers are the kernel's until it says so.
  void look_up() {
    for (std::size_t i = 0; i < flows_.size(); ++i) {
      if (!flows_[i].waits || !is_over_(*flows_[i].transfer)) continue;
      io_uring_sqe* entry = next();
      if (entry == nullptr) return;
      entry->opcode = IORING_OP_ASYNC_CANCEL;
      entry->addr = i << 1;
      entry->user_data = kCancel;
    }
  }

  kernel::Uring ring_;
  const std::function<bool(const Transfer&)>& is_over_;
  const std::function<void(Transfer&)>& ended_;
  std::vector<Flow> flows_;
  std::size_t left_ = 0;  // flows that wait
};

}  // namespace

bool run_by_ring(const std::vector<Transfer*>& transfers, const std::function<bool(const Transfer&)>& is_over,
                 const std::function<void(Transfer&)>& ended) {
  std::vector<Exchange> exchanges;
  for (Transfer* transfer : transfers) {
    const auto exchange = transfer->exchange();
    if (!exchange) return false;
    exchanges.push_back(*exchange);
  }
  auto ring = kernel::Uring::create(static_cast<unsigned>(std::max<std::size_t>(8, 2 * transfers.size())));
  if (!ring) return false;
  Ring(std::move(*ring), transfers, std::move(exchanges), is_over, ended).run();
  return true;
}

}  // namespace isotach::nettest

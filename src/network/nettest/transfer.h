// What moves the data of one stream: the data plane of a test.
//
// A Transfer belongs to one worker thread (worker.h), which calls step(). Only its counters are shared:
// written by the worker, read by whoever reports, each on its own and without order between them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/histogram.h"
#include "kernel/socket.h"
#include "network/nettest/datagram_timing.h"
#include "network/nettest/engine.h"
#include "network/nettest/parameters.h"
#include "network/nettest/protocol.h"

namespace isotach::nettest {

// What all streams of a test have in common.
struct DataPlan {
  bool udp = false;
  std::uint32_t length = kDefaultTcpLength;
  std::uint64_t rate_bps = 0;
  int burst = 0;
  bool counters_64 = true;
  bool segment_offload = true;  // many datagrams in one call, where path and kernel allow
  Transaction transaction = Transaction::none;
  std::uint32_t outstanding = 1;       // transactions under way at a time
  std::uint32_t transaction_rate = 0;  // a second, whatever comes back; 0: as fast as answers come
  bool busy_poll = false;
  bool follow = false;     // the thread may stay where its packets come in (seat.h)
  bool initiator = false;  // of transactions
  std::uint32_t request_bytes = 1;
  std::uint32_t response_bytes = 1;
  // Of those that connect.
  kernel::SocketAddress server;
  Cookie cookie{};
  // Of TCP streams.
  SendEngine engine = SendEngine::automatic;
  bool discard = false;            // what arrives is thrown away by the kernel, not copied
  std::uint32_t cold_buffers = 0;  // sent and received in turn
};

// What stops the transfers of a test.
struct TransferControl {
  std::atomic<bool> stop_sending{false};
  std::atomic<bool> stop_all{false};
  std::atomic<bool> limited{false};                // whether bytes_left counts
  std::atomic<std::int64_t> bytes_left{0};         // of all senders together
  std::atomic<std::int64_t> transactions_left{0};  // the same; who brings it to 0 stops the others
};

struct alignas(64) TransferCounters {
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> packets{0};  // sent; received: those that arrived, with duplicates
  std::atomic<std::uint64_t> highest{0};  // number of a received datagram
  std::atomic<std::uint64_t> lost{0};
  std::atomic<std::uint64_t> out_of_order{0};
  std::atomic<std::uint64_t> duplicates{0};
  std::atomic<std::uint64_t> jitter_ns{0};
  std::atomic<std::uint64_t> calls{0};  // of the kernel: of UDP, what the network layer saw
  std::atomic<std::uint64_t> transactions{0};
  std::atomic<std::uint64_t> latency_sum_ns{0};
  std::atomic<std::uint64_t> late{0};                     // paced pieces sent late
  std::atomic<std::uint64_t> skipped{0};                  // paced pieces never sent
  std::atomic<std::int64_t> last_ns{0};                   // monotonic: when data moved last
  std::atomic<int> tos{-1};                               // of the last datagram received
  std::atomic<SendEngine> engine{SendEngine::automatic};  // what sends, once it does; automatic: nothing yet
  std::atomic<int> error{0};                              // errno that ended it
  std::atomic<bool> ended{false};                         // the peer has closed, or `error`
  std::atomic<bool> followed{false};  // at its end its thread ran where its packets came in
};

enum class Step : std::uint8_t { moved, waits, ended };

// Messages of fixed size that go out and come in by turns; `out` is memory of the transfer.
struct Exchange {
  const char* out;
  std::uint32_t out_bytes;
  std::uint32_t in_bytes;
  bool speaks_first;
};

class Transfer {
 public:
  virtual ~Transfer() = default;

  // Moves one piece. With `may_wait` the socket blocks for a while at most, otherwise never.
  [[nodiscard]] virtual Step step(bool may_wait) = 0;
  // Monotonic; step() moves nothing before. 0: whenever the socket is ready.
  [[nodiscard]] virtual std::int64_t due_ns() const { return 0; }
  // The next due time shall be met to the microsecond: sleeping would be too late again.
  [[nodiscard]] virtual bool hurries() const { return false; }
  // Whether it ends when senders are to stop: receivers go on, to drain the network.
  [[nodiscard]] virtual bool is_sender() const = 0;
  // Monotonic; step() has something to do then although ready_fd() is silent. 0: never.
  [[nodiscard]] virtual std::int64_t wake_ns() const { return 0; }
  // Readable or writable when step() may move something.
  [[nodiscard]] virtual int ready_fd() const { return fd_.get(); }
  // step(true) waits by means of its own, and needs no blocking socket.
  [[nodiscard]] virtual bool waits_itself() const { return false; }
  // A thread of its own asks again and again, and never sleeps.
  [[nodiscard]] virtual bool spins() const { return false; }
  // Its thread may choose a processor by what it moves (seat.h).
  [[nodiscard]] virtual bool may_be_seated() const { return false; }
  // Where it sits with others it had better be woken at once than run for long.
  [[nodiscard]] virtual bool takes_short_turns() const { return true; }
  // Whether it chose the one where its packets come in.
  virtual void seated(bool /*with_packets*/) {}
  // What somebody else may move in place of step(), who tells of each message by said() and heard(). Nothing:
  // this is no exchange of messages.
  [[nodiscard]] virtual std::optional<Exchange> exchange() { return std::nullopt; }
  virtual void said() {}
  virtual void heard() {}
  // The exchange cannot go on; 0: the peer has closed.
  void fail(int errno_value) { static_cast<void>(end(errno_value)); }
  // Before it starts: where control.limited, what it does counts, and ends the test.
  virtual void count_with(TransferControl& /*control*/) {}
  // Round-trip times in ns; once the worker has ended.
  [[nodiscard]] virtual const Histogram* latency() const { return nullptr; }
  // Distances in time between datagrams that are paced, as they left or came; and how much longer than the
  // shortest they were on their way. Once the worker has ended; nothing where they are not paced.
  [[nodiscard]] virtual const DatagramTiming* timing() const { return nullptr; }
  // Requests that had no answer yet at the end; once the worker has ended.
  [[nodiscard]] virtual std::uint64_t unanswered() const { return 0; }
  // The worker will not call step() again.
  virtual void stopped() {}
  // Back-to-back pieces of a paced sender; 0 where it is not paced.
  [[nodiscard]] virtual int pieces_a_burst() const { return 0; }

  // How it sends; nothing where it does not send a stream of TCP. Its shares once the worker has ended.
  [[nodiscard]] virtual const Engine* engine() const { return nullptr; }
  // The name of how it sends or receives a stream (engine.h), whenever it is asked; empty: it does not yet,
  // or moves no stream.
  [[nodiscard]] virtual std::string_view moved_by() const {
    const SendEngine kind = counters_.engine.load(std::memory_order_relaxed);
    return kind == SendEngine::automatic ? std::string_view() : name_of(kind);
  }

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] TransferCounters& counters() { return counters_; }
  [[nodiscard]] const TransferCounters& counters() const { return counters_; }

 protected:
  explicit Transfer(Fd fd) : fd_(std::move(fd)) {}
  // Ends the transfer with what the kernel said; 0: the peer has closed.
  Step end(int errno_value);

  Fd fd_;
  TransferCounters counters_;
};

[[nodiscard]] std::unique_ptr<Transfer> make_tcp_sender(Fd fd, const DataPlan& plan,
                                                        TransferControl& control);
[[nodiscard]] std::unique_ptr<Transfer> make_tcp_receiver(Fd fd, const DataPlan& plan);
[[nodiscard]] std::unique_ptr<Transfer> make_udp_sender(Fd fd, const DataPlan& plan,
                                                        TransferControl& control);
[[nodiscard]] std::unique_ptr<Transfer> make_udp_receiver(Fd fd, const DataPlan& plan);
// Sends requests, or answers them, as the plan says; not for Transaction::none.
[[nodiscard]] std::unique_ptr<Transfer> make_transactions(Fd fd, const DataPlan& plan);

// CLOCK_MONOTONIC alone: it is asked for every message.
[[nodiscard]] std::int64_t monotonic_ns();

}  // namespace isotach::nettest

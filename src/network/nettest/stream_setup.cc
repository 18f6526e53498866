#include "network/nettest/stream_setup.h"

#include <limits>

namespace isotach::nettest {
namespace {

// Where UDP falls behind, a larger buffer decides between a hiccup of ours and a loss.
constexpr std::uint64_t kUdpBufferBytes = 16 * 1024 * 1024;

}  // namespace

Result<void> set_up_stream(int fd, bool v6, const TestParameters& parameters) {
  if (parameters.tos != 0)
    if (auto set = kernel::set_type_of_service(fd, v6, parameters.tos); !set) return set;
  if (parameters.window != 0) {
    if (auto set = kernel::set_buffers(fd, parameters.window); !set) return set;
  } else if (parameters.udp) {
    kernel::enlarge_receive_buffer(fd, kUdpBufferBytes);
  }
  if (parameters.fair_rate_bps != 0)
    if (auto set = kernel::set_max_pacing_rate(fd, parameters.fair_rate_bps / 8); !set) return set;
  if (parameters.udp) {
    if (parameters.dont_fragment) return kernel::set_dont_fragment(fd, v6);
    return {};
  }
  kernel::tell_type_of_service(fd, v6);
  if (parameters.mss != 0)
    if (auto set = kernel::set_mss(fd, parameters.mss); !set) return set;
  if (!parameters.congestion.empty())
    if (auto set = kernel::set_congestion(fd, parameters.congestion); !set) return set;
  if (parameters.no_delay || parameters.transaction != Transaction::none) return kernel::set_no_delay(fd);
  return {};
}

kernel::Transport transport_of(const TestParameters& parameters) {
  return parameters.udp         ? kernel::Transport::udp
         : parameters.multipath ? kernel::Transport::mptcp
                                : kernel::Transport::tcp;
}

DataPlan plan_of(const TestParameters& parameters) {
  DataPlan plan;
  plan.udp = parameters.udp;
  plan.length = parameters.length;
  plan.rate_bps = parameters.rate_bps;
  plan.burst = parameters.burst;
  plan.counters_64 = parameters.counters_64;
  plan.transaction = parameters.transaction;
  plan.outstanding = parameters.outstanding;
  plan.transaction_rate = parameters.transaction_rate;
  plan.busy_poll = parameters.busy_poll;
  plan.request_bytes = parameters.request_bytes;
  plan.response_bytes = parameters.response_bytes;
  plan.engine = parameters.engine;
  plan.discard = parameters.discard;
  plan.cold_buffers = parameters.cold_buffers;
  // Datagrams go out one by one, or many in a call: there is no third way.
  if (parameters.udp && parameters.engine == SendEngine::send) plan.segment_offload = false;
  // Many flows, or many requests at a time, keep several processors busy, and who spins needs one for each
  // end.
  const bool answers = parameters.transaction == Transaction::request_response &&
                       parameters.outstanding == 1 && parameters.transaction_rate == 0 &&
                       !parameters.busy_poll;
  const bool joined = parameters.udp && parameters.transaction == Transaction::none && plan.segment_offload &&
                      parameters.rate_bps == 0;
  plan.follow =
      parameters.follow && parameters.parallel == 1 && !parameters.bidirectional && (answers || joined);
  return plan;
}

int stream_count(const TestParameters& parameters) {
  return parameters.parallel * (parameters.bidirectional ? 2 : 1);
}

bool client_sends(const TestParameters& parameters, int index) {
  return parameters.bidirectional ? index < parameters.parallel : !parameters.reverse;
}

std::unique_ptr<Transfer> make_transfer(Fd fd, const DataPlan& plan, bool sends, TransferControl& control) {
  if (plan.transaction != Transaction::none) {
    auto transactions = make_transactions(std::move(fd), plan);
    transactions->count_with(control);
    return transactions;
  }
  if (plan.udp)
    return sends ? make_udp_sender(std::move(fd), plan, control) : make_udp_receiver(std::move(fd), plan);
  return sends ? make_tcp_sender(std::move(fd), plan, control) : make_tcp_receiver(std::move(fd), plan);
}

void limit_transfers(const TestParameters& parameters, TransferControl& control) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  std::uint64_t bytes = parameters.bytes;
  if (bytes == 0 && parameters.blocks != 0)
    bytes = parameters.blocks > kMost / parameters.length ? kMost : parameters.blocks * parameters.length;
  if (bytes == 0) return;
  // Of transactions, `blocks` are whole ones.
  const std::uint64_t each = std::uint64_t{parameters.request_bytes} + parameters.response_bytes;
  const std::uint64_t transactions =
      parameters.blocks != 0 ? parameters.blocks : bytes / each + (bytes % each != 0 ? 1 : 0);
  control.transactions_left.store(static_cast<std::int64_t>(std::min(transactions, kMost)),
                                  std::memory_order_relaxed);
  control.bytes_left.store(static_cast<std::int64_t>(std::min(bytes, kMost)), std::memory_order_relaxed);
  control.limited.store(true, std::memory_order_relaxed);
}

}  // namespace isotach::nettest

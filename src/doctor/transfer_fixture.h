// A transfer as it is watched, for tests to change in one respect.
#pragma once

#include <functional>
#include <string>

#include "doctor/transfer.h"

namespace isotach::doctor {

using kernel::Activity;
using kernel::SocketDetail;
using network::TransferMoment;
using network::TransferTrace;

inline constexpr std::int64_t kStepNs = 50'000'000;
inline constexpr std::uint64_t kStepUs = 50'000;

// A transfer that fills a path of 8 Mbit/s and 20 ms with a queue of 20 ms; tests change what they are
// about. Both ends are seen.
struct Transfer {
  int moments = 100;
  Activity sender = Activity::socket_write;
  Activity receiver = Activity::socket_read;
  std::uint64_t bytes_a_step = 50'000;
  std::uint64_t busy_us = kStepUs, window_us = 0;
  double lost = 0;  // of the segments
  SocketDetail here, there;
  // Changes the moment with that number.
  std::function<void(int, TransferMoment&)> vary = [](int, TransferMoment&) {};
  bool other_end = true;

  Transfer() {
    here.mss = 1000;
    here.min_rtt_us = 20'000;
    here.rtt_us = 40'000;
    here.cwnd_segments = 40;
    here.unacked_segments = 40;
    here.send_window_bytes = 1 << 20;
    here.notsent_bytes = 100'000;
    here.send_buffer = 200'000;
    here.send_memory = 140'000;
    here.delivery_rate = 1'000'000;
    here.max_pacing_rate = ~std::uint64_t{0};
    here.congestion_control = "cubic";
    there.receive_buffer = 1 << 20;
  }

  TransferVerdict judge(const PathFacts& path = {}) const {
    TransferTrace trace;
    TransferMoment moment;
    moment.ours = here;
    moment.our_activity = sender;
    moment.ours.bytes_acked = 10'000'000;
    if (other_end) {
      moment.theirs = there;
      moment.their_activity = receiver;
    }
    for (int i = 0; i < moments; ++i) {
      moment.time_ns += kStepNs;
      moment.ours.busy_us += busy_us;
      moment.ours.window_limited_us += window_us;
      moment.ours.bytes_acked += bytes_a_step;
      moment.ours.bytes_sent += bytes_a_step;
      const auto again = static_cast<std::uint64_t>(static_cast<double>(bytes_a_step) * lost);
      moment.ours.bytes_retrans += again;
      moment.ours.total_retrans += static_cast<std::uint32_t>((again + 999) / 1000);
      TransferMoment one = moment;
      vary(i, one);
      trace.moments.push_back(one);
    }
    return judge_transfer(trace, path);
  }
  Cause cause(const PathFacts& path = {}) const { return judge(path).cause; }
};

// The receiver's window is full all the time.
struct WindowFull : Transfer {
  WindowFull() {
    window_us = kStepUs;
    here.send_window_bytes = 20'000;
    here.unacked_segments = 20;
    here.rtt_us = 21'000;
  }
};

}  // namespace isotach::doctor

// How much a stream hands over at a time that goes as fast as it can, where its congestion control spreads
// packets over time (bbr).
//
// There all that is queued behind the packet that leaves waits for a timer of the kernel, and over a short
// fast path (loopback, veth) the timers take more time than the sending. Who hands over one packet at a time,
// joined ones as one, and the next when that has left, needs hardly any timer.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/socket.h"

namespace isotach::nettest {

// Whether the timers are worth avoiding, now that `bytes_per_second` are sent. Pure.
[[nodiscard]] bool suits_short_queue(bool is_short, double bytes_per_second, const kernel::TcpInfo& info);
// What leaves as one packet, at most `most` bytes; 0 where no packet is so small. Pure.
[[nodiscard]] std::size_t one_packet_bytes(std::uint32_t mss, std::size_t most);

// Of one sending socket.
class ShortQueue {
 public:
  explicit ShortQueue(int fd);

  // What goes out in one call where `size` bytes are to be sent.
  [[nodiscard]] std::size_t piece_of(std::size_t size) const {
    return is_short_ && packet_bytes_ < size ? packet_bytes_ : size;
  }
  // After each call.
  void sent(std::size_t bytes) {
    bytes_ += bytes;
    if (paced_ && ++calls_ >= kCallsALook) look();
  }

 private:
  static constexpr int kCallsALook = 16;

  void look();
  void shorten(bool is_short, std::uint32_t mss);

  int fd_;
  bool paced_;  // by the congestion control
  bool is_short_ = false;
  std::size_t packet_bytes_ = 0;
  int calls_ = 0;
  std::uint64_t bytes_ = 0;  // since the last look
  std::int64_t looked_ns_ = 0;
};

}  // namespace isotach::nettest

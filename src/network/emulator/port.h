// An interface through which a host's packets come into the emulator and leave it: rings of the kernel's
// stamps in (AF_PACKET, TPACKET_V2), so that a late wake-up does not change when a packet came; a raw socket
// past the queues out. Or a tap, which has no stamps: a packet came when it was read. Needs CAP_NET_RAW;
// opened in the network namespace of the interface. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "network/emulator/capture_file.h"
#include "network/emulator/packet.h"
#include "network/emulator/statistics.h"

namespace isotach::emulator {

using MacAddress = std::array<std::uint8_t, 6>;

// The address of every router, as hosts see it.
inline constexpr MacAddress kRouterMac = {2, 0, 0, 0, 0xff, 1};

class Port {
 public:
  struct Options {
    std::string host;  // whose it is
    std::string interface;
    MacAddress host_mac{};
    std::size_t most_bytes = 0;  // of a packet
    bool exact_stamps = false;   // the time of delivery is written where bpf/stamp.bpf.c reads it
    std::string capture;         // a file for what it carries; empty: none
  };
  [[nodiscard]] static Result<Port> open(const Options& options);
  [[nodiscard]] static Result<Port> open_on_tap(const Options& options, Fd tap);
  Port(Port&& other) noexcept;
  Port& operator=(Port&&) = delete;
  ~Port();

  using TakePacket = std::function<void(const std::uint8_t*, std::size_t, std::int64_t)>;
  [[nodiscard]] int fd() const { return in_.get(); }
  // Hands over what has come, at most some hundreds: IP bytes, their size, and when (CLOCK_REALTIME).
  bool read(const TakePacket& each);
  // To be sent by flush(); `at_ns` (CLOCK_REALTIME) is when it arrives in emulated time.
  void add(Packet* packet, std::int64_t at_ns);
  // Sends them, then gives them back.
  void flush(const std::function<void(Packet*)>& give_back);
  [[nodiscard]] bool has_output() const { return !output_.empty(); }
  [[nodiscard]] PortStatistics statistics() const;
  void end_capture();

 private:
  Port(Options options, Fd in, Fd out)
      : options_(std::move(options)), in_(std::move(in)), out_(std::move(out)) {}
  [[nodiscard]] Result<void> map_ring();
  [[nodiscard]] Result<void> begin_capture();
  bool read_tap(const TakePacket& each);
  void take(const std::uint8_t* frame, std::size_t size, std::int64_t real_ns, const TakePacket& each);
  void flush_to_tap();
  void flush_to_socket();
  void answer_arp(const std::uint8_t* frame, std::size_t size);

  Options options_;
  Fd in_, out_;  // of a tap only the first
  std::optional<CaptureFile> capture_;
  std::uint8_t* ring_ = nullptr;
  std::size_t ring_bytes_ = 0, frame_bytes_ = 0, frames_ = 0, next_ = 0;
  std::vector<Packet*> output_;
  PortStatistics statistics_;
};

}  // namespace isotach::emulator

// Frames of one interface, in and out, copied by the kernel into a ring that is shared with it (AF_PACKET
// with TPACKET_V3; kernel: Documentation/networking/packet_mmap.rst). Needs CAP_NET_RAW.
//
// Thread rule: one thread at a time for each object.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::kernel {

struct RingFrame {
  const std::uint8_t* data = nullptr;  // valid during the call that hands it over
  std::uint32_t captured = 0;
  std::uint32_t length = 0;  // as the kernel carried it: a GSO packet is one
  int tag = -1;              // VLAN tag beside the frame; -1 without
  std::uint16_t ether_type = 0;
  std::uint32_t segment = 0;  // payload of each packet of a GSO packet; 0 for others
  bool outgoing = false;
};

struct PacketRingOptions {
  unsigned interface = 0;
  std::size_t bytes = std::size_t{4} << 20;  // at least a block of 256 KiB is taken
  std::span<const sock_filter> filter;       // none: the first 128 bytes of every frame
  std::optional<std::uint16_t> fanout;       // group of rings that share the frames by their flows
};

class PacketRing {
 public:
  [[nodiscard]] static Result<PacketRing> open(const PacketRingOptions& options);
  PacketRing(PacketRing&& other) noexcept;
  PacketRing& operator=(PacketRing&&) = delete;
  ~PacketRing();

  [[nodiscard]] int descriptor() const { return socket_.get(); }
  // Hands over what the kernel has finished, at most one turn of the ring; true when there was something.
  // Frames wait at most kRetireMs before the kernel finishes them.
  bool read(const std::function<void(const RingFrame&)>& each);
  // Frames that found the ring full since the last call.
  [[nodiscard]] std::uint64_t take_drops();

  static constexpr unsigned kRetireMs = 10;
  static constexpr std::uint32_t kSnapLength = 128;

 private:
  PacketRing(Fd socket, std::uint8_t* blocks, std::size_t count)
      : socket_(std::move(socket)), blocks_(blocks), count_(count) {}

  static constexpr std::size_t kBlockBytes = std::size_t{256} << 10;
  Fd socket_;
  std::uint8_t* blocks_;
  std::size_t count_;
  std::size_t next_ = 0;
};

}  // namespace isotach::kernel

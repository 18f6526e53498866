// Packets on their way through the emulator, and the few fields of IP that routers look at. Offsets are
// checked once, by is_sound(); everything else may be given sound packets only.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace isotach::emulator {

inline constexpr std::size_t kNoHost = ~std::size_t{0};

struct WayCounters;

struct Packet {
  std::uint8_t* bytes = nullptr;  // from the IP header on; kRoomBefore bytes before it may be written
  std::size_t size = 0;
  std::size_t node = 0;        // where it is
  std::size_t host = 0;        // where it goes; kNoHost: a router, or nowhere
  double due_ns = 0;           // when it has arrived there
  bool destroyed = false;      // by a collision: it still takes its time
  WayCounters* way = nullptr;  // that it is on
  Packet* next = nullptr;      // in the pool
};

// Packets of one size, reused. Bounded: with nothing left there is no packet, which is a drop.
class PacketPool {
 public:
  static constexpr std::size_t kRoomBefore = 64;
  PacketPool(std::size_t most_bytes, std::size_t most_packets)
      : stride_(kRoomBefore + most_bytes), left_(most_packets) {}

  [[nodiscard]] Packet* take();  // nullptr: none left
  void give_back(Packet* packet) {
    packet->next = free_;
    free_ = packet;
  }
  [[nodiscard]] std::size_t most_bytes() const { return stride_ - kRoomBefore; }

 private:
  static constexpr std::size_t kAtOnce = 256;
  std::size_t stride_;
  std::size_t left_;
  Packet* free_ = nullptr;
  std::vector<std::unique_ptr<std::uint8_t[]>> memory_;
  std::vector<std::unique_ptr<Packet[]>> packets_;
};

struct HostAddress {
  in_addr v4{};
  in6_addr v6{};
};

// Whether the bytes are a whole IPv4 or IPv6 packet; its length by its header. 0: they are not.
[[nodiscard]] std::size_t sound_size(const std::uint8_t* bytes, std::size_t size);
[[nodiscard]] inline bool is_v4(const Packet& packet) {
  return packet.bytes[0] >> 4 == 4;
}
[[nodiscard]] bool is_to(const Packet& packet, const HostAddress& address);
[[nodiscard]] bool is_multicast(const Packet& packet);

// A router takes one off; false where nothing is left.
[[nodiscard]] bool take_hop(Packet& packet);
[[nodiscard]] std::uint8_t type_of_service(const Packet& packet);
void set_type_of_service(Packet& packet, std::uint8_t value);
[[nodiscard]] bool may_not_be_split(const Packet& packet);

enum class Complaint : std::uint8_t { hops_used_up, too_big, port_unreachable };
// Writes into `answer` what a router says about `packet`; false where nothing may be said: errors are not
// answered by errors.
[[nodiscard]] bool write_complaint(const Packet& packet, Complaint complaint, std::uint32_t mtu,
                                   const HostAddress& router, Packet& answer);
// Turns an echo request into its answer; false where it is none.
[[nodiscard]] bool turn_to_echo_reply(Packet& packet);
[[nodiscard]] bool is_udp(const Packet& packet);
[[nodiscard]] bool is_tcp(const Packet& packet);
[[nodiscard]] bool has_tcp_data(const Packet& packet);

}  // namespace isotach::emulator

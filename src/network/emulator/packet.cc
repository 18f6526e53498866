#include "network/emulator/packet.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace isotach::emulator {
namespace {

constexpr std::size_t kV4Head = 20;
constexpr std::size_t kV6Head = 40;
constexpr std::size_t kIcmpHead = 8;
// Of the packet that is complained about: what RFC 1812 asks for and more than anyone needs.
constexpr std::size_t kQuoteBytes = 128;
constexpr std::uint8_t kFirstHops = 64;

std::size_t head_size(const Packet& packet) {
  return is_v4(packet) ? static_cast<std::size_t>(packet.bytes[0] & 15) * 4 : kV6Head;
}

std::uint8_t protocol_of(const Packet& packet) {
  return packet.bytes[is_v4(packet) ? 9 : 6];
}

std::uint32_t add_words(const std::uint8_t* bytes, std::size_t size, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i + 1 < size; i += 2)
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  if (size % 2 != 0) sum += static_cast<std::uint32_t>(bytes[size - 1] << 8);
  return sum;
}

void put_be16(std::uint8_t* to, std::uint32_t value) {
  to[0] = static_cast<std::uint8_t>(value >> 8);
  to[1] = static_cast<std::uint8_t>(value);
}

void put_be32(std::uint8_t* to, std::uint32_t value) {
  put_be16(to, value >> 16);
  put_be16(to + 2, value & 0xffff);
}

std::uint32_t folded(std::uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

void fix_v4_head(Packet& packet) {
  put_be16(packet.bytes + 10, 0);
  put_be16(packet.bytes + 10, folded(add_words(packet.bytes, head_size(packet))));
}

void fix_icmp(Packet& packet) {
  const std::size_t head = head_size(packet);
  std::uint8_t* icmp = packet.bytes + head;
  const std::size_t size = packet.size - head;
  put_be16(icmp + 2, 0);
  std::uint32_t sum = 0;
  if (!is_v4(packet))
    sum = add_words(packet.bytes + 8, 32) + static_cast<std::uint32_t>(size) + IPPROTO_ICMPV6;
  put_be16(icmp + 2, folded(add_words(icmp, size, sum)));
}

// Errors, and what nobody knows, get no answer.
bool may_be_answered(const Packet& packet) {
  const std::size_t head = head_size(packet);
  if (packet.size < head + kIcmpHead) return true;
  const std::uint8_t type = packet.bytes[head];
  if (is_v4(packet) && protocol_of(packet) == IPPROTO_ICMP) return type == 8 || type == 0;
  if (!is_v4(packet) && protocol_of(packet) == IPPROTO_ICMPV6) return type >= 128;
  return true;
}

struct IcmpWords {
  std::uint8_t type, code;
};

IcmpWords words_of(Complaint complaint, bool v4) {
  switch (complaint) {
    case Complaint::hops_used_up:
      return v4 ? IcmpWords{11, 0} : IcmpWords{3, 0};
    case Complaint::too_big:
      return v4 ? IcmpWords{3, 4} : IcmpWords{2, 0};
    case Complaint::port_unreachable:
      break;
  }
  return v4 ? IcmpWords{3, 3} : IcmpWords{1, 4};
}

}  // namespace

Packet* PacketPool::take() {
  if (free_ == nullptr) {
    if (left_ < kAtOnce) return nullptr;
    left_ -= kAtOnce;
    memory_.push_back(std::make_unique<std::uint8_t[]>(kAtOnce * stride_));
    packets_.push_back(std::make_unique<Packet[]>(kAtOnce));
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      Packet* packet = &packets_.back()[i];
      packet->bytes = memory_.back().get() + i * stride_ + kRoomBefore;
      give_back(packet);
    }
  }
  Packet* packet = free_;
  free_ = packet->next;
  packet->destroyed = false;
  packet->way = nullptr;
  return packet;
}

std::size_t sound_size(const std::uint8_t* bytes, std::size_t size) {
  if (size < kV4Head) return 0;
  if (bytes[0] >> 4 == 4) {
    const std::size_t head = static_cast<std::size_t>(bytes[0] & 15) * 4;
    const std::size_t length = static_cast<std::size_t>(bytes[2] << 8 | bytes[3]);
    return head >= kV4Head && length >= head && length <= size ? length : 0;
  }
  if (bytes[0] >> 4 != 6 || size < kV6Head) return 0;
  const std::size_t length = kV6Head + static_cast<std::size_t>(bytes[4] << 8 | bytes[5]);
  return length <= size ? length : 0;
}

bool is_to(const Packet& packet, const HostAddress& address) {
  return is_v4(packet) ? std::memcmp(packet.bytes + 16, &address.v4, sizeof address.v4) == 0
                       : std::memcmp(packet.bytes + 24, &address.v6, sizeof address.v6) == 0;
}

bool is_multicast(const Packet& packet) {
  return is_v4(packet) ? packet.bytes[16] >= 224 : packet.bytes[24] == 0xff;
}

bool take_hop(Packet& packet) {
  std::uint8_t& hops = packet.bytes[is_v4(packet) ? 8 : 7];
  if (hops <= 1) return false;
  --hops;
  if (is_v4(packet)) fix_v4_head(packet);
  return true;
}

std::uint8_t type_of_service(const Packet& packet) {
  if (is_v4(packet)) return packet.bytes[1];
  return static_cast<std::uint8_t>((packet.bytes[0] & 15) << 4 | packet.bytes[1] >> 4);
}

void set_type_of_service(Packet& packet, std::uint8_t value) {
  if (is_v4(packet)) {
    packet.bytes[1] = value;
    fix_v4_head(packet);
    return;
  }
  packet.bytes[0] = static_cast<std::uint8_t>(0x60 | value >> 4);
  packet.bytes[1] = static_cast<std::uint8_t>((packet.bytes[1] & 15) | (value & 15) << 4);
}

bool may_not_be_split(const Packet& packet) {
  return !is_v4(packet) || (packet.bytes[6] & 0x40) != 0;
}

bool is_udp(const Packet& packet) {
  return protocol_of(packet) == IPPROTO_UDP;
}

bool is_tcp(const Packet& packet) {
  return protocol_of(packet) == IPPROTO_TCP;
}

bool has_tcp_data(const Packet& packet) {
  constexpr std::size_t kLeastTcpHead = 20;
  const std::size_t head = head_size(packet);
  if (!is_tcp(packet) || packet.size < head + kLeastTcpHead) return false;
  return packet.size > head + static_cast<std::size_t>(packet.bytes[head + 12] >> 4) * 4;
}

bool write_complaint(const Packet& packet, Complaint complaint, std::uint32_t mtu, const HostAddress& router,
                     Packet& answer) {
  if (!may_be_answered(packet) || is_multicast(packet)) return false;
  const bool v4 = is_v4(packet);
  const std::size_t head = v4 ? kV4Head : kV6Head;
  const std::size_t quoted = std::min(packet.size, kQuoteBytes);
  std::uint8_t* bytes = answer.bytes;
  std::memset(bytes, 0, head + kIcmpHead);
  answer.size = head + kIcmpHead + quoted;
  if (v4) {
    bytes[0] = 0x45;
    put_be16(bytes + 2, static_cast<std::uint32_t>(answer.size));
    bytes[8] = kFirstHops;
    bytes[9] = IPPROTO_ICMP;
    std::memcpy(bytes + 12, &router.v4, 4);
    std::memcpy(bytes + 16, packet.bytes + 12, 4);
    fix_v4_head(answer);
  } else {
    bytes[0] = 0x60;
    put_be16(bytes + 4, static_cast<std::uint32_t>(kIcmpHead + quoted));
    bytes[6] = IPPROTO_ICMPV6;
    bytes[7] = kFirstHops;
    std::memcpy(bytes + 8, &router.v6, 16);
    std::memcpy(bytes + 24, packet.bytes + 8, 16);
  }
  const IcmpWords words = words_of(complaint, v4);
  bytes[head] = words.type;
  bytes[head + 1] = words.code;
  if (complaint == Complaint::too_big) put_be32(bytes + head + 4, mtu);
  std::memcpy(bytes + head + kIcmpHead, packet.bytes, quoted);
  fix_icmp(answer);
  return true;
}

bool turn_to_echo_reply(Packet& packet) {
  const bool v4 = is_v4(packet);
  const std::size_t head = head_size(packet);
  if (packet.size < head + kIcmpHead) return false;
  if (protocol_of(packet) != (v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6})) return false;
  if (packet.bytes[head] != (v4 ? 8 : 128)) return false;
  const std::size_t size = v4 ? 4 : 16;
  std::uint8_t* from = packet.bytes + (v4 ? 12 : 8);
  std::swap_ranges(from, from + size, from + size);
  packet.bytes[head] = v4 ? 0 : 129;
  packet.bytes[v4 ? 8 : 7] = kFirstHops;
  fix_icmp(packet);
  if (v4) fix_v4_head(packet);
  return true;
}

}  // namespace isotach::emulator

// One TCP segment as it enters the statistics: what the decoder found, and when.
#pragma once

#include <cstdint>

#include "network/packet/tcp_header.h"

namespace isotach::network {

struct SeenSegment {
  std::int64_t time_ns = 0;
  std::int64_t data_length = 0;        // as IP says; negative where the heads contradict each other
  std::int64_t data_captured = 0;      // of these; at most data_length
  const std::uint8_t* data = nullptr;  // `data_captured` bytes, during the call that hands them over
  std::uint32_t wire_length = 0;       // of the frame
  std::uint32_t ip_length = 0;         // of the IP packet with its heads
  std::uint16_t ip_id = 0;             // 0: none
  std::uint8_t ip_version = 4;
  TcpHeader head;
  TcpOptions options;

  // As SentSegment::order.
  [[nodiscard]] std::uint16_t order() const {
    return ip_version == 4 ? ip_id : static_cast<std::uint16_t>(options.echoed_timestamp);
  }
  [[nodiscard]] std::uint64_t end() const { return head.sequence + static_cast<std::uint64_t>(data_length); }
};

}  // namespace isotach::network

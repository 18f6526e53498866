// Captures for the benchmark of isotach connections, always the same.
#pragma once

#include <cstdint>
#include <string>

namespace isotach::bench {

// 64 flows that send as fast as they are answered, 0.3 % of the segments lost and sent again after SACK;
// seen from the sender, cut to 128 bytes a frame.
void write_bulk_capture(const std::string& path, std::uint64_t packets);

// Short connections, a thousand at a time: handshake, request, response in six segments, close.
// Returns the packets written.
std::uint64_t write_short_capture(const std::string& path, std::uint32_t connections);

}  // namespace isotach::bench

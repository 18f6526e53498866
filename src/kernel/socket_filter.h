// Filter expressions in the language of pcap ("tcp port 443 and not host 10.0.0.1"; man 7 pcap-filter),
// compiled to the classic BPF that the kernel runs for a packet socket.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace isotach::kernel {

// For frames with a head of `link_head` bytes: 14 for Ethernet, 0 for bare IP. Of what matches, the first
// `snap_length` bytes are kept. Fails as wrong usage, with what is wrong in pcap's words.
[[nodiscard]] Result<std::vector<sock_filter>> compile_socket_filter(const std::string& expression,
                                                                     unsigned link_head,
                                                                     std::uint32_t snap_length);

}  // namespace isotach::kernel

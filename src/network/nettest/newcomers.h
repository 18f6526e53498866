// Connections that have not shown yet what they are, and those that carry one transaction each.
//
// Whoever connects has a few seconds for the 37 bytes of a cookie. The oldest goes where there is no room.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/fd.h"
#include "kernel/socket.h"
#include "network/nettest/protocol.h"

namespace isotach::nettest {

struct Newcomer {
  Fd fd;
  kernel::SocketAddress peer;
  std::int64_t deadline_ns = 0;
  std::string cookie;  // as far as it has come, or the words of iperf2
  std::size_t wanted = kCookieBytes;
  // Of a connection for one transaction: its test, and what is left of request and answer.
  std::uint64_t test = 0;
  std::size_t request_left = 0;
  std::size_t response_left = 0;
  bool watched = false;  // by the server's poller
};

// By number, in the order in which they came: the first is the next to pass its deadline.
using Newcomers = std::map<std::uint64_t, Newcomer>;

}  // namespace isotach::nettest

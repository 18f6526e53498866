// Where a server listens: at each address by TCP and by UDP, and at the port of iperf 2 too.
#pragma once

#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "kernel/socket.h"
#include "network/nettest/server.h"

namespace isotach::nettest {

struct UdpListener {
  Fd fd;
  kernel::SocketAddress address;
};

// A socket of its own for what `peer` sends to the listener from now on. Before it was connected, it may have
// got what was meant for the port.
[[nodiscard]] std::optional<Fd> connected_to(const UdpListener& listener, const kernel::SocketAddress& peer);

class Listeners {
 public:
  // Returns the addresses. The observer is told where only iperf 2's port is taken.
  [[nodiscard]] Result<std::vector<kernel::SocketAddress>> open(const ServerOptions& options,
                                                                ServerObserver& observer);
  [[nodiscard]] const std::vector<Fd>& tcp() const { return tcp_; }
  [[nodiscard]] const std::vector<UdpListener>& udp() const { return udp_; }

 private:
  [[nodiscard]] Result<kernel::SocketAddress> add(const kernel::SocketAddress& wanted);

  std::vector<Fd> tcp_;
  std::vector<UdpListener> udp_;
};

}  // namespace isotach::nettest

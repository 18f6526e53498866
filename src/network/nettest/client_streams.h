// How a client opens its streams: those of TCP begin with the cookie, those of UDP with a datagram that the
// server has to answer.
#pragma once

#include "base/result.h"
#include "network/nettest/client.h"
#include "network/nettest/client_link.h"
#include "network/nettest/protocol.h"
#include "network/nettest/report.h"

namespace isotach::nettest {

// Before it connects to `to`: to the address that the user chose for our end, where there is one.
[[nodiscard]] Result<void> bind_local(const ClientOptions& options, int socket,
                                      const kernel::SocketAddress& to);

class StreamOpener {
 public:
  // All of them outlive it.
  StreamOpener(const ClientOptions& options, const TestFacts& facts, const Cookie& cookie, ClientLink& link)
      : options_(options), facts_(facts), cookie_(cookie), link_(link) {}

  // The stream of this number, connected and known to the server.
  [[nodiscard]] Result<Fd> open(int index) { return facts_.parameters.udp ? open_udp(index) : open_tcp(); }
  // The server has said that the test begins: it knows all streams, and its last answer was lost.
  [[nodiscard]] bool begun() const { return begun_; }

 private:
  [[nodiscard]] Result<Fd> open_tcp();
  [[nodiscard]] Result<Fd> open_udp(int index);
  [[nodiscard]] Result<void> make_known(int fd, int index);

  const ClientOptions& options_;
  const TestFacts& facts_;
  const Cookie& cookie_;
  ClientLink& link_;
  bool begun_ = false;
};

}  // namespace isotach::nettest

// The server: one thread that accepts, greets and ends any number of tests at once; their data is moved by
// threads of their own. It speaks iperf3's protocol, so that stock clients cannot tell the difference, except
// that it is never busy.
//
// Nobody can make it wait: all descriptors are non-blocking, whoever says nothing is dropped at a deadline,
// and what is kept for a connection that has not shown a cookie is a hundred bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/wait.h"
#include "kernel/socket.h"
#include "network/nettest/protocol.h"
#include "network/nettest/session.h"

namespace isotach::nettest {

struct ServerOptions {
  std::vector<std::string> hosts;     // to listen on; empty: loopback
  std::uint16_t port = kDefaultPort;  // 0: any
  kernel::IpFamily family = kernel::IpFamily::any;
  std::uint16_t iperf2_port = 0;               // listened on too where that can be; 0: not
  std::optional<AuthenticationOptions> users;  // who may test; nothing: everybody
  bool one_test = false;                       // ends after the first that ran
  int most_tests = 512;
};

// Told as it happens, in the thread of run_server().
class ServerObserver : public SessionObserver {
 public:
  virtual void listening(const std::vector<kernel::SocketAddress>& addresses) = 0;
  // An address beside the others that cannot be had.
  virtual void not_listening(const Error& /*why*/) {}
  // False where nobody reads the output any more: the server ends.
  [[nodiscard]] virtual bool wants_more() { return true; }
};

// Blocks until a signal, or the end of the one test. Fails where it cannot listen; with one_test, where that
// test failed.
[[nodiscard]] Result<void> run_server(const ServerOptions& options, SignalWaiter& waiter, Clock& clock,
                                      ServerObserver& observer);

}  // namespace isotach::nettest

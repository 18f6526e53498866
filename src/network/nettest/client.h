// The client of a test: connects, runs it, and brings home what both ends saw.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/wait.h"
#include "kernel/socket.h"
#include "network/nettest/authentication.h"
#include "network/nettest/parameters.h"
#include "network/nettest/protocol.h"
#include "network/nettest/report.h"

namespace isotach::nettest {

struct ClientOptions {
  std::string host;
  std::uint16_t port = kDefaultPort;
  std::string bind_host;  // empty: the kernel chooses
  // Where the server asks for a user; without a path it is not told one.
  std::string public_key_path;
  Credentials credentials;
  RsaPadding padding = RsaPadding::oaep;
  kernel::IpFamily family = kernel::IpFamily::any;
  TestParameters parameters;                              // its time_s and omit_s are made from the two below
  std::int64_t duration_ns = 10 * kNanosecondsPerSecond;  // 0: until bytes or blocks
  std::int64_t omit_ns = 0;
  std::int64_t interval_ns = kNanosecondsPerSecond;  // 0: no intervals
  bool iperf2 = false;                               // the server is one of iperf 2
  std::int64_t connect_limit_ns = 10 * kNanosecondsPerSecond;
};

// Told as it happens, in the thread of run_client().
class ClientObserver {
 public:
  virtual ~ClientObserver() = default;
  virtual void started(const TestFacts& facts) = 0;
  virtual void interval(const TestFacts& facts, const IntervalReport& interval) = 0;
  // False where nobody reads the output any more: the test ends.
  [[nodiscard]] virtual bool wants_more() { return true; }
};

struct ClientResult {
  std::optional<TestFacts> facts;  // nothing: the test did not begin
  TestReport report;
  std::optional<Error> error;  // with facts: the report holds what our end saw until then
  bool interrupted = false;    // by a signal, before its time
};

// Blocks until the test is over; the waiter's signal ends it early, with the results until then.
[[nodiscard]] ClientResult run_client(const ClientOptions& options, SignalWaiter& waiter, Clock& clock,
                                      ClientObserver& observer);

}  // namespace isotach::nettest

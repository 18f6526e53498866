// The client of a test against a server of iperf 2.
#pragma once

#include "network/nettest/client.h"

namespace isotach::nettest {

// As run_client(). Of TCP the server tells nothing: what it received is not known. Of UDP it answers the last
// datagram of each stream, which counts as one of those that were sent.
[[nodiscard]] ClientResult run_iperf2_client(const ClientOptions& options, SignalWaiter& waiter, Clock& clock,
                                             ClientObserver& observer);

}  // namespace isotach::nettest

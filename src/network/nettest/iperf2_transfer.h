// Moves the datagrams of iperf 2.
#pragma once

#include <memory>

#include "network/nettest/datagram.h"
#include "network/nettest/iperf2.h"
#include "network/nettest/transfer.h"

namespace isotach::nettest {

// A datagram that came before the receiver was there.
struct EarlyDatagram {
  Iperf2Datagram head;
  std::size_t bytes = 0;
  std::int64_t arrived_ns = 0;  // monotonic
};

// Sends datagrams of `plan.length` at its rate. The last one (iperf2.h) is left to the caller.
[[nodiscard]] std::unique_ptr<Transfer> make_iperf2_sender(Fd fd, const DataPlan& plan,
                                                           const Iperf2Test& test, TransferControl& control);
// Counts what arrives, answers the last datagram, and ends a moment later; or when nothing has come for long.
[[nodiscard]] std::unique_ptr<Transfer> make_iperf2_receiver(Fd fd, std::vector<EarlyDatagram> early);

}  // namespace isotach::nettest

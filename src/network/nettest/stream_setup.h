// What a stream's socket is given before data flows: the same for both ends.
#pragma once

#include "base/result.h"
#include "network/nettest/parameters.h"
#include "network/nettest/transfer.h"

namespace isotach::nettest {

// Before it connects; at the server, when it has been accepted.
[[nodiscard]] Result<void> set_up_stream(int fd, bool v6, const TestParameters& parameters);

// The kind of socket of its streams.
[[nodiscard]] kernel::Transport transport_of(const TestParameters& parameters);

// How the streams of a test move their data. `length` of the parameters has been settled.
[[nodiscard]] DataPlan plan_of(const TestParameters& parameters);

// The n-th stream (from 0), of `parallel` or, both ways, twice as many: whether the client sends on it. It
// opens those first.
[[nodiscard]] bool client_sends(const TestParameters& parameters, int index);
[[nodiscard]] int stream_count(const TestParameters& parameters);

[[nodiscard]] std::unique_ptr<Transfer> make_transfer(Fd fd, const DataPlan& plan, bool sends,
                                                      TransferControl& control);

// -n and -k, as bytes of all senders together.
void limit_transfers(const TestParameters& parameters, TransferControl& control);

}  // namespace isotach::nettest

// Requests and answers of many connections by one thread and io_uring: one entry into the kernel moves a
// batch of them, where epoll takes two calls for each.
#pragma once

#include <functional>
#include <vector>

#include "network/nettest/transfer.h"

namespace isotach::nettest {

// Runs until `is_over(transfer)` or the end of each; `ended(transfer)` is called once for each then. Returns
// false, with nothing done, where one of them cannot go this way or the kernel has no io_uring for us.
[[nodiscard]] bool run_by_ring(const std::vector<Transfer*>& transfers,
                               const std::function<bool(const Transfer&)>& is_over,
                               const std::function<void(Transfer&)>& ended);

}  // namespace isotach::nettest

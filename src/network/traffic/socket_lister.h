// The sockets of this network namespace with the processes that hold them, as facts for the accounts: for
// ways of counting that do not see the sockets themselves.
#pragma once

#include <optional>
#include <vector>

#include "kernel/netlink.h"
#include "network/traffic/accounts.h"

namespace isotach::network {

class SocketLister {
 public:
  // Without the rights for it the list stays empty.
  explicit SocketLister(bool processes);
  [[nodiscard]] std::vector<TrafficAccounts::SocketFacts> list();

 private:
  bool processes_;
  std::optional<kernel::NetlinkSocket> diag_;
};

}  // namespace isotach::network

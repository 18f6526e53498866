// The process behind `isotach lab net up`: it holds the namespaces of an emulated path and carries its
// packets, and is asked over a socket with an abstract name, of which nothing is left when it dies, however
// it dies. A second process, which sees that, then ends the programs that still run on the path.
//
// Thread rule: start_net() forks, so it is called before any thread is started.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/wait.h"
#include "network/emulator/settings.h"
#include "network/emulator/testbed.h"

namespace isotach::command {

struct NetOptions {
  std::string name;
  emulator::PathSettings settings;
  emulator::TestbedOptions testbed;
  bool with_cross_hosts = false;
  std::uint64_t seed = 1;
  std::optional<std::int64_t> for_ns;
};

// Returns when the path is there.
[[nodiscard]] Result<void> start_net(const NetOptions& options, const SignalWaiter& waiter);

// What a path is asked, a line; its answer, after "ok". Fails where there is no path of that name.
[[nodiscard]] Result<std::string> ask_net(const std::string& name, const std::string& request);
// Ends it, and waits until the programs on it have ended.
[[nodiscard]] Result<void> stop_net(const std::string& name);
[[nodiscard]] std::vector<std::string> running_nets();
// This process moves to that host of the path.
[[nodiscard]] Result<void> move_to_host(const std::string& name, const std::string& host);

// Small letters, digits, '-'; at most 24.
[[nodiscard]] Result<void> check_net_name(const std::string& name);

}  // namespace isotach::command

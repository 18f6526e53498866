// The interfaces that a source counts: those that are wanted and there, the block and the row of each, and
// how what was counted compares with the kernel's own counters. Interfaces come and go.
//
// Thread rules: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "kernel/route_link.h"
#include "network/traffic/accounts.h"
#include "network/traffic/counting_blocks.h"
#include "network/traffic/interface_watch.h"
#include "network/traffic/source.h"

namespace isotach::network {

class CountedInterfaces {
 public:
  // How the source counts: packets of an interface into a block, until it is stopped.
  struct Counting {
    std::function<Result<void>(const kernel::RouteLink& link, unsigned block, unsigned link_head)> start;
    std::function<void(std::uint32_t index)> stop;
  };
  // Both are used for as long as this lives.
  CountedInterfaces(const TrafficOptions& options, TrafficAccounts& accounts, std::size_t blocks,
                    Counting counting)
      : options_(options), accounts_(accounts), counting_(std::move(counting)), blocks_(blocks) {}

  // Interfaces that are there at the beginning must be counted; later ones are a matter of luck.
  [[nodiscard]] Result<void> begin(kernel::RouteSocket& routes);

  // After the accounts were given what was counted up to a moment between both readings.
  void compare(const std::vector<kernel::RouteLink>& before, const std::vector<kernel::RouteLink>& after);
  void add_drops(std::uint32_t index, std::uint64_t count);

  // After each reading: interfaces that went leave a row; new ones are counted from now on.
  void follow(kernel::RouteSocket& routes, const std::vector<kernel::RouteLink>& links);

  // Sentences about those that are not counted.
  [[nodiscard]] const std::vector<std::string>& missing() const { return missing_; }

 private:
  struct Entry {
    WatchedInterface watched;
    std::size_t row = 0;
    unsigned block = 0;
    bool settled = false;
  };

  void leave_out(std::string sentence);
  [[nodiscard]] Result<void> add(const kernel::RouteLink& link);
  void settle(const std::vector<kernel::RouteLink>& links);

  const TrafficOptions& options_;
  TrafficAccounts& accounts_;
  Counting counting_;
  CountingBlocks blocks_;
  std::map<std::uint32_t, Entry> watched_;
  std::set<std::uint32_t> refused_;
  std::vector<std::string> missing_;
};

}  // namespace isotach::network

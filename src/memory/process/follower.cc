#include "memory/process/follower.h"

#include <algorithm>

namespace isotach::memory {

using kernel::Presence;
using kernel::ProcessReading;

ProcessFollower::ProcessFollower(const kernel::SystemRoot& root, Clock& clock, Children children,
                                 std::int64_t proportional_interval_ns)
    : root_(root),
      clock_(clock),
      children_(children),
      proportional_interval_ns_(std::max(proportional_interval_ns, kShortestProportionalIntervalNs)),
      lister_(root) {}

ProcessFollower::Followed& ProcessFollower::followed(Root& root, unsigned pid) {
  const auto known = root.processes.find(pid);
  if (known != root.processes.end()) return known->second;
  Followed fresh{kernel::ProcessReader(root_, pid), Pace(proportional_interval_ns_), {}};
  return root.processes.emplace(pid, std::move(fresh)).first->second;
}

Result<Presence> ProcessFollower::read(Followed& followed) {
  auto presence = followed.reader.read(followed.reading);
  if (!presence || *presence != Presence::present || followed.reading.has_ended()) return presence;
  const std::int64_t start_ns = clock_.now().monotonic_ns;
  if (followed.proportional.is_due(start_ns)) {
    followed.reader.read_proportional(followed.reading);
    followed.proportional.done(start_ns, clock_.now().monotonic_ns);
  }
  return presence;
}

Result<void> ProcessFollower::add(unsigned pid) {
  for (const Root& root : roots_)
    if (root.tree.members().front() == pid) return {};
  Root root{ProcessTree(pid), {}, {}, {}};
  Followed& process = followed(root, pid);
  const auto presence = process.reader.read(process.reading);
  if (!presence) return tl::make_unexpected(presence.error());
  if (*presence != Presence::present)
    return failure(ErrorKind::failed, "there is no process " + std::to_string(pid),
                   "ps -e lists the processes; pgrep NAME finds one by its name");
  root.last = process.reading;
  roots_.push_back(std::move(root));
  return {};
}

Result<void> ProcessFollower::find_children() {
  const std::int64_t start_ns = clock_.now().monotonic_ns;
  if (!listing_.is_due(start_ns)) return {};
  auto done = lister_.list_new(found_);
  if (!done) return done;
  for (Root& root : roots_) root.tree.add(found_);
  // The first reads every process there is, later ones only those that are new.
  if (listed_once_) listing_.done(start_ns, clock_.now().monotonic_ns);
  listed_once_ = true;
  return {};
}

Result<Presence> ProcessFollower::read_members(Root& root, std::vector<EndedProcess>& ended) {
  members_.clear();
  Presence root_presence = Presence::present;
  const std::vector<unsigned> pids = root.tree.members();
  for (std::size_t i = 0; i < pids.size(); ++i) {
    const bool is_root = i == 0;
    Followed& process = followed(root, pids[i]);
    const auto presence = read(process);
    if (!presence && is_root) return presence;
    const Presence how = presence.value_or(Presence::ended);
    if (is_root) root_presence = how;
    if (how == Presence::present) {
      // Until somebody waits for it, what a process had counted stands nowhere else.
      const bool counts = !process.reading.has_ended() || is_root || children_ == Children::sum;
      if (counts) members_.push_back(process.reading);
      if (counts || process.reported) continue;
    }
    const bool was_seen = process.reading.pid != 0;
    if (!is_root && was_seen && !process.reported && children_ == Children::rows)
      ended.push_back({process.reading, how, false});
    process.reported = true;
    if (how != Presence::present && !is_root) {
      root.processes.erase(pids[i]);
      root.tree.remove(pids[i]);
    }
  }
  return root_presence;
}

void ProcessFollower::show_members(Root& root, std::vector<ProcessReading>& readings) {
  if (children_ == Children::sum) {
    ProcessReading total;
    root.sum.sum(members_, total);
    root.last = std::move(total);
    readings.push_back(root.last);
  } else {
    root.last = members_.front();
    readings.insert(readings.end(), members_.begin(), members_.end());
  }
}

Result<void> ProcessFollower::collect(std::vector<ProcessReading>& readings,
                                      std::vector<EndedProcess>& ended) {
  readings.clear();
  ended.clear();
  if (children_ != Children::none) {
    if (auto done = find_children(); !done) return done;
  }
  std::vector<ProcessReading> discarded;
  for (auto root = roots_.begin(); root != roots_.end();) {
    const auto presence = read_members(*root, ended);
    if (!presence) return tl::make_unexpected(presence.error());
    const bool is_zombie = *presence == Presence::present && members_.front().has_ended();
    if (*presence == Presence::present && !is_zombie) {
      show_members(*root, readings);
      ++root;
      continue;
    }
    // A process that was not waited for still tells its last counters.
    if (is_zombie) show_members(*root, discarded);
    ended.push_back({root->last, *presence, true});
    refused_ += root->tree.refused();
    root = roots_.erase(root);
  }
  return {};
}

std::uint64_t ProcessFollower::refused() const {
  std::uint64_t refused = refused_;
  for (const Root& root : roots_) refused += root.tree.refused();
  return refused;
}

}  // namespace isotach::memory

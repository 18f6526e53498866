// Follows processes: reads each at every sample, finds their children, notices who ended.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "kernel/process.h"
#include "kernel/system_root.h"
#include "memory/process/pace.h"
#include "memory/process/tree.h"

namespace isotach::memory {

enum class Children {
  none,  // only the processes named
  rows,  // every descendant has rows of its own
  sum,   // the descendants are summed into the rows of the process named
};

struct EndedProcess {
  kernel::ProcessReading last;  // as it was last seen, alone or with its children
  kernel::Presence how = kernel::Presence::ended;
  bool named = false;  // one of those followed by name, not a descendant
};

class ProcessFollower {
 public:
  // PSS may not be read more often: the process cannot map memory meanwhile.
  static constexpr std::int64_t kShortestProportionalIntervalNs = 500'000'000;

  ProcessFollower(const kernel::SystemRoot& root, Clock& clock, Children children,
                  std::int64_t proportional_interval_ns);

  // Follows the process with this number; an error when there is none, or when it has ended.
  [[nodiscard]] Result<void> add(unsigned pid);

  // Reads everything. `readings` are in a lasting order: by process named, then as they were found.
  // `ended` are those that were there the last time. Fails only when /proc itself cannot be read.
  [[nodiscard]] Result<void> collect(std::vector<kernel::ProcessReading>& readings,
                                     std::vector<EndedProcess>& ended);

  // How many of the processes named are still there.
  [[nodiscard]] std::size_t named_running() const { return roots_.size(); }
  // Descendants beyond what is followed (ProcessTree::kMemberLimit).
  [[nodiscard]] std::uint64_t refused() const;

 private:
  struct Followed {
    kernel::ProcessReader reader;
    Pace proportional;
    kernel::ProcessReading reading;
    bool reported = false;  // its end was told; it is still there because nobody has waited for it
  };
  // A process named, and its descendants.
  struct Root {
    ProcessTree tree;
    TreeSum sum;
    std::map<unsigned, Followed> processes;
    kernel::ProcessReading last;
  };

  [[nodiscard]] Followed& followed(Root& root, unsigned pid);
  [[nodiscard]] Result<kernel::Presence> read(Followed& followed);
  [[nodiscard]] Result<void> find_children();
  // Fills members_; the presence of the root itself.
  [[nodiscard]] Result<kernel::Presence> read_members(Root& root, std::vector<EndedProcess>& ended);
  void show_members(Root& root, std::vector<kernel::ProcessReading>& readings);

  kernel::SystemRoot root_;
  Clock& clock_;
  Children children_;
  std::int64_t proportional_interval_ns_;
  kernel::ProcessLister lister_;
  Pace listing_{0};
  bool listed_once_ = false;
  std::vector<Root> roots_;
  std::uint64_t refused_ = 0;  // by the trees of roots that have ended
  std::vector<kernel::ProcessLister::Found> found_;
  std::vector<kernel::ProcessReading> members_;
};

}  // namespace isotach::memory

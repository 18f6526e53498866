// Whose traffic it is: from a process number to its command and container, as far as that can still be told.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kernel/system_root.h"
#include "network/traffic/snapshot.h"

namespace isotach::network {

// The name of a container in the path of a control group: the first twelve digits of an id that docker,
// podman, containerd or Kubernetes gave it, or the name that systemd-nspawn or LXC did. Empty without a
// container.
[[nodiscard]] std::string container_of(std::string_view cgroup_path);

class TrafficOwners {
 public:
  // What a process was, for one that has ended: its command; nothing when that is not known either.
  using Remembered = std::function<std::optional<std::string>(std::uint32_t pid)>;

  explicit TrafficOwners(kernel::SystemRoot root, Remembered remembered = {}, std::size_t limit = kLimit);

  // The row of a process, which is made when there is none. Processes past the limit are kOwnerUnknown.
  [[nodiscard]] std::uint32_t row_of(std::uint32_t pid);
  void add(std::uint32_t row, const TwoWay& traffic) { rows_[row].traffic += traffic; }
  // What was added to that row and turned out to belong to another.
  void take_back(std::uint32_t row, const TwoWay& traffic);
  [[nodiscard]] const std::vector<TrafficOwner>& rows() const { return rows_; }
  // When there are nearly too many rows, those that no flow needs any more are put together into one, "(ended
  // processes)". Gives the new place of each row, or nothing when all stay where they are.
  [[nodiscard]] std::vector<std::uint32_t> make_room(const std::vector<bool>& needed);
  [[nodiscard]] bool needs_room() const { return rows_.size() * 8 > limit_ * 7; }
  // Process numbers are used again: a known one is looked at again, once, after this.
  void begin_round() { ++round_; }

  static constexpr std::size_t kLimit = 16'384;

 private:
  struct Known {
    std::uint32_t row = kOwnerUnknown;
    std::uint64_t round = 0;
    std::string start;  // when the process started, as stat tells it; with the number it names the process
  };
  [[nodiscard]] std::string start_of(std::uint32_t pid) const;

  kernel::SystemRoot root_;
  Remembered remembered_;
  std::size_t limit_;
  std::uint64_t round_ = 1;
  std::uint32_t ended_row_ = 0;  // 0: there is none yet
  std::vector<TrafficOwner> rows_;
  std::unordered_map<std::uint32_t, Known> known_;
};

}  // namespace isotach::network

// Where /proc and /sys are: the live system, or a tree saved from another machine.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace isotach::kernel {

class SystemRoot {
 public:
  SystemRoot() = default;  // the live system
  // A saved tree: `prefix`/proc/... and `prefix`/sys/...; or, where there is no folder `prefix`/proc,
  // the content of a proc folder itself: `prefix`/meminfo and so on.
  explicit SystemRoot(std::string prefix);

  [[nodiscard]] bool is_live() const { return prefix_.empty(); }
  [[nodiscard]] const std::string& prefix() const { return prefix_; }
  // path("proc/meminfo") is "/proc/meminfo" on the live system.
  [[nodiscard]] std::string path(std::string_view relative) const;

 private:
  std::string prefix_;
  bool proc_is_prefix_ = false;
};

}  // namespace isotach::kernel

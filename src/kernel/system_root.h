// Where /proc and /sys are: the live system, or a tree saved from another machine.
#pragma once

#include <string>
#include <string_view>

namespace isotach::kernel {

class SystemRoot {
 public:
  SystemRoot() = default;  // the live system
  // A saved tree: `prefix`/proc/... and `prefix`/sys/...
  explicit SystemRoot(std::string prefix) : prefix_(std::move(prefix)) {}

  [[nodiscard]] bool is_live() const { return prefix_.empty(); }
  [[nodiscard]] const std::string& prefix() const { return prefix_; }
  // path("proc/meminfo") is "/proc/meminfo" on the live system.
  [[nodiscard]] std::string path(std::string_view relative) const {
    return prefix_ + '/' + std::string(relative);
  }

 private:
  std::string prefix_;
};

}  // namespace isotach::kernel

// To be woken when the machine stalls: a trigger of pressure stall information (kernel:
// Documentation/accounting/psi.rst, "Monitoring for pressure thresholds").
#pragma once

#include <cstdint>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "kernel/system_root.h"

namespace isotach::kernel {

class PressureTrigger {
 public:
  // Without CAP_SYS_RESOURCE the kernel takes only windows that are multiples of this.
  static constexpr std::uint64_t kWindowUs = 2'000'000;

  // Fires when some task was stalled for `stall_us` within a window, at most once a window. `resource` is
  // "memory", "io" or "cpu". Fails where the kernel has no PSI, or is too old for triggers.
  [[nodiscard]] static Result<PressureTrigger> open(const SystemRoot& root, std::string_view resource,
                                                    std::uint64_t stall_us);

  // Readable when it has fired.
  [[nodiscard]] int fd() const { return epoll_.get(); }
  // Whether it has fired since the last call.
  [[nodiscard]] bool take();

 private:
  PressureTrigger(Fd file, Fd epoll) : file_(std::move(file)), epoll_(std::move(epoll)) {}

  Fd file_;
  Fd epoll_;  // the kernel tells of it as of urgent data, which poll for input does not see
};

}  // namespace isotach::kernel

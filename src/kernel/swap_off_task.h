// Draining one swap area in the background: swapoff(2) returns only when all is back in memory, which
// takes minutes for a large area.
//
// It runs in a thread, not in a child: should this process be killed, its descriptors are closed only
// once that thread has left the kernel too. So a watchdog (change/watchdog.h), which waits for that, sees
// an area that is either on or off, never one on its way.
//
// Thread rules: the object belongs to one thread.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::kernel {

class SwapOffTask {
 public:
  explicit SwapOffTask(std::string path);  // starts at once
  ~SwapOffTask();                          // interrupts, and waits for it
  SwapOffTask(const SwapOffTask&) = delete;
  SwapOffTask& operator=(const SwapOffTask&) = delete;

  // Readable once it is over.
  [[nodiscard]] int fd() const { return over_fd_.get(); }
  [[nodiscard]] bool is_over() const { return over_.load(std::memory_order_acquire); }
  // Ends it soon, with EINTR; the area stays on.
  void interrupt();
  // Waits until it is over.
  [[nodiscard]] Result<void> finish();

 private:
  void run();

  std::string path_;
  Fd over_fd_;
  std::atomic<bool> over_ = false;
  Result<void> result_;
  std::thread thread_;
};

}  // namespace isotach::kernel

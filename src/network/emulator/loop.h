// Runs an emulated path between interfaces in real time.
//
// What comes in has the kernel's stamp; it moves in emulated time, and is released when real time has come
// that far. The thread waits by ppoll(2) until shortly before, then spins. It asks for a real-time priority;
// where it does not get one, or the machine is busy, packets leave late, and the statistics say so. The
// counts are exact in any case, and so are exact stamps.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "network/emulator/path.h"
#include "network/emulator/port.h"
#include "network/emulator/statistics.h"

namespace isotach::emulator {

class Loop {
 public:
  // One port for each host of the path, in the same order.
  Loop(Path path, std::vector<Port> ports);

  // Until `stop_fd` is readable; calls `control` when `control_fd` is.
  void run(int stop_fd, int control_fd, const std::function<void()>& control);
  // After run(): captures are whole.
  void end_captures() {
    for (Port& port : ports_) port.end_capture();
  }

  // During run(), from `control`:
  void stop() { stopped_ = true; }
  [[nodiscard]] Result<void> apply(std::string_view words);
  [[nodiscard]] Statistics statistics();
  void reset_lateness() { lateness_ = Histogram(); }
  [[nodiscard]] const Path& path() const { return path_; }

 private:
  [[nodiscard]] double now_ns() const;
  void follow_clock(std::int64_t now);
  bool take_in();
  bool release();

  Path path_;
  std::vector<Port> ports_;
  std::int64_t began_ns_;             // CLOCK_MONOTONIC
  std::int64_t to_monotonic_ns_ = 0;  // what CLOCK_REALTIME lacks
  std::int64_t clock_due_ns_ = 0;
  Histogram lateness_;
  bool stopped_ = false;
};

}  // namespace isotach::emulator

// Frames of a network interface as they pass, by libpcap: the head of each, as far as statistics need it.
// Needs CAP_NET_RAW. One object, one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "network/packet/frame.h"

namespace isotach::network {

class LiveCapture {
 public:
  // All heads with every TCP option, also within a tunnel.
  static constexpr int kSnapLength = 256;

  // `interface` may be "any". `filter` is an expression of libpcap, or empty.
  [[nodiscard]] static Result<std::unique_ptr<LiveCapture>> open(const std::string& interface,
                                                                 const std::string& filter);
  ~LiveCapture();
  LiveCapture(const LiveCapture&) = delete;
  LiveCapture& operator=(const LiveCapture&) = delete;

  // The next frame that has come; false when there is none yet. Valid until the next call.
  [[nodiscard]] Result<bool> next(Frame& frame);
  // At the end: waits until the kernel has handed over what came before, which it does in blocks, each after
  // a tenth of a second at the latest. False when nothing more came.
  [[nodiscard]] bool wait_for_rest() const;
  // To wait for more.
  [[nodiscard]] int descriptor() const;
  // Frames that came while the buffer was full, since the beginning.
  [[nodiscard]] std::uint64_t drops() const;

 private:
  struct State;
  explicit LiveCapture(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace isotach::network

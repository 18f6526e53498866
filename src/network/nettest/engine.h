// How the ends of a TCP stream move its bytes between memory and socket.
//
// Where a copy is left out, a test measures something else than where it is made: the report names the engine
// of each end, and whether it copied.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace isotach::nettest {

enum class SendEngine : std::uint8_t {
  automatic,  // splice where whole buffers go out as fast as they can, otherwise send
  send,       // send(2): the kernel copies
  sendfile,   // sendfile(2) from memory: copies nothing here
  zerocopy,   // MSG_ZEROCOPY: the kernel tells afterwards whether it had to copy
  splice,     // vmsplice(2) and splice(2): lends pages to the socket, copies nothing here
  uring,      // io_uring, several writes in a system call: the kernel copies
  gso,        // of UDP: many datagrams in a call
};

[[nodiscard]] std::string_view name_of(SendEngine engine);
[[nodiscard]] std::optional<SendEngine> engine_named(std::string_view name);

// The ways to receive: copied to memory, or thrown away by the kernel (MSG_TRUNC).
inline constexpr std::string_view kReceivedByCopy = "recv";
inline constexpr std::string_view kDiscarded = "discard";

// What all senders of the process send: pages that are written once, because the kernel may still hold them.
class Payload {
 public:
  // Large enough for any ring of buffers that no cache holds.
  static constexpr std::size_t kLargest = std::size_t{64} * 1024 * 1024;

  // At least `bytes` of it are there afterwards; nothing where there is no memory.
  [[nodiscard]] static const Payload* with(std::size_t bytes);
  [[nodiscard]] char* at(std::size_t offset) const { return memory_ + offset; }
  [[nodiscard]] std::size_t size() const { return filled_; }

 private:
  char* memory_ = nullptr;
  std::size_t filled_ = 0;
};

// Of one sending socket.
class Engine {
 public:
  virtual ~Engine() = default;
  // Up to `size` bytes of the payload from `offset` on: how many the socket took, or -1 and errno. EAGAIN: it
  // is full; with `may_wait`, was so for a while.
  [[nodiscard]] virtual ssize_t send(std::size_t offset, std::size_t size, bool may_wait) = 0;
  [[nodiscard]] virtual SendEngine kind() const = 0;
  // Share of the bytes, 0..1, that the kernel copied all the same.
  [[nodiscard]] virtual double copied() const = 0;
};

// Buffers of the length of a write that it takes in one call.
[[nodiscard]] std::size_t buffers_a_call(SendEngine engine);

// In the thread that sends. Nothing, with errno, where the kernel does not have it.
[[nodiscard]] std::unique_ptr<Engine> make_engine(SendEngine kind, int fd, std::size_t length);

}  // namespace isotach::nettest

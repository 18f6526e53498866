// The client's control connection, and its waiting: states and JSON texts come with a deadline, signals are
// noticed, and the end of a worker thread wakes it.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "base/wait.h"
#include "kernel/socket.h"
#include "network/nettest/frame_reader.h"
#include "network/nettest/protocol.h"

namespace isotach::nettest {

// A server, or the network to it, that went away in a test.
[[nodiscard]] Error silent_server();

class ClientLink {
 public:
  explicit ClientLink(SignalWaiter& waiter) : waiter_(waiter) {}

  // Fails where the kernel gives no descriptors.
  [[nodiscard]] Result<void> prepare();
  // A connected socket of TCP or MPTCP; `set_up` sees it before it connects.
  template <class SetUp>
  [[nodiscard]] Result<Fd> connect(const kernel::SocketAddress& to, kernel::Transport transport,
                                   std::int64_t deadline_ns, const SetUp& set_up) {
    auto fd = kernel::new_socket(to, transport);
    if (!fd) return fd;
    if (Result<void> ready = set_up(fd->get()); !ready) return tl::make_unexpected(std::move(ready.error()));
    return finish_connect(std::move(*fd), to, deadline_ns);
  }
  void use_control(Fd control);
  [[nodiscard]] int control() const { return control_.get(); }
  [[nodiscard]] int notify_fd() const { return notify_.get(); }

  [[nodiscard]] Result<void> send(std::string_view bytes);
  [[nodiscard]] Result<void> send(State state);
  // What the server says next; its errors and a closed connection are failures.
  [[nodiscard]] Result<State> next_state(std::int64_t deadline_ns);
  // The same where it has come already; nothing where it has not.
  [[nodiscard]] Result<std::optional<State>> poll_state();
  [[nodiscard]] Result<std::string> next_json(std::size_t limit_bytes, std::int64_t deadline_ns);
  // The next `count` bytes of a stream, which must come until then.
  [[nodiscard]] Result<std::string> read_bytes(int fd, std::size_t count, std::int64_t deadline_ns);

  // Until something happens: control connection, end of a thread, `extra_fd` readable, a signal. Returns
  // false when the deadline has passed.
  bool wait(std::int64_t deadline_ns, int extra_fd = -1, bool for_writing = false);
  // A signal has come, and has not been taken for "end the test" yet.
  [[nodiscard]] bool interrupted() const { return waiter_.interrupted() && !signal_taken_; }
  void take_signal() { signal_taken_ = true; }

 private:
  [[nodiscard]] Result<Fd> finish_connect(Fd fd, const kernel::SocketAddress& to, std::int64_t deadline_ns);
  [[nodiscard]] Result<void> read_some();
  [[nodiscard]] Result<std::string> next_frame(std::int64_t deadline_ns);
  [[nodiscard]] Result<State> understood(const std::string& byte, std::int64_t deadline_ns);

  SignalWaiter& waiter_;
  Fd control_;
  Fd notify_;
  Fd poller_;
  FrameReader frames_;
  bool expecting_ = false;
  bool signal_taken_ = false;
};

}  // namespace isotach::nettest

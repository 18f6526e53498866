// When datagrams left, by the kernel's own stamps (SO_TIMESTAMPING), taken as the interface gets them: what a
// call took before that, and when it came to run again, makes no difference. Of a train that is cut into
// packets by the kernel the first is stamped. Interfaces that do not stamp leave the times as they were. One
// thread at a time.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace isotach::path {

// The control part of a message to be sent.
class SendControl {
 public:
  void add(int level, int type, std::uint32_t value) { add_bytes(level, type, &value, sizeof value); }
  void add(int level, int type, std::uint16_t value) { add_bytes(level, type, &value, sizeof value); }
  void give_to(msghdr& message);

 private:
  void add_bytes(int level, int type, const void* bytes, std::size_t size);

  alignas(cmsghdr) std::array<char, 64> bytes_{};
  std::size_t used_ = 0;
};

class LeaveStamps {
 public:
  // A stream follows; its stamps are numbered from 0 on.
  void begin(int fd);
  // Of the next message.
  void ask(SendControl& control) const;
  // It was sent: these places of the times are of its packets.
  void sent(std::size_t first, std::size_t end);
  // The stream is over: sets right what the kernel knows better.
  void take(int fd, std::vector<std::int64_t>& times_ns);
  // Takes off what came too late; else the socket would be reported as ready for ever.
  void drop_late(int fd);

 private:
  struct Call {
    std::size_t first, end;
  };
  bool read_some(int fd, std::vector<std::int64_t>* times_ns);

  std::vector<Call> calls_;
  std::size_t missing_ = 0;
  bool stamped_ever_ = false;
  bool works_ = true;
};

}  // namespace isotach::path

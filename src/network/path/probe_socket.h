// A connected UDP socket for probes: the kernel's receive stamps and type of service with each, what the
// socket dropped for want of room, and trains that leave back to back in one call (UDP segmentation offload)
// where the kernel can. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "kernel/socket.h"
#include "network/path/leave_stamps.h"
#include "network/path/wire.h"

namespace isotach::path {

[[nodiscard]] std::int64_t wall_ns();  // CLOCK_REALTIME, as the stamps are

struct ReceivedProbe {
  Probe probe;
  std::size_t size = 0;
  std::int64_t stamp_ns = 0;  // CLOCK_REALTIME
  std::uint8_t tos = 0;
};

// Probes of one stream: `count` of `size` bytes of UDP payload, `gap_ns` from one to the next; 0: back to
// back.
struct ProbeStream {
  std::uint32_t stream = 0;
  std::size_t size = 0;
  std::uint32_t count = 0;
  double gap_ns = 0;
  std::uint32_t first = 0;  // sequence number
};

class ProbeSocket {
 public:
  static constexpr std::uint64_t kReceiveBytes = 16U << 20;
  // Bound to `local`, whose port is chosen where it is 0.
  [[nodiscard]] static Result<ProbeSocket> open(const kernel::SocketAddress& local,
                                                std::uint64_t receive_bytes = kReceiveBytes);
  [[nodiscard]] Result<void> connect(const kernel::SocketAddress& peer);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] bool is_v6() const { return v6_; }

  // One probe, padded to `size`. False where the kernel refuses it: too big, or no room.
  bool send(const Probe& probe, std::size_t size);
  // Sends it, and says when each left, by the kernel's stamps where the interface gives them, else by our
  // clock.
  [[nodiscard]] Result<std::vector<std::int64_t>> send_stream(const ProbeStream& stream, std::uint64_t token);
  // That stream so many times, numbered on, with a rest between; until `goes_on` says no.
  [[nodiscard]] Result<std::vector<std::int64_t>> send_trains(ProbeStream stream, std::uint32_t trains,
                                                              double rest_ns, std::uint64_t token,
                                                              const std::function<bool()>& goes_on);
  // Probes come with the kernel's stamps: whoever is woken for each of a fast stream only takes the processor
  // from the one who sends it. To be called after some have come; what comes meanwhile waits in the socket.
  static void rest();
  // Hands over what has come; does not wait.
  void receive(const std::function<void(const ReceivedProbe&)>& each);
  // Whatever the path or the kernel reported is read off, so that it does not wake us again.
  void clear_error();
  // For want of room here, since the socket is open.
  [[nodiscard]] std::uint32_t dropped() const;

  void set_type_of_service(int tos) { static_cast<void>(kernel::set_type_of_service(fd_.get(), v6_, tos)); }
  // Never fragmented, whatever the kernel believes of the path's MTU.
  void probe_path_mtu();

 private:
  ProbeSocket(Fd fd, bool v6) : fd_(std::move(fd)), v6_(v6) {}
  [[nodiscard]] bool send_train(const ProbeStream& stream, std::uint32_t first, std::uint32_t end,
                                std::uint64_t token, std::vector<std::int64_t>& sent);
  // One call, whose packets are from `first` on in `sent`.
  [[nodiscard]] bool send_stamped(const std::uint8_t* bytes, std::size_t size, std::uint16_t segment_bytes,
                                  std::size_t first, std::size_t end);
  [[nodiscard]] Result<void> send_one(const ProbeStream& stream, std::uint32_t number, std::uint64_t token,
                                      std::vector<std::int64_t>& sent);

  Fd fd_;
  bool v6_;
  bool offload_ = true;
  LeaveStamps stamps_;
  std::uint32_t dropped_ = 0;
};

}  // namespace isotach::path

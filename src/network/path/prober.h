// The client's end of path measurements: streams of probes to a partner, with what it saw of them, and
// echoes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/wait.h"
#include "kernel/socket.h"
#include "network/path/probe_socket.h"
#include "network/path/search.h"

namespace isotach::path {

struct Echo {
  double rtt_ns = 0;                 // without the time that the partner took
  double forth_ns = 0, back_ns = 0;  // one way, by two clocks: only differences mean something
  std::uint8_t tos = 0;
};

struct EchoPlan {
  std::uint32_t count = 10;
  std::int64_t gap_ns = 10'000'000;
  std::size_t size = kProbeBytes;
  std::int64_t patience_ns = 1'000'000'000;  // after the last
};

// What measuring cost the path.
struct Intrusion {
  std::uint64_t bytes = 0;
  std::uint64_t packets = 0;
  double peak_bps = 0;  // of a stream
};

// Of the probes.
enum class Direction : std::uint8_t { to_peer, from_peer };

class Prober final : public StreamSender {
 public:
  // not_supported where the other end is no Isotach.
  [[nodiscard]] static Result<Prober> connect(const kernel::SocketAddress& to, std::int64_t limit_ns,
                                              SignalWaiter& waiter);

  [[nodiscard]] Result<StreamRecord> stream(std::size_t wire_bytes, std::uint32_t count,
                                            double gap_ns) override;
  [[nodiscard]] Result<std::vector<StreamRecord>> trains(std::size_t wire_bytes, std::uint32_t count,
                                                         std::uint32_t trains, double rest_ns) override;
  [[nodiscard]] std::vector<std::optional<Echo>> echoes(const EchoPlan& plan,
                                                        const std::function<bool()>& goes_on = {});

  [[nodiscard]] ProbeSocket& socket() { return *probes_; }
  [[nodiscard]] const Intrusion& intrusion() const { return intrusion_; }
  [[nodiscard]] const Losses& losses() const { return losses_; }
  [[nodiscard]] std::size_t head_bytes() const { return probes_->is_v6() ? 48 : 28; }  // IP and UDP
  // That probes leave by; empty where it is not known.
  struct Interface {
    std::string name;
    int mtu = 0;
  };
  [[nodiscard]] Interface interface() const;
  // Of the streams from now on; what was counted before is forgotten.
  void set_direction(Direction direction) {
    direction_ = direction;
    intrusion_ = {};
    losses_ = {};
  }
  void set_rtt(double rtt_ns) { rtt_ns_ = rtt_ns; }
  [[nodiscard]] bool is_stopped() const override { return waiter_->interrupted(); }
  [[nodiscard]] std::int64_t now_ns() const override;  // monotonic
  // Until that time, or a signal.
  void wait_until(std::int64_t monotonic_ns) override;

 private:
  Prober(Fd control, SignalWaiter& waiter) : control_(std::move(control)), waiter_(&waiter) {}
  [[nodiscard]] Result<std::string> read_bytes(std::size_t size, std::int64_t limit_ns);
  [[nodiscard]] Result<std::string> read_message(MessageType type, std::int64_t limit_ns);
  [[nodiscard]] Result<void> send_all(const std::string& text);
  [[nodiscard]] Result<void> greet(std::int64_t limit_ns);
  struct Plan {
    std::size_t wire_bytes;
    std::uint32_t count, trains;
    double gap_ns, rest_ns;
  };
  struct Seen {
    std::vector<std::int64_t> sent_ns;
    std::vector<Arrival> arrivals;
  };
  [[nodiscard]] Result<std::vector<StreamRecord>> exchange(const Plan& plan);
  [[nodiscard]] Result<Seen> send_probes(const Plan& plan);
  [[nodiscard]] Result<Seen> receive_probes(const Plan& plan);
  [[nodiscard]] std::int64_t patience_ns() const;  // after the last probe

  Fd control_;
  SignalWaiter* waiter_;
  std::unique_ptr<ProbeSocket> probes_;
  std::uint64_t token_ = 0;
  std::uint32_t stream_ = 0;
  double rtt_ns_ = 500e6;
  Intrusion intrusion_;
  Losses losses_;
  Direction direction_ = Direction::to_peer;
};

}  // namespace isotach::path

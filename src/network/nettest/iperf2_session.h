// A stream of an iperf 2 client at our server: a connection of TCP, or the datagrams of one address.
#pragma once

#include <optional>

#include "base/clock.h"
#include "network/nettest/iperf2_transfer.h"
#include "network/nettest/measure.h"
#include "network/nettest/session.h"

namespace isotach::nettest {

class Iperf2Session {
 public:
  // `notify`: an eventfd for the worker thread.
  Iperf2Session(std::uint64_t number, Fd notify, const kernel::SocketAddress& peer, Clock& clock,
                SessionObserver& observer);

  // The words of the test were the first `begun_bytes` of the connection.
  void begin_tcp(Fd fd, const Iperf2Test& test, std::size_t begun_bytes);
  // `early`: what came before `fd` was connected to the client.
  void begin_udp(Fd fd, const Iperf2Test& test, std::vector<EarlyDatagram> early);

  [[nodiscard]] const kernel::SocketAddress& peer() const { return facts_.peer; }
  [[nodiscard]] int notify_fd() const { return notify_.get(); }
  [[nodiscard]] std::int64_t next_tick_ns() const { return next_tick_ns_; }
  void notified();
  void tick(std::int64_t now_ns);
  void terminate();
  [[nodiscard]] bool over() const { return over_; }

 private:
  void begin(const Iperf2Test& test, bool udp, const Fd& fd);
  void start(std::unique_ptr<Transfer> transfer, std::size_t begun_bytes);
  void finish(std::optional<Error> error);

  std::uint64_t number_;
  Fd notify_;
  Clock& clock_;
  SessionObserver& observer_;
  TestFacts facts_;
  Workers workers_;
  Measurement measurement_;
  HostCpu host_cpu_;
  std::int64_t begun_ns_ = 0;
  std::int64_t next_tick_ns_ = 0;
  std::int64_t stop_ns_ = 0;  // when we stop to send
  std::int64_t moved_ns_ = 0;
  std::uint64_t bytes_seen_ = 0;
  bool over_ = false;
};

}  // namespace isotach::nettest

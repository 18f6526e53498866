// All streams of iperf 2 clients at our server.
//
// A connection is known by its first words, a stream of datagrams by those of any of its datagrams: nobody
// else's begin so. Who sends them with false addresses gets at most what `most_tests` allows, for ten
// seconds.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "network/nettest/iperf2_session.h"

namespace isotach::nettest {

class Iperf2Sessions {
 public:
  Iperf2Sessions(Clock& clock, SessionObserver& observer) : clock_(clock), observer_(observer) {}

  // The connection says that it is iperf2's and all of `words`. False where it is not served. The number is
  // that of the session; its notify_of() becomes readable when notified() is due.
  bool begin_tcp(std::uint64_t number, Fd fd, const kernel::SocketAddress& peer, std::string_view words);

  // A datagram that came to a listening socket. True where it begins a stream, which waits for add_udp().
  [[nodiscard]] bool is_new(std::string_view datagram, const kernel::SocketAddress& peer) const;
  // `fd` is connected to the client.
  void add_udp(std::uint64_t number, Fd fd, const kernel::SocketAddress& peer, std::string_view datagram);
  // Of a stream that has been added and not started: keeps what came before its socket was connected.
  void keep(std::string_view datagram, const kernel::SocketAddress& peer);
  [[nodiscard]] bool waiting() const { return !waiting_.empty(); }
  // Nothing of them is left in the listening sockets. Returns the numbers of those that began.
  std::vector<std::uint64_t> start();

  [[nodiscard]] std::size_t size() const { return sessions_.size() + waiting_.size(); }
  [[nodiscard]] int notify_of(std::uint64_t number) const;
  void notified(std::uint64_t number);
  [[nodiscard]] std::int64_t next_tick_ns() const;
  // Returns whether a test has come to its end since.
  bool tick(std::int64_t now_ns);
  void terminate();

 private:
  struct Waiting {
    std::uint64_t number = 0;
    Fd fd;
    kernel::SocketAddress peer;
    Iperf2Test test;
    std::vector<EarlyDatagram> early;
  };

  [[nodiscard]] std::unique_ptr<Iperf2Session> make(std::uint64_t number, const kernel::SocketAddress& peer);

  Clock& clock_;
  SessionObserver& observer_;
  std::map<std::uint64_t, std::unique_ptr<Iperf2Session>> sessions_;
  std::map<std::string, Waiting> waiting_;  // by the text of the address
};

}  // namespace isotach::nettest

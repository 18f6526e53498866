// The inside of the server, for its own files: server.cc waits and looks at deadlines, server_newcomers.cc
// knows who has connected, server_datagrams.cc what came to the ports without a connection.
#pragma once

#include <sys/epoll.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "network/nettest/iperf2_sessions.h"
#include "network/nettest/listeners.h"
#include "network/nettest/newcomers.h"
#include "network/nettest/server.h"
#include "network/path/responder.h"

namespace isotach::nettest {

class Server {
 public:
  Server(const ServerOptions& options, SignalWaiter& waiter, Clock& clock, ServerObserver& observer)
      : options_(options), waiter_(waiter), clock_(clock), observer_(observer) {}

  [[nodiscard]] Result<void> run();

 private:
  // Accepted, or heard of, at a time, so that running tests have their turn in a flood.
  static constexpr int kAcceptsATurn = 64;
  // A client that has its answer closes its connection by a reset, and then ours is gone without a segment
  // more. So many are left to it, and for so long.
  static constexpr std::size_t kMostAnswered = 64;
  static constexpr std::int64_t kAnsweredLimitNs = 100'000'000;

  // What an event is of; below it stands the number.
  enum class Kind : std::uint8_t {
    tcp_listener,
    udp_listener,
    newcomer,
    control,
    notify,
    early_stream,
    iperf2
  };
  static constexpr std::uint64_t tag(Kind kind, std::uint64_t number) {
    return static_cast<std::uint64_t>(kind) << 56 | number;
  }
  static std::string_view key_of(const Cookie& cookie) { return {cookie.data(), cookie.size()}; }

  void watch(int fd, std::uint64_t data, std::uint32_t events, int operation = EPOLL_CTL_ADD);
  [[nodiscard]] Session* session_of(std::uint64_t number);
  [[nodiscard]] Session* session_of(std::string_view cookie);
  [[nodiscard]] bool has_room() const;
  // When a test that waits for its turn may have it: once no other of its host expects hellos any more, or
  // has done so for too long.
  [[nodiscard]] std::int64_t turn_free_ns(const Session& waiting) const;

  [[nodiscard]] Result<void> listen();
  [[nodiscard]] std::int64_t next_deadline_ns() const;
  // Waits at most so long. False where nothing came.
  [[nodiscard]] bool take_events(int limit_ms);
  // After anything that may have moved a session on.
  void update(Session& session);
  void tick(std::int64_t now_ns);

  // server_newcomers.cc
  void accept_some(int listener);
  void make_room();
  // Reads what a newcomer says, as far as it has come.
  void hear(Newcomers::iterator at);
  void watch_newcomer(Newcomers::iterator at, std::uint32_t events);
  // A cookie is complete. True where the newcomer stays one, for a transaction.
  [[nodiscard]] bool assign(Newcomers::iterator at);
  // What began with no cookie: a client of iperf2, whose words may be longer, or none of ours. It has no way
  // to name a user.
  [[nodiscard]] bool assign_iperf2(Newcomers::iterator at);
  void answer(Newcomers::iterator at);
  void begin_session(Fd fd, const Cookie& cookie, const kernel::SocketAddress& peer);

  // server_datagrams.cc
  // Hellos come to the listening socket; a socket of its own for the stream gets all that follows.
  void take_hellos(const UdpListener& listener, int fd);
  // No hello: perhaps one of iperf2's, which need none.
  void take_datagram(const UdpListener& listener, int fd, std::string_view datagram,
                     const kernel::SocketAddress& peer);
  [[nodiscard]] Session* session_for(std::string_view hello, const kernel::SocketAddress& peer);
  // A client whose answer was lost asks again, on the socket that is its own already.
  static void answer_again(Session& session);

  const ServerOptions& options_;
  SignalWaiter& waiter_;
  Clock& clock_;
  ServerObserver& observer_;
  std::uint64_t descriptors_ = 1024;
  Fd poller_;
  Listeners listeners_;
  path::Responders path_responders_;
  Newcomers newcomers_;
  int accepts_a_turn_ = 1;
  std::deque<Fd> answered_;  // closed soon, in this order
  std::int64_t answered_from_ns_ = 0;
  Iperf2Sessions iperf2_{clock_, observer_};
  std::map<std::uint64_t, std::unique_ptr<Session>> sessions_;
  std::unordered_map<std::string, std::uint64_t> by_cookie_;
  std::unordered_map<std::uint64_t, std::vector<int>> early_;
  std::uint64_t last_number_ = 0;
  bool over_ = false;
};

}  // namespace isotach::nettest

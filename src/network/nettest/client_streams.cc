#include "network/nettest/client_streams.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "network/nettest/datagram.h"
#include "network/nettest/stream_setup.h"
#include "network/nettest/transfer.h"

namespace isotach::nettest {
namespace {

constexpr std::int64_t kGreetingLimitNs = 5 * kNanosecondsPerSecond;
// Soon at first, then as often as a slow path may need for one answer: five seconds in all.
constexpr std::int64_t kHelloFirstNs = 50'000'000;
constexpr std::int64_t kHelloAgainNs = 250'000'000;
constexpr int kHelloTries = 21;

// Data that overtook the answer, in reverse, is one.
bool answered(int fd) {
  std::array<char, 2048> buffer;
  const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0) return false;
  const std::string_view answer(buffer.data(), static_cast<std::size_t>(got));
  return answer == kUdpHelloReply || answer == kOldUdpHelloReply || answer.size() >= head_bytes(false);
}

}  // namespace

Result<void> bind_local(const ClientOptions& options, int socket, const kernel::SocketAddress& to) {
  if (options.bind_host.empty()) return {};
  const auto family = to.is_v6() ? kernel::IpFamily::v6 : kernel::IpFamily::v4;
  const auto addresses = kernel::resolve(options.bind_host, 0, family, true);
  if (!addresses) return tl::make_unexpected(addresses.error());
  return kernel::bind_to(socket, addresses->front());
}

Result<Fd> StreamOpener::open_tcp() {
  auto fd =
      link_.connect(facts_.peer, transport_of(facts_.parameters), monotonic_ns() + options_.connect_limit_ns,
                    [&](int socket) {
                      auto ready = bind_local(options_, socket, facts_.peer);
                      return ready ? set_up_stream(socket, facts_.peer.is_v6(), facts_.parameters) : ready;
                    });
  if (!fd) return fd;
  if (::send(fd->get(), cookie_.data(), cookie_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(cookie_.size()))
    return system_failure(errno, "write to the server");
  if (facts_.parameters.transaction == Transaction::none) return fd;
  const auto greeting =
      link_.read_bytes(fd->get(), kTransactionGreeting.size(), monotonic_ns() + kGreetingLimitNs);
  if (!greeting && link_.interrupted()) return tl::make_unexpected(greeting.error());
  if (!greeting || *greeting != kTransactionGreeting)
    return failure(ErrorKind::failed, "the server cannot answer transactions: iperf3 has none",
                   "start this there: isotach nettest -s");
  return fd;
}

Result<Fd> StreamOpener::open_udp(int index) {
  auto fd = kernel::new_socket(facts_.peer, kernel::Transport::udp);
  if (!fd) return fd;
  if (auto bound = bind_local(options_, fd->get(), facts_.peer); !bound)
    return tl::make_unexpected(std::move(bound.error()));
  if (auto set = set_up_stream(fd->get(), facts_.peer.is_v6(), facts_.parameters); !set)
    return tl::make_unexpected(std::move(set.error()));
  if (auto to = kernel::begin_connect(fd->get(), facts_.peer); !to)
    return tl::make_unexpected(std::move(to.error()));
  if (auto known = make_known(fd->get(), index); !known) return tl::make_unexpected(std::move(known.error()));
  return fd;
}

// A stock server takes the first datagram of each stream for it and answers once; a lost one is sent again.
// That the test begins is an answer too: to the last stream.
Result<void> StreamOpener::make_known(int fd, int index) {
  std::string hello(kUdpHello);
  hello.append(cookie_.data(), cookie_.size());
  const bool last = index + 1 == stream_count(facts_.parameters);
  for (int tries = 0; tries < kHelloTries; ++tries) {
    const std::int64_t again_ns = std::min(kHelloAgainNs, kHelloFirstNs << std::min(tries, 8));
    if (::send(fd, hello.data(), hello.size(), MSG_NOSIGNAL) < 0 && errno != EAGAIN && errno != ECONNREFUSED)
      return system_failure(errno, "send a datagram to " + facts_.peer.text());
    const std::int64_t deadline_ns = monotonic_ns() + again_ns;
    bool waiting = true;
    while (waiting) {
      if (answered(fd)) return {};
      if (last && !begun_) {
        const auto state = link_.poll_state();
        if (!state) return tl::make_unexpected(state.error());
        if (*state) begun_ = **state == State::test_start;
      }
      if (begun_) return {};
      if (link_.interrupted()) return failure(ErrorKind::failed, "interrupted before the test began");
      waiting = link_.wait(deadline_ns, fd);
    }
  }
  return failure(ErrorKind::failed, "no answer to our UDP datagrams from " + facts_.peer.text(),
                 "a firewall may let TCP pass and not UDP: open UDP port " + std::to_string(options_.port));
}

}  // namespace isotach::nettest

#include "network/nettest/iperf2_sessions.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace isotach::nettest {
namespace {

// What a fast client sends while its socket is made.
constexpr std::size_t kMostEarly = 8192;

std::optional<Iperf2Test> test_of(std::string_view datagram) {
  if (datagram.size() <= kIperf2DatagramBytes) return std::nullopt;
  return read_iperf2_test(datagram.substr(kIperf2DatagramBytes), true);
}

EarlyDatagram early_of(std::string_view datagram) {
  return {read_iperf2_datagram(datagram).value_or(Iperf2Datagram{}), datagram.size(), monotonic_ns()};
}

}  // namespace

std::unique_ptr<Iperf2Session> Iperf2Sessions::make(std::uint64_t number, const kernel::SocketAddress& peer) {
  Fd notify(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!notify.is_open()) return nullptr;
  return std::make_unique<Iperf2Session>(number, std::move(notify), peer, clock_, observer_);
}

bool Iperf2Sessions::begin_tcp(std::uint64_t number, Fd fd, const kernel::SocketAddress& peer,
                               std::string_view words) {
  const auto test = read_iperf2_test(words, false);
  // Tests that need connections from here to there are not served: the client would wait for them anyway.
  if (!test || test->connects_back || test->full_duplex) return false;
  if (test->reverse && test->bytes == 0 && test->time_ns == 0) return false;
  auto session = make(number, peer);
  if (session == nullptr) return false;
  session->begin_tcp(std::move(fd), *test, words.size());
  sessions_.emplace(number, std::move(session));
  return true;
}

bool Iperf2Sessions::is_new(std::string_view datagram, const kernel::SocketAddress& peer) const {
  const auto head = read_iperf2_datagram(datagram);
  const auto test = test_of(datagram);
  // The last datagram again: its test is over.
  if (!head || head->number <= 0 || !test || test->connects_back || test->reverse) return false;
  if (waiting_.contains(peer.text())) return false;
  return std::none_of(sessions_.begin(), sessions_.end(),
                      [&](const auto& entry) { return entry.second->peer() == peer; });
}

void Iperf2Sessions::add_udp(std::uint64_t number, Fd fd, const kernel::SocketAddress& peer,
                             std::string_view datagram) {
  waiting_[peer.text()] = {
      number, std::move(fd), peer, test_of(datagram).value_or(Iperf2Test{}), {early_of(datagram)}};
}

void Iperf2Sessions::keep(std::string_view datagram, const kernel::SocketAddress& peer) {
  const auto found = waiting_.find(peer.text());
  if (found == waiting_.end() || !read_iperf2_datagram(datagram)) return;
  if (found->second.early.size() < kMostEarly) found->second.early.push_back(early_of(datagram));
}

std::vector<std::uint64_t> Iperf2Sessions::start() {
  std::vector<std::uint64_t> numbers;
  for (auto& [name, stream] : std::exchange(waiting_, {})) {
    auto session = make(stream.number, stream.peer);
    if (session == nullptr) continue;
    // They came by two sockets.
    std::stable_sort(stream.early.begin(), stream.early.end(),
                     [](const EarlyDatagram& a, const EarlyDatagram& b) {
                       return a.head.magnitude() < b.head.magnitude();
                     });
    session->begin_udp(std::move(stream.fd), stream.test, std::move(stream.early));
    sessions_.emplace(stream.number, std::move(session));
    numbers.push_back(stream.number);
  }
  return numbers;
}

int Iperf2Sessions::notify_of(std::uint64_t number) const {
  const auto found = sessions_.find(number);
  return found == sessions_.end() ? -1 : found->second->notify_fd();
}

void Iperf2Sessions::notified(std::uint64_t number) {
  if (const auto found = sessions_.find(number); found != sessions_.end()) found->second->notified();
}

std::int64_t Iperf2Sessions::next_tick_ns() const {
  std::int64_t next_ns = std::numeric_limits<std::int64_t>::max();
  for (const auto& [number, session] : sessions_)
    next_ns = std::min(next_ns, session->over() ? 0 : session->next_tick_ns());
  return next_ns;
}

bool Iperf2Sessions::tick(std::int64_t now_ns) {
  bool any_ended = false;
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    if (at->second->next_tick_ns() <= now_ns) at->second->tick(now_ns);
    if (!at->second->over()) {
      ++at;
      continue;
    }
    at = sessions_.erase(at);
    any_ended = true;
  }
  return any_ended;
}

void Iperf2Sessions::terminate() {
  for (auto& [number, session] : sessions_) session->terminate();
}

}  // namespace isotach::nettest

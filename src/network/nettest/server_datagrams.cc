// What comes to the ports without a connection: hellos of UDP streams, and datagrams of iperf 2.
#include <sys/socket.h>

#include <array>

#include "network/nettest/datagram.h"
#include "network/nettest/server_inside.h"
#include "network/nettest/stream_setup.h"

namespace isotach::nettest {
namespace {

// What a client of iperf2 sends while its socket is made: it waits for nobody.
constexpr int kDatagramsATurn = 4096;

}  // namespace

void Server::take_hellos(const UdpListener& listener, int fd) {
  std::array<char, 65536> buffer;
  for (int i = 0; i < (iperf2_.waiting() ? kDatagramsATurn : kAcceptsATurn); ++i) {
    kernel::SocketAddress peer;
    peer.size = sizeof peer.storage;
    const ssize_t got = ::recvfrom(fd, buffer.data(), buffer.size(), MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&peer.storage), &peer.size);
    if (got < 0) return;
    const std::string_view hello(buffer.data(), static_cast<std::size_t>(got));
    Session* session = session_for(hello, peer);
    if (session == nullptr) take_datagram(listener, fd, hello, peer);
    if (session == nullptr) continue;
    auto stream = connected_to(listener, peer);
    if (!stream) continue;
    // Before it was connected, it may have got what was meant for the port. Data of its own cannot be there
    // yet: the client waits for the answer.
    if (fd == listener.fd.get()) take_hellos(listener, stream->get());
    if (!session->needs_streams()) continue;
    static_cast<void>(::send(stream->get(), kUdpHelloReply.data(), kUdpHelloReply.size(), MSG_NOSIGNAL));
    watch(stream->get(), tag(Kind::early_stream, session->number()), EPOLLIN);
    early_[session->number()].push_back(stream->get());
    session->add_stream(std::move(*stream));
    update(*session);
  }
}

void Server::take_datagram(const UdpListener& listener, int fd, std::string_view datagram,
                           const kernel::SocketAddress& peer) {
  if (fd != listener.fd.get() || options_.users || !has_room() || !iperf2_.is_new(datagram, peer)) {
    iperf2_.keep(datagram, peer);
    return;
  }
  auto stream = connected_to(listener, peer);
  if (!stream) return;
  const int own = stream->get();
  iperf2_.add_udp(++last_number_, std::move(*stream), peer, datagram);
  take_hellos(listener, own);  // as above
}

Session* Server::session_for(std::string_view hello, const kernel::SocketAddress& peer) {
  const std::string host = peer.host();
  if (hello.size() == kUdpHello.size() + kCookieBytes && hello.starts_with(kUdpHello)) {
    Session* session = session_of(hello.substr(kUdpHello.size()));
    return session != nullptr && session->needs_streams() && session->parameters().udp ? session : nullptr;
  }
  if (hello.size() != kUdpHello.size()) return nullptr;
  Session* latest = nullptr;
  for (const auto& [number, session] : sessions_)
    if (session->needs_streams() && session->parameters().udp && !session->parameters().isotach &&
        session->peer().host() == host &&
        (latest == nullptr || session->turn_from_ns() >= latest->turn_from_ns()))
      latest = session.get();
  return latest;
}

void Server::answer_again(Session& session) {
  std::array<char, 64> buffer;
  for (const int fd : session.waiting_streams())
    for (int i = 0; i < kAcceptsATurn && ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT) >= 0; ++i)
      static_cast<void>(
          ::send(fd, kUdpHelloReply.data(), kUdpHelloReply.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

}  // namespace isotach::nettest

#include "network/nettest/listeners.h"

#include <string>

namespace isotach::nettest {
namespace {

std::vector<std::string> hosts_of(const ServerOptions& options) {
  if (!options.hosts.empty()) return options.hosts;
  if (options.family == kernel::IpFamily::v6) return {"::1"};
  if (options.family == kernel::IpFamily::v4) return {"127.0.0.1"};
  return {"127.0.0.1", "::1"};
}

}  // namespace

std::optional<Fd> connected_to(const UdpListener& listener, const kernel::SocketAddress& peer) {
  auto fd = kernel::bind_udp(listener.address);
  if (!fd || !kernel::begin_connect(fd->get(), peer)) return std::nullopt;
  return std::move(*fd);
}

Result<std::vector<kernel::SocketAddress>> Listeners::open(const ServerOptions& options,
                                                           ServerObserver& observer) {
  std::vector<kernel::SocketAddress> addresses;
  std::optional<Error> problem;
  for (const std::string& host : hosts_of(options)) {
    auto found = kernel::resolve(host == "*" ? "" : host, options.port, options.family, true);
    if (!found) return tl::make_unexpected(std::move(found.error()));
    for (kernel::SocketAddress& address : *found) {
      // With port 0 the kernel chooses once; all other sockets follow.
      if (options.port == 0 && !addresses.empty()) address.set_port(addresses.front().port());
      auto bound = add(address);
      if (bound) {
        addresses.push_back(*bound);
        continue;
      }
      problem = std::move(bound.error());
      // A machine without IPv6 is no reason not to serve IPv4.
      if (!options.hosts.empty() && host != "*") return tl::make_unexpected(std::move(*problem));
    }
  }
  if (addresses.empty() && problem) return tl::make_unexpected(std::move(*problem));
  if (options.iperf2_port == 0) return addresses;
  const std::vector<kernel::SocketAddress> served = addresses;
  for (kernel::SocketAddress address : served) {
    address.set_port(options.iperf2_port);
    if (auto bound = add(address)) {
      addresses.push_back(*bound);
    } else {
      observer.not_listening(bound.error());
    }
  }
  return addresses;
}

Result<kernel::SocketAddress> Listeners::add(const kernel::SocketAddress& wanted) {
  auto tcp = kernel::listen_tcp(wanted);
  if (!tcp) return tl::make_unexpected(std::move(tcp.error()));
  kernel::SocketAddress address = kernel::local_address(tcp->get());
  auto udp = kernel::bind_udp(address);
  if (!udp) return tl::make_unexpected(std::move(udp.error()));
  tcp_.push_back(std::move(*tcp));
  udp_.push_back({std::move(*udp), address});
  return address;
}

}  // namespace isotach::nettest

#include "network/traffic/methods.h"

#include <linux/netlink.h>
#include <netinet/in.h>

#include <ctime>
#include <map>
#include <utility>

#include "kernel/privileges.h"
#include "kernel/route_link.h"
#include "kernel/socket_list.h"
#include "network/traffic/interface_watch.h"
#include "network/traffic/methods.h"
#include "network/traffic/owners.h"
#include "network/traffic/table.h"

namespace isotach::network {
namespace {

constexpr std::uint8_t kListen = 10;

// The kernel's own counters: no packet is seen. Connections are told as far as their sockets count
// themselves.
class CountersSource final : public TrafficSource {
 public:
  CountersSource(const TrafficOptions& options, Clock& clock, kernel::RouteSocket routes)
      : options_(options), clock_(&clock), routes_(std::move(routes)), owners_(kernel::SystemRoot()) {}

  [[nodiscard]] Result<void> begin() {
    auto links = routes_.links();
    if (!links) return tl::make_unexpected(links.error());
    for (const kernel::RouteLink& link : *links) watch(link);
    if (auto socket = kernel::NetlinkSocket::open(NETLINK_SOCK_DIAG)) diag_.emplace(std::move(*socket));
    std::vector<kernel::SocketEntry> sockets;
    if (diag_) {
      if (auto ok = kernel::list_sockets(*diag_, IPPROTO_TCP, sockets); !ok) return ok;
      for (const kernel::SocketEntry& socket : sockets) remember(socket);
    }
    return {};
  }

  Result<void> read(TrafficSnapshot& snapshot) override {
    const auto links = routes_.links();
    if (!links) return tl::make_unexpected(links.error());
    snapshot = {};
    snapshot.time = clock_->now();
    snapshot.method = TrafficMethod::counters;
    snapshot.missing = {
        "Packets are not seen: there are no protocols, sizes, stations, hosts that only UDP talked to, and "
        "no check "
        "against the interfaces' counters.",
        "Connections are those of TCP with sockets here, and count payload; what is shorter than an interval "
        "may be "
        "missing."};
    owners_.begin_round();
    for (const kernel::RouteLink& link : *links) watch(link);
    for (auto& [index, watched] : watched_) {
      InterfaceTraffic& row = watched.row;
      const kernel::RouteLink* link = link_with(*links, index);
      row.up = link != nullptr && link->enabled;
      if (link != nullptr) watched.watch.compare(*link, *link, row);
      row.counted = row.as_carried = row.kernel.traffic;
      row.not_accounted_in.reset();
      row.not_accounted_out.reset();
      snapshot.interfaces.push_back(row);
    }
    if (diag_) {
      if (auto ok = read_sockets(snapshot); !ok) return ok;
    }
    snapshot.owners = owners_.rows();

    return {};
  }

 private:
  struct Watched {
    WatchedInterface watch;
    InterfaceTraffic row;
  };
  struct Connection {
    kernel::SocketTcp base;
    TwoWay told;  // up to the reading before
    std::uint64_t id = 0;
    std::int64_t first_ns = 0;
    std::uint64_t round = 0;
  };

  void watch(const kernel::RouteLink& link) {
    if (!wants_interface(options_, link.name) || watched_.count(link.index) != 0) return;
    Watched watched{{link, link}, new_row(link)};
    watched.row.speed_bits_s = speed_of(kernel::SystemRoot(), link);
    watched_[link.index] = std::move(watched);
  }

  static std::string key_of(const kernel::SocketEntry& socket) {
    std::string key(reinterpret_cast<const char*>(socket.local.data()), socket.local.size());
    key.append(reinterpret_cast<const char*>(socket.remote.data()), socket.remote.size());
    for (const std::uint16_t port : {socket.local_port, socket.remote_port}) {
      key += static_cast<char>(port >> 8);
      key += static_cast<char>(port & 0xff);
    }
    key += static_cast<char>(socket.ip_version);
    return key;
  }

  Connection* remember(const kernel::SocketEntry& socket) {
    if (!socket.tcp || socket.state == kListen) return nullptr;
    if (connections_.size() >= options_.flow_limit) return nullptr;
    auto [found, added] = connections_.try_emplace(key_of(socket));
    if (added) {
      found->second.id = next_id_++;
      found->second.base = *socket.tcp;
    }
    found->second.round = round_;
    return &found->second;
  }

  [[nodiscard]] Result<void> read_sockets(TrafficSnapshot& snapshot) {
    std::vector<kernel::SocketEntry> sockets;
    if (auto ok = kernel::list_sockets(*diag_, IPPROTO_TCP, sockets); !ok) return ok;
    ++round_;
    const auto holders = options_.processes ? kernel::find_socket_holders(kernel::SystemRoot())
                                            : std::unordered_map<std::uint32_t, std::uint32_t>();
    std::map<std::uint64_t, TrafficFlow> flows;  // by id
    for (const kernel::SocketEntry& socket : sockets) {
      if (!socket.tcp || socket.state == kListen) continue;
      const bool known = connections_.count(key_of(socket)) != 0;
      Connection* connection = remember(socket);
      if (connection == nullptr) continue;
      // A socket with the addresses of one that has ended counts from 0 again.
      const bool anew = known && socket.tcp->segments_in < connection->base.segments_in;
      if (!known || anew) {
        // It began after us: everything it counted is ours.
        connection->base = {};
        connection->told = {};
        connection->first_ns = snapshot.time.monotonic_ns;
      }
      TrafficFlow flow;
      flow.id = connection->id;
      flow.interface = socket.interface;
      flow.ip_version = socket.ip_version;
      flow.local = IpAddress::from(socket.local.data(), socket.ip_version);
      flow.remote = IpAddress::from(socket.remote.data(), socket.ip_version);
      flow.local_port = socket.local_port;
      flow.remote_port = socket.remote_port;
      flow.protocol = IPPROTO_TCP;
      flow.state = static_cast<TcpState>(socket.state <= 11 ? socket.state : 0);
      flow.retransmits = socket.tcp->retransmits;
      if (socket.tcp->rtt_us != 0) flow.rtt_ns = socket.tcp->rtt_us * 1000;
      flow.traffic.in = {socket.tcp->segments_in - connection->base.segments_in,
                         socket.tcp->bytes_in - connection->base.bytes_in};
      flow.traffic.out = {socket.tcp->segments_out - connection->base.segments_out,
                          socket.tcp->bytes_out - connection->base.bytes_out};
      const auto holder = holders.find(socket.inode);
      flow.owner = holder == holders.end() ? kOwnerUnknown : owners_.row_of(holder->second);
      TwoWay more = flow.traffic;
      more.in.packets -= connection->told.in.packets;
      more.in.bytes -= connection->told.in.bytes;
      more.out.packets -= connection->told.out.packets;
      more.out.bytes -= connection->told.out.bytes;
      owners_.add(flow.owner, more);
      connection->told = flow.traffic;
      flow.first_ns = connection->first_ns;
      flow.last_ns = snapshot.time.monotonic_ns;
      flows[flow.id] = flow;
    }
    for (auto& [id, flow] : flows) snapshot.flows.push_back(flow);
    for (auto at = connections_.begin(); at != connections_.end();)
      at = at->second.round == round_ ? std::next(at) : connections_.erase(at);
    snapshot.flows_seen = next_id_ - 1;
    return {};
  }

  TrafficOptions options_;
  Clock* clock_;
  kernel::RouteSocket routes_;
  std::optional<kernel::NetlinkSocket> diag_;
  TrafficOwners owners_;
  std::map<std::uint32_t, Watched> watched_;
  std::map<std::string, Connection> connections_;
  std::uint64_t next_id_ = 1;
  std::uint64_t round_ = 1;
};

}  // namespace

Result<std::unique_ptr<TrafficSource>> open_counters_source(const TrafficOptions& options, Clock& clock) {
  if (!options.filter.empty())
    return failure(ErrorKind::not_permitted, "a filter needs packets, and those need CAP_NET_RAW",
                   kernel::root_or_grant());
  auto routes = kernel::RouteSocket::open();
  if (!routes) return tl::make_unexpected(routes.error());
  auto source = std::make_unique<CountersSource>(options, clock, std::move(*routes));
  if (auto ok = source->begin(); !ok) return tl::make_unexpected(ok.error());
  return std::unique_ptr<TrafficSource>(std::move(source));
}

}  // namespace isotach::network

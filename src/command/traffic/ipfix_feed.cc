#include "command/traffic/ipfix_feed.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "network/packet/packet.h"

namespace isotach::command {
namespace {

using network::TrafficFlow;
using network::TrafficSnapshot;

struct AddressCloser {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

// Frames carry a head that IPFIX does not count (octetDeltaCount is of IP packets). Interfaces without
// addresses on the link, such as tunnels, have none.
std::uint64_t head_bytes(const TrafficSnapshot& snapshot, const TrafficFlow& flow) {
  const network::InterfaceTraffic* interface = snapshot.find_interface(flow.interface);
  if (interface == nullptr || interface->address.empty()) return 0;
  return flow.vlan == 0 ? 14 : 18;
}

std::int64_t wall_of(const TrafficSnapshot& snapshot, std::int64_t monotonic_ns) {
  return snapshot.time.wall_ns + (monotonic_ns - snapshot.time.monotonic_ns);
}

}  // namespace

Result<HostAndPort> parse_host_and_port(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  HostAndPort result;
  if (colon != std::string::npos) {
    result.host = text.substr(0, colon);
    result.port = text.substr(colon + 1);
    const bool bracketed = result.host.size() >= 2 && result.host.front() == '[' && result.host.back() == ']';
    if (bracketed) result.host = result.host.substr(1, result.host.size() - 2);
    if (!bracketed && result.host.find(':') != std::string::npos) result.host.clear();
  }
  const auto port = parse_unsigned(result.port);
  if (result.host.empty() || !port || *port == 0 || *port > 65535)
    return failure(ErrorKind::usage, "'" + printable(text) + "' is no address of a collector",
                   "write host and port, such as collector:4739 or [2001:db8::1]:4739");
  return result;
}

Result<std::unique_ptr<IpfixFeed>> IpfixFeed::open(const std::string& collector) {
  const auto place = parse_host_and_port(collector);
  if (!place) return tl::make_unexpected(place.error());
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(place->host.c_str(), place->port.c_str(), &hints, &found); code != 0)
    return failure(ErrorKind::failed,
                   "the collector " + printable(place->host) + " is not found: " + ::gai_strerror(code));
  const std::unique_ptr<addrinfo, AddressCloser> list(found);
  int error = 0;
  for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next) {
    Fd socket(::socket(one->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.is_open() && ::connect(socket.get(), one->ai_addr, one->ai_addrlen) == 0)
      return std::unique_ptr<IpfixFeed>(new IpfixFeed(std::move(socket)));
    error = errno;
  }
  return system_failure(error, "reach the collector " + printable(collector));
}

void IpfixFeed::collect(const TrafficSnapshot& snapshot, const TrafficFlow& flow) {
  if (flow.ip_version == 0) return;
  Sent& before = sent_[flow.id];
  const std::uint64_t head = head_bytes(snapshot, flow);
  const std::int64_t first_ns = before.until_ns == 0 ? flow.first_ns : before.until_ns;
  for (const bool outgoing : {false, true}) {
    const network::Tally& now = outgoing ? flow.traffic.out : flow.traffic.in;
    const network::Tally& old = outgoing ? before.traffic.out : before.traffic.in;
    if (now.packets <= old.packets) continue;
    view::IpfixFlow record;
    record.is_ipv6 = flow.ip_version == 6;
    record.source = outgoing ? flow.local.bytes : flow.remote.bytes;
    record.destination = outgoing ? flow.remote.bytes : flow.local.bytes;
    record.source_port = outgoing ? flow.local_port : flow.remote_port;
    record.destination_port = outgoing ? flow.remote_port : flow.local_port;
    record.protocol = flow.protocol;
    record.traffic_class = static_cast<std::uint8_t>(flow.dscp << 2);
    record.tcp_flags =
        flow.protocol == network::kProtocolTcp ? (outgoing ? flow.flags_out : flow.flags_in) : 0;
    record.vlan = flow.vlan;
    record.interface = flow.interface;
    record.outgoing = outgoing;
    record.packets = now.packets - old.packets;
    const std::uint64_t bytes = now.bytes - old.bytes;
    record.bytes = bytes - std::min(bytes, head * record.packets);
    record.first_wall_ns = wall_of(snapshot, std::min(first_ns, flow.last_ns));
    record.last_wall_ns = wall_of(snapshot, flow.last_ns);
    waiting_.push_back(record);
  }
  before = {flow.traffic, flow.last_ns};
}

void IpfixFeed::send(const TrafficSnapshot& snapshot) {
  if (waiting_.empty()) return;
  // Of a message that is lost the records are counted by its share of all.
  const auto messages = encoder_.encode(waiting_, snapshot.time.wall_ns);
  std::size_t lost = 0;
  for (const std::string& message : messages) {
    if (::send(socket_.get(), message.data(), message.size(), 0) >= 0) continue;
    last_error_ = std::strerror(errno);
    ++lost;
  }
  const std::uint64_t lost_records = (waiting_.size() * lost + messages.size() - 1) / messages.size();
  lost_records_ += lost_records;
  sent_records_ += waiting_.size() - lost_records;
  waiting_.clear();
}

void IpfixFeed::add(const TrafficSnapshot& snapshot, bool last) {
  // The last one may be given again, to be sent to its end; what ended in it has been told already.
  if (snapshot.time.monotonic_ns != told_ns_) {
    for (const TrafficFlow& flow : snapshot.ended) {
      collect(snapshot, flow);
      sent_.erase(flow.id);
    }
  }
  told_ns_ = snapshot.time.monotonic_ns;
  if (next_ns_ == 0) next_ns_ = snapshot.time.monotonic_ns + kActiveNs;
  if (last || snapshot.time.monotonic_ns >= next_ns_) {
    for (const TrafficFlow& flow : snapshot.flows) collect(snapshot, flow);
    next_ns_ = snapshot.time.monotonic_ns + kActiveNs;
    // Those that ended without being told (TrafficSnapshot::ended_untold) must not stay.
    if (sent_.size() > 2 * snapshot.flows.size() + 1024) {
      std::unordered_map<std::uint64_t, Sent> kept;
      for (const TrafficFlow& flow : snapshot.flows)
        if (const auto known = sent_.find(flow.id); known != sent_.end()) kept.insert(*known);
      sent_ = std::move(kept);
    }
  }
  send(snapshot);
}

}  // namespace isotach::command

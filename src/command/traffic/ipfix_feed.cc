#include "command/traffic/ipfix_feed.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "network/packet/packet.h"

namespace isotach::command {
namespace {

using network::TrafficFlow;
using network::TrafficSnapshot;

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

Result<std::unique_ptr<IpfixFeed>> IpfixFeed::open(const std::string& collector) {
  auto socket = connect_to_collector(collector);
  if (!socket) return tl::make_unexpected(std::move(socket.error()));
  return std::unique_ptr<IpfixFeed>(new IpfixFeed(std::move(*socket)));
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
    if (::send(socket_.get(), message.data(), message.size(), MSG_DONTWAIT) >= 0) continue;
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

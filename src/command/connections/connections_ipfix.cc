#include <algorithm>
#include <cstring>
#include <vector>

#include "command/connections/connections_view.h"
#include "command/ipfix_collector.h"
#include "network/packet/packet.h"
#include "view/export/ipfix.h"

namespace isotach::command {
namespace {

using network::Connection;
using network::Direction;

view::IpfixFlow flow_of(const Connection& connection, const Direction& direction, bool back) {
  const network::FlowKey key = back ? connection.key.reversed() : connection.key;
  view::IpfixFlow flow;
  flow.is_ipv6 = key.ip_version == 6;
  static_assert(sizeof flow.source == sizeof key.source);
  std::memcpy(flow.source.data(), key.source, sizeof key.source);
  std::memcpy(flow.destination.data(), key.destination, sizeof key.destination);
  flow.source_port = key.source_port;
  flow.destination_port = key.destination_port;
  flow.protocol = network::kProtocolTcp;
  flow.tcp_flags = direction.flags;
  flow.bytes = direction.ip_bytes;
  flow.packets = direction.packets;
  // IPFIX has no times before 1970.
  flow.first_wall_ns = std::max<std::int64_t>(direction.first_ns, 0);
  flow.last_wall_ns = std::max(direction.last_ns, flow.first_wall_ns);
  return flow;
}

}  // namespace

Result<std::uint64_t> write_connections_ipfix(Context& context, const std::string& where,
                                              const network::Tracker& tracker, const Shown& shown) {
  constexpr std::int64_t kRestNs = 1'000'000;
  // Templates are sent once more with each piece, for collectors that miss the first.
  constexpr std::size_t kPiece = 4096;
  auto output = IpfixOutput::open(where);
  if (!output) return tl::make_unexpected(std::move(output.error()));
  view::IpfixEncoder encoder(1);
  std::vector<view::IpfixFlow> flows;
  std::uint64_t records = 0;
  const auto rest = [&context] {
    static_cast<void>(context.waiter.wait_until(context.clock.now().monotonic_ns + kRestNs, {}));
  };
  const auto flush = [&] {
    records += flows.size();
    auto written = output->write(encoder.encode(flows, context.clock.now().wall_ns), rest);
    flows.clear();
    return written;
  };
  for (const std::size_t index : shown) {
    const Connection& one = tracker[index];
    if (one.a().packets > 0) flows.push_back(flow_of(one, one.a(), false));
    if (one.b().packets > 0) flows.push_back(flow_of(one, one.b(), true));
    if (flows.size() < kPiece) continue;
    if (context.waiter.interrupted()) return records;
    if (auto written = flush(); !written) return tl::make_unexpected(std::move(written.error()));
  }
  if (auto written = flush(); !written) return tl::make_unexpected(std::move(written.error()));
  return records;
}

}  // namespace isotach::command

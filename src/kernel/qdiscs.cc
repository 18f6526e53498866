#include "kernel/qdiscs.h"

#include <linux/gen_stats.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>

#include "base/text.h"
#include "kernel/netlink_attributes.h"

namespace isotach::kernel {
namespace {

template <class Struct>
Struct take(std::string_view bytes) {
  // An older kernel tells less, a newer one more.
  Struct value{};
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
  return value;
}

void take_statistics(std::string_view bytes, QdiscReading& reading) {
  for (const NetlinkAttribute& attribute : netlink_attributes(bytes)) {
    if (attribute.type == TCA_STATS_BASIC) {
      const auto basic = take<gnet_stats_basic>(attribute.payload);
      reading.bytes = basic.bytes;
      reading.packets = basic.packets;
    } else if (attribute.type == TCA_STATS_QUEUE) {
      const auto queue = take<gnet_stats_queue>(attribute.payload);
      reading.queued_packets = queue.qlen;
      reading.queued_bytes = queue.backlog;
      reading.dropped = queue.drops;
      reading.requeued = queue.requeues;
      reading.over_limit = queue.overlimits;
    }
  }
}

}  // namespace

std::optional<QdiscReading> parse_qdisc(std::string_view payload) {
  tcmsg message{};
  if (payload.size() < sizeof message) return std::nullopt;
  std::memcpy(&message, payload.data(), sizeof message);
  QdiscReading reading;
  reading.interface = static_cast<unsigned>(message.tcm_ifindex);
  reading.handle = message.tcm_handle;
  reading.parent = message.tcm_parent;
  for (const NetlinkAttribute& attribute : netlink_attributes(payload.substr(sizeof message))) {
    if (attribute.type == TCA_KIND) reading.kind = printable(attribute.text());
    if (attribute.type == TCA_STATS2) take_statistics(attribute.payload, reading);
  }
  if (reading.kind.empty()) return std::nullopt;
  return reading;
}

Result<std::vector<QdiscReading>> list_qdiscs(NetlinkSocket& socket) {
  tcmsg request{};
  request.tcm_family = AF_UNSPEC;
  NetlinkMessage message(RTM_GETQDISC, NetlinkMessage::Kind::dump);
  message.put_header(&request, sizeof request);
  std::vector<QdiscReading> readings;
  const auto asked = socket.ask(message, "ask for the queueing disciplines", [&](std::string_view payload) {
    if (readings.size() >= kQdiscLimit) return;
    if (auto reading = parse_qdisc(payload)) readings.push_back(std::move(*reading));
  });
  if (!asked) return tl::make_unexpected(asked.error());
  return readings;
}

}  // namespace isotach::kernel

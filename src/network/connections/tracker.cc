#include "network/connections/tracker.h"

#include <algorithm>

#include "base/check.h"

namespace isotach::network {
namespace {

constexpr std::size_t kFirstSlots = 256;
constexpr std::int64_t kMicrosecondNs = 1000;
// tcptrace begins a new connection after this silence (fault 13).
constexpr double kTcptraceIdleUs = 240e6;

// Lengths and times as tcptrace has them.
void take_as_tcptrace(const Packet& packet, SeenSegment& segment) {
  segment.time_ns = tcptrace_time(segment.time_ns);
  if (packet.ip_version == 6) {
    // Extension heads count as data, and the length of a jumbogram as 0 (fault 17). What the link padded
    // passes for captured.
    segment.data_length = std::int64_t{packet.ip_stated_length} - segment.head.length;
    segment.data_captured =
        std::int64_t{packet.ip_captured} - 40 - packet.extension_length - segment.head.length;
  }
  segment.data_captured = std::min(segment.data_captured, std::max<std::int64_t>(0, segment.data_length));
}

}  // namespace

std::int64_t tcptrace_time(std::int64_t time_ns) {
  constexpr std::int64_t kSecondNs = 1'000'000'000;
  constexpr std::int64_t kLast32Bit = 0x7fff'ffff;
  if (time_ns / kSecondNs > kLast32Bit) time_ns -= (std::int64_t{1} << 32) * kSecondNs;
  const std::int64_t rest = time_ns % kMicrosecondNs;
  return time_ns - (rest < 0 ? rest + kMicrosecondNs : rest);
}

Tracker::Tracker(Rules rules, std::uint64_t seed) : rules_(rules), seed_(seed), slots_(kFirstSlots) {}

Tracker::~Tracker() = default;

Connection& Tracker::at(std::size_t index) {
  return blocks_[index / kBlock][index % kBlock];
}

const Connection& Tracker::operator[](std::size_t index) const {
  CHECK(index < count_);
  return blocks_[index / kBlock][index % kBlock];
}

void Tracker::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.connection == 0) continue;
    std::size_t index = slot.hash & mask;
    while (slots_[index].connection != 0) index = (index + 1) & mask;
    slots_[index] = slot;
  }
}

std::size_t Tracker::begin(const FlowKey& key, Slot& slot, std::uint32_t hash) {
  if (count_ % kBlock == 0) blocks_.push_back(std::make_unique<Connection[]>(kBlock));
  Connection& connection = at(count_++);
  connection.key = key;
  connection.file = file_;
  slot.hash = hash;
  slot.connection = static_cast<std::uint32_t>(count_);
  return count_ - 1;
}

// Do the same endpoints begin another connection with this segment?
bool Tracker::is_another(const Connection& connection, int side, const SeenSegment& segment) const {
  const Direction& me = connection.directions[static_cast<std::size_t>(side)];
  const Direction& peer = connection.directions[static_cast<std::size_t>(1 - side)];
  const std::uint32_t sequence = segment.head.sequence;
  const bool syn = segment.head.has(kTcpSyn);
  // Packets are counted in 32 bits.
  constexpr std::uint32_t kMostPackets = 0xffff'fff0;
  if (me.packets >= kMostPackets) return true;
  if (rules_ == Rules::exact) {
    // Another initial sequence number, as Wireshark tells them apart.
    return syn && !segment.head.has(kTcpAck) && me.has_base && sequence != me.base;
  }
  if (elapsed_units(rules_, connection.last_ns, segment.time_ns) > kTcptraceIdleUs) return true;
  if (!syn) return false;
  const bool ended = me.fins >= 1 || peer.fins >= 1 || me.resets >= 1 || peer.resets >= 1;
  if (ended && (sequence > peer.window_end || sequence < me.syn)) return true;
  return me.syns > 1 && me.syn != sequence;
}

std::size_t Tracker::find(const FlowKey& key, const SeenSegment& segment, int& side) {
  const auto hash = static_cast<std::uint32_t>(key.hash(seed_) >> 16);
  if (used_ * 2 >= slots_.size()) grow();
  const std::size_t mask = slots_.size() - 1;
  std::size_t index = hash & mask;
  side = 0;
  for (; slots_[index].connection != 0; index = (index + 1) & mask) {
    Slot& slot = slots_[index];
    if (slot.hash != hash) continue;
    Connection& connection = at(slot.connection - 1);
    if (connection.key == key) {
      side = 0;
    } else if (key.is_reverse_of(connection.key)) {
      side = 1;
    } else {
      continue;
    }
    if (!is_another(connection, side, segment)) return slot.connection - 1;
    side = 0;
    return begin(key, slot, hash);
  }
  ++used_;
  return begin(key, slots_[index], hash);
}

bool Tracker::add(const Packet& packet, std::uint32_t wire_length, std::int64_t time_ns) {
  if (packet.protocol != kProtocolTcp) return true;
  SeenSegment segment;
  if (!read_tcp_header(packet, segment.head)) {
    ++too_short_;
    return false;
  }
  read_tcp_options(packet, segment.head, segment.options);
  segment.time_ns = time_ns;
  segment.wire_length = wire_length;
  segment.ip_id = packet.ip_id;
  segment.ip_version = packet.ip_version;
  segment.data_length = std::int64_t{packet.transport_length} - segment.head.length;
  segment.data_captured = std::int64_t{packet.transport_captured} - segment.head.length;
  if (segment.data_captured > 0) segment.data = packet.transport + segment.head.length;
  if (rules_ == Rules::tcptrace) {
    take_as_tcptrace(packet, segment);
  } else {
    // A head that claims more than there is has no data.
    segment.data_length = std::max<std::int64_t>(segment.data_length, 0);
    segment.data_captured = std::clamp<std::int64_t>(segment.data_captured, 0, segment.data_length);
  }
  int side = 0;
  const std::size_t index =
      find(FlowKey::of(packet, segment.head.source_port, segment.head.destination_port), segment, side);
  Connection& connection = at(index);
  const SegmentVerdict verdict = account(connection, side, rules_, segment);
  if (observer_ != nullptr) observer_->see(index, connection, side, segment, verdict);
  ++packets_;
  return true;
}

void Tracker::end() {
  if (rules_ == Rules::tcptrace) end_ns_ = tcptrace_time(end_ns_);
  for (std::size_t i = 0; i < count_; ++i) finish(at(i), rules_, end_ns_);
}

}  // namespace isotach::network

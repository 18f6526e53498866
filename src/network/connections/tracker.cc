#include "network/connections/tracker.h"

#include <algorithm>

#include "base/check.h"
#include "network/connections/plain_segment.h"
#include "network/packet/tcp_header.h"

namespace isotach::network {
namespace {

constexpr std::size_t kFirstSlots = 256;
// Packets are counted in 32 bits.
constexpr std::uint32_t kMostPackets = 0xffff'fff0;
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

// False where the head was not captured.
bool read_segment(const Packet& packet, Rules rules, std::uint32_t wire_length, std::int64_t time_ns,
                  SeenSegment& segment) {
  if (!read_tcp_header(packet, segment.head)) return false;
  read_tcp_options(packet, segment.head, segment.options);
  segment.time_ns = time_ns;
  segment.wire_length = wire_length;
  segment.ip_length = packet.ip_length();
  segment.ip_id = packet.ip_id;
  segment.ip_version = packet.ip_version;
  segment.data_length = std::int64_t{packet.transport_length} - segment.head.length;
  segment.data_captured = std::int64_t{packet.transport_captured} - segment.head.length;
  if (segment.data_captured > 0) segment.data = packet.transport + segment.head.length;
  if (rules == Rules::tcptrace) {
    take_as_tcptrace(packet, segment);
  } else {
    // A head that claims more than there is has no data.
    segment.data_length = std::max<std::int64_t>(segment.data_length, 0);
    segment.data_captured = std::clamp<std::int64_t>(segment.data_captured, 0, segment.data_length);
  }
  return true;
}

}  // namespace

std::int64_t tcptrace_time(std::int64_t time_ns) {
  constexpr std::int64_t kSecondNs = 1'000'000'000;
  constexpr std::int64_t kLast32Bit = 0x7fff'ffff;
  if (time_ns / kSecondNs > kLast32Bit) time_ns -= (std::int64_t{1} << 32) * kSecondNs;
  const std::int64_t rest = time_ns % kMicrosecondNs;
  return time_ns - (rest < 0 ? rest + kMicrosecondNs : rest);
}

Tracker::Tracker(Rules rules, std::uint64_t seed)
    : rules_(rules), seed_(seed), hash_(seed), slots_(kFirstSlots) {}

Tracker::~Tracker() = default;

const Connection& Tracker::operator[](std::size_t index) const {
  CHECK(index < size());
  return order_.empty() ? store_[index] : *order_[index];
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
  Connection& connection = store_.add();
  connection.key = key;
  connection.file = file_;
  connection.frame = frame_;
  slot.hash = hash;
  slot.connection = static_cast<std::uint32_t>(store_.size());
  last_ = nullptr;
  return store_.size() - 1;
}

// Is it worth asking whether the same endpoints begin another connection with this segment?
inline bool Tracker::may_begin(const Connection& connection, int side, const SeenSegment& segment) const {
  return rules_ == Rules::tcptrace || segment.head.has(kTcpSyn) ||
         connection.directions[static_cast<std::size_t>(side)].packets >= kMostPackets;
}

// Do they?
bool Tracker::is_another(const Connection& connection, int side, const SeenSegment& segment) const {
  const Direction& me = connection.directions[static_cast<std::size_t>(side)];
  const Direction& peer = connection.directions[static_cast<std::size_t>(1 - side)];
  const std::uint32_t sequence = segment.head.sequence;
  const bool syn = segment.head.has(kTcpSyn);
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

std::size_t Tracker::find(const FlowKey& key, std::uint32_t hash, const SeenSegment& segment, int& side) {
  if (used_ * 2 >= slots_.size()) grow();
  const std::size_t mask = slots_.size() - 1;
  std::size_t index = hash & mask;
  side = 0;
  for (; slots_[index].connection != 0; index = (index + 1) & mask) {
    Slot& slot = slots_[index];
    if (slot.hash != hash) continue;
    Connection& connection = store_[slot.connection - 1];
    if (connection.key == key) {
      side = 0;
    } else if (key.is_reverse_of(connection.key)) {
      side = 1;
    } else {
      continue;
    }
    if (!may_begin(connection, side, segment) || !is_another(connection, side, segment))
      return slot.connection - 1;
    side = 0;
    return begin(key, slot, hash);
  }
  ++used_;
  return begin(key, slots_[index], hash);
}

bool Tracker::add(const Packet& packet, std::uint32_t wire_length, std::int64_t time_ns) {
  if (packet.protocol != kProtocolTcp) return true;
  if (packet.transport_captured < 4) {
    ++too_short_;
    return false;
  }
  const FlowKey key = FlowKey::of(packet);
  ++frame_;
  return add(packet, key, FlowKey::shortened(key.hash(hash_)), wire_length, time_ns);
}

// Has the head of a packet brought into the cache, where another thread has read it.
inline void Tracker::fetch_head(const BatchedPacket& one) {
  if (one.other != 0) return;
  constexpr std::size_t kHead = 20 + kUsualTcpOptions;
  __builtin_prefetch(one.usual.transport - UsualPacket::kIpHead);
  __builtin_prefetch(one.usual.transport + kHead - 1);
}

// Has the connection that the hash leads to brought into the cache.
void Tracker::fetch(std::uint32_t hash) const {
  const Slot& slot = slots_[hash & (slots_.size() - 1)];
  if (slot.connection == 0) return;
  constexpr std::size_t kLine = 64;
  const char* begin = reinterpret_cast<const char*>(&store_[slot.connection - 1]);
  for (std::size_t at = 0; at < sizeof(Connection); at += kLine) __builtin_prefetch(begin + at, 1);
}

// And then what it points to.
void Tracker::fetch_work(std::uint32_t hash) const {
  const Slot& slot = slots_[hash & (slots_.size() - 1)];
  if (slot.connection == 0) return;
  constexpr std::size_t kLine = 64;
  for (const Direction& direction : store_[slot.connection - 1].directions) {
    const char* begin = reinterpret_cast<const char*>(direction.work.get());
    if (begin == nullptr) continue;
    for (std::size_t at = 0; at < sizeof(Working); at += kLine) __builtin_prefetch(begin + at, 1);
  }
}

void Tracker::add(const PacketBatch& batch, std::size_t shard) {
  constexpr std::size_t kSlotsAhead = 16;
  constexpr std::size_t kHeadsAhead = 12;
  constexpr std::size_t kConnectionsAhead = 8;
  constexpr std::size_t kWorkAhead = 3;
  const auto packets = batch.packets(shard);
  file_ = batch.file();
  if (shard == 0) too_short_ += batch.too_short();
  // Packets come in trains: what the one before leads to is on its way.
  const auto begins_train = [packets](std::size_t at) {
    return at < packets.size() && packets[at].hash != packets[at - 1].hash;
  };
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (store_.size() > kMany && i + kSlotsAhead < packets.size())
      __builtin_prefetch(&slots_[packets[i + kSlotsAhead].hash & (slots_.size() - 1)]);
    if (i + kHeadsAhead < packets.size()) fetch_head(packets[i + kHeadsAhead]);
    if (begins_train(i + kConnectionsAhead)) fetch(packets[i + kConnectionsAhead].hash);
    if (begins_train(i + kWorkAhead)) fetch_work(packets[i + kWorkAhead].hash);
    const BatchedPacket& one = packets[i];
    if (one.other == 0 && rules_ == Rules::exact && add_known(one)) continue;
    const Packet packet = one.other == 0 ? one.usual.packet() : batch.other(one);
    frame_ = batch.first() + one.number;
    add(packet, FlowKey::of(packet), one.hash, one.wire_length, one.time_ns);
  }
}

// The connection of the packet before, if this one belongs to it too.
inline Connection* Tracker::find_last(const BatchedPacket& one, int& side) const {
  if (last_ == nullptr) return nullptr;
  side = last_->key.side_of_ipv4(one.usual.source(), one.usual.destination(), big32(one.usual.transport));
  return side >= 0 ? last_ : nullptr;
}

// The connection of a usual packet, and the side that has sent it; nullptr where there is none yet.
inline Connection* Tracker::find_usual(const BatchedPacket& one, int& side) {
  const std::uint32_t from = one.usual.source();
  const std::uint32_t to = one.usual.destination();
  const std::uint32_t ports = big32(one.usual.transport);
  const Slot* const slots = slots_.data();
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = one.hash & mask; slots[slot].connection != 0; slot = (slot + 1) & mask) {
    if (slots[slot].hash != one.hash) continue;
    const std::uint32_t index = slots[slot].connection - 1;
    Connection& connection = store_[index];
    side = connection.key.side_of_ipv4(from, to, ports);
    if (side < 0) continue;
    last_ = &connection;
    last_hash_ = one.hash;
    last_index_ = index;
    return &connection;
  }
  return nullptr;
}

inline bool Tracker::enter_plain_of(Connection& connection, int side, const BatchedPacket& one) {
  const PlainEntry entry = enter_plain(connection, side, UsualPlainSegment(one));
  if (!entry.entered) return false;
  ++packets_;
  if (observer_ != nullptr && (shows_all_ || (entry.first_data > 0 && wants(entry.first_data))))
    show_plain(one, last_index_, side, entry.rtt_ns);
  return true;
}

// A segment of a connection that is known, other than a plain one. False where it may begin another.
bool Tracker::enter_known(Connection& connection, int side, const BatchedPacket& one, bool tried_plain) {
  SeenSegment segment;
  if (!read_segment(one.usual.packet(), rules_, one.wire_length, one.time_ns, segment)) return false;
  if (may_begin(connection, side, segment) && is_another(connection, side, segment)) return false;
  enter(connection, last_index_, side, segment, tried_plain);
  return true;
}

// A usual packet of a connection that is known, and nearly always plain. False where it is not.
inline bool Tracker::add_known(const BatchedPacket& one) {
  int side = 0;
  Connection* connection = one.hash == last_hash_ ? find_last(one, side) : nullptr;
  if (connection == nullptr) connection = find_usual(one, side);
  if (connection == nullptr) return false;
  const bool is_plain = UsualPlainSegment::is_one(one.usual);
  if (is_plain && enter_plain_of(*connection, side, one)) return true;
  return enter_known(*connection, side, one, is_plain);
}

void Tracker::add_usual(BatchedPacket& one) {
  int side = 0;
  Connection* connection = find_last(one, side);
  if (connection == nullptr) {
    one.hash = FlowKey::shortened(
        hash_.ipv4(one.usual.source(), one.usual.destination(), big32(one.usual.transport)));
    connection = find_usual(one, side);
  }
  if (connection != nullptr) {
    const bool is_plain = UsualPlainSegment::is_one(one.usual);
    if (is_plain && enter_plain_of(*connection, side, one)) return;
    if (enter_known(*connection, side, one, is_plain)) return;
  }
  const Packet packet = one.usual.packet();
  const FlowKey key = FlowKey::of(packet);
  ++frame_;
  add(packet, key, FlowKey::shortened(key.hash(hash_)), one.wire_length, one.time_ns);
}

// Does the observer look at data of which so many segments have been seen?
bool Tracker::wants(std::uint32_t data_packets) const {
  if (shows_all_ || data_packets <= 1) return true;
  return data_packets <= SegmentObserver::kFirstSegments && observer_->waits();
}

void Tracker::show_plain(const BatchedPacket& one, std::size_t index, int side, double rtt_ns) {
  SeenSegment seen;
  if (!read_segment(one.usual.packet(), rules_, one.wire_length, one.time_ns, seen)) return;
  const Connection& connection = store_[index];
  const Direction& me = connection.directions[static_cast<std::size_t>(side)];
  observer_->see(index, connection, side, seen, plain_verdict(me, seen.data_length > 0, rtt_ns));
}

bool Tracker::add(const Packet& packet, const FlowKey& key, std::uint32_t hash, std::uint32_t wire_length,
                  std::int64_t time_ns) {
  SeenSegment segment;
  if (!read_segment(packet, rules_, wire_length, time_ns, segment)) {
    ++too_short_;
    return false;
  }
  int side = 0;
  const std::size_t index = find(key, hash, segment, side);
  enter(store_[index], index, side, segment, false);
  return true;
}

// `tried_plain`: it was no segment for the short way.
void Tracker::enter(Connection& connection, std::size_t index, int side, const SeenSegment& segment,
                    bool tried_plain) {
  const SegmentVerdict verdict = tried_plain ? account_fully(connection, side, rules_, segment)
                                             : account(connection, side, rules_, segment);
  ++packets_;
  if (observer_ != nullptr &&
      (shows_all_ || (segment.data_length > 0 &&
                      wants(connection.directions[static_cast<std::size_t>(side)].data_packets))))
    observer_->see(index, connection, side, segment, verdict);
}

std::vector<std::vector<std::uint32_t>> Tracker::absorb(std::vector<std::unique_ptr<Tracker>> others) {
  struct Part {
    const ConnectionStore* store;
    std::size_t next = 0;
  };
  std::vector<Part> parts = {{&store_}};
  for (const auto& other : others) parts.push_back({&other->store_});
  std::vector<std::vector<std::uint32_t>> numbers(parts.size());
  for (;;) {
    // There are few of them.
    std::size_t first = parts.size();
    for (std::size_t k = 0; k < parts.size(); ++k) {
      const Part& part = parts[k];
      if (part.next == part.store->size()) continue;
      if (first == parts.size() ||
          (*part.store)[part.next].frame < (*parts[first].store)[parts[first].next].frame)
        first = k;
    }
    if (first == parts.size()) break;
    numbers[first].push_back(static_cast<std::uint32_t>(order_.size()));
    order_.push_back(&(*parts[first].store)[parts[first].next++]);
  }
  for (const auto& other : others) {
    taken_.push_back(std::move(other->store_));
    packets_ += other->packets_;
    too_short_ += other->too_short_;
  }
  return numbers;
}

void Tracker::end() {
  if (rules_ == Rules::tcptrace) end_ns_ = tcptrace_time(end_ns_);
  for (std::size_t i = 0; i < size(); ++i) finish(order_.empty() ? store_[i] : *order_[i], rules_, end_ns_);
}

}  // namespace isotach::network

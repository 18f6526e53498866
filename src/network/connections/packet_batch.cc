#include "network/connections/packet_batch.h"

#include <cstring>

#include "base/check.h"
#include "network/packet/bytes.h"

namespace isotach::network {

PacketBatch::PacketBatch(std::size_t shards, std::uint64_t seed) : shards_(shards), hash_(seed) {
  CHECK(shards >= 1 && shards <= kMostShards);
  for (Shard& shard : shards_) shard.packets = std::make_unique<BatchedPacket[]>(kPackets);
}

void PacketBatch::begin(std::uint64_t first, std::uint32_t file) {
  for (Shard& shard : shards_) shard.count = 0;
  others_.clear();
  kept_.clear();
  first_ = first;
  file_ = file;
  count_ = 0;
  too_short_ = 0;
}

void PacketBatch::add(const Packet& packet, std::uint32_t wire_length, std::int64_t time_ns) {
  constexpr std::uint32_t kTcpHead = 20;
  if (packet.protocol != kProtocolTcp) return;
  if (packet.transport_captured < kTcpHead) {
    ++too_short_;
    return;
  }
  CHECK(count_ < kPackets);
  const std::uint32_t hash = FlowKey::shortened(FlowKey::of(packet).hash(hash_));
  BatchedPacket& one = next(shards_, hash);
  one.hash = hash;
  one.number = count_++;
  one.time_ns = time_ns;
  one.wire_length = wire_length;
  others_.push_back(packet);
  one.other = static_cast<std::uint32_t>(others_.size());
  if (packet.was_reassembled) {
    // The next fragment may take its place.
    std::shared_ptr<std::uint8_t[]> copy(new std::uint8_t[packet.transport_captured]);
    std::memcpy(copy.get(), packet.transport, packet.transport_captured);
    others_.back().transport = copy.get();
    kept_.push_back(std::move(copy));
  }
}

}  // namespace isotach::network

#include "network/connections/packet_batch.h"

#include <cstring>

#include "base/check.h"
#include "network/packet/bytes.h"

namespace isotach::network {

PacketBatch::PacketBatch(std::size_t shards, std::uint64_t seed) : shards_(shards), seed_(seed) {
  CHECK(shards >= 1 && shards <= kMostShards);
  for (Shard& shard : shards_) shard.packets = std::make_unique<BatchedPacket[]>(kPackets);
}

void PacketBatch::begin(std::uint64_t first, std::uint32_t file) {
  for (Shard& shard : shards_) shard.count = 0;
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
  const std::uint32_t hash = FlowKey::of(packet).short_hash(seed_);
  // The low bits choose the slot in the tracker's table, the high ones the shard.
  const std::size_t shard = (std::uint64_t{hash} * shards_.size()) >> 32;
  BatchedPacket& one = shards_[shard].packets[shards_[shard].count++];
  one.packet = packet;
  one.time_ns = time_ns;
  one.wire_length = wire_length;
  one.hash = hash;
  one.number = count_++;
  if (packet.was_reassembled) {
    // The next fragment may take its place.
    std::shared_ptr<std::uint8_t[]> copy(new std::uint8_t[packet.transport_captured]);
    std::memcpy(copy.get(), packet.transport, packet.transport_captured);
    one.packet.transport = copy.get();
    kept_.push_back(std::move(copy));
  }
}

}  // namespace isotach::network

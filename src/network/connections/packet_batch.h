// Packets of a capture, some hundreds at a time, sorted by the flows that they belong to: what one thread has
// decoded, for those that account for it. Also where there is one thread a batch is worth it, for memory can
// be fetched before it is needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/check.h"
#include "network/connections/flow_key.h"
#include "network/packet/packet.h"
#include "network/packet/usual_packet.h"

namespace isotach::network {

struct BatchedPacket {
  UsualPacket usual;  // unless it is another
  std::int64_t time_ns = 0;
  std::uint32_t wire_length = 0;
  std::uint32_t hash = 0;    // of its flow, by the batch's seed
  std::uint32_t number = 0;  // within the batch
  std::uint32_t other = 0;   // where it stands among the other packets, plus one; 0: it is usual
};

class PacketBatch {
 public:
  static constexpr std::uint32_t kPackets = 512;
  static constexpr std::size_t kMostShards = 64;

  // Flows are spread over `shards`; both directions of a flow are in one.
  PacketBatch(std::size_t shards, std::uint64_t seed);

  // `first` numbers the packets of a capture, `file` its files.
  void begin(std::uint64_t first, std::uint32_t file);
  // What the packet points to must stay: keep() makes sure of it. Others than TCP are left alone, and so are
  // packets whose ports were not captured: too_short() counts them.
  void add(const Packet& packet, std::uint32_t wire_length, std::int64_t time_ns);
  // Adds usual packets one after the other; in the meantime nothing else may be.
  class Run;
  void keep(const std::shared_ptr<const void>& bytes) {
    if (kept_.empty() || kept_.back() != bytes) kept_.push_back(bytes);
  }
  [[nodiscard]] std::uint32_t size() const { return count_; }

  [[nodiscard]] std::span<const BatchedPacket> packets(std::size_t shard) const {
    return {shards_[shard].packets.get(), shards_[shard].count};
  }
  // Those that are not usual.
  [[nodiscard]] const Packet& other(const BatchedPacket& one) const { return others_[one.other - 1]; }
  [[nodiscard]] std::uint64_t first() const { return first_; }
  [[nodiscard]] std::uint32_t file() const { return file_; }
  [[nodiscard]] std::uint64_t too_short() const { return too_short_; }

 private:
  struct Shard {
    std::unique_ptr<BatchedPacket[]> packets;  // room for all of the batch
    std::size_t count = 0;
  };
  // The low bits of a hash choose the slot in the tracker's table, the high ones the shard.
  [[nodiscard]] static BatchedPacket& next(std::span<Shard> shards, std::uint32_t hash) {
    Shard& shard = shards[(std::uint64_t{hash} * shards.size()) >> 32];
    return shard.packets[shard.count++];
  }

  std::vector<Shard> shards_;
  std::vector<Packet> others_;
  std::vector<std::shared_ptr<const void>> kept_;
  FlowHash hash_;
  std::uint64_t first_ = 0;
  std::uint64_t too_short_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t file_ = 0;
};

// Works on copies of what the batch has, which the processor need not read anew for each packet.
class PacketBatch::Run {
 public:
  explicit Run(PacketBatch& batch)
      : batch_(batch), shards_(batch.shards_), hash_(batch.hash_), count_(batch.count_) {}
  ~Run() { batch_.count_ = count_; }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  [[nodiscard]] bool is_full() const { return count_ >= kPackets; }
  // Unless it is full.
  void add(const UsualPacket& packet, std::uint32_t wire_length, std::int64_t time_ns) {
    const std::uint32_t hash =
        FlowKey::shortened(hash_.ipv4(packet.source(), packet.destination(), big32(packet.transport)));
    BatchedPacket& one = next(shards_, hash);
    one.usual = packet;
    one.time_ns = time_ns;
    one.wire_length = wire_length;
    one.hash = hash;
    one.number = count_++;
    one.other = 0;
  }

 private:
  PacketBatch& batch_;
  std::span<Shard> shards_;
  FlowHash hash_;
  std::uint32_t count_;
};

}  // namespace isotach::network

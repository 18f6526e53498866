// Packets of a capture, some hundreds at a time, sorted by the flows that they belong to: what one thread has
// decoded, for those that account for it. Also where there is one thread a batch is worth it, for memory can
// be fetched before it is needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "network/connections/flow_key.h"
#include "network/packet/packet.h"

namespace isotach::network {

struct BatchedPacket {
  Packet packet;
  std::int64_t time_ns = 0;
  std::uint32_t wire_length = 0;
  std::uint32_t hash = 0;    // of its flow, by the batch's seed
  std::uint32_t number = 0;  // within the batch
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
  void keep(const std::shared_ptr<const void>& bytes) {
    if (kept_.empty() || kept_.back() != bytes) kept_.push_back(bytes);
  }
  [[nodiscard]] bool is_full() const { return count_ >= kPackets; }
  [[nodiscard]] std::uint32_t size() const { return count_; }

  [[nodiscard]] std::span<const BatchedPacket> packets(std::size_t shard) const {
    return {shards_[shard].packets.get(), shards_[shard].count};
  }
  [[nodiscard]] std::uint64_t first() const { return first_; }
  [[nodiscard]] std::uint32_t file() const { return file_; }
  [[nodiscard]] std::uint64_t too_short() const { return too_short_; }

 private:
  struct Shard {
    std::unique_ptr<BatchedPacket[]> packets;  // room for all of the batch
    std::size_t count = 0;
  };
  std::vector<Shard> shards_;
  std::vector<std::shared_ptr<const void>> kept_;
  std::uint64_t seed_;
  std::uint64_t first_ = 0;
  std::uint64_t too_short_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t file_ = 0;
};

}  // namespace isotach::network

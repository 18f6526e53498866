// All connections of a capture: finds the one that a packet belongs to, or begins it.
//
// A hash table of small slots into a store of connections that never move; a connection costs its
// statistics and eight to sixteen bytes here. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "network/connections/accounting.h"
#include "network/connections/connection.h"
#include "network/connections/connection_store.h"
#include "network/connections/packet_batch.h"
#include "network/packet/packet.h"

namespace isotach::network {

// In whole microseconds, and after January 2038 as 32 bits with a sign have it: before 1970.
[[nodiscard]] std::int64_t tcptrace_time(std::int64_t time_ns);

class Tracker {
 public:
  // `seed` decides the order in the hash table and nothing that can be seen.
  explicit Tracker(Rules rules, std::uint64_t seed = 0x5eed'1507'ac4b'0001);
  ~Tracker();
  Tracker(const Tracker&) = delete;
  Tracker& operator=(const Tracker&) = delete;
  [[nodiscard]] std::uint64_t seed() const { return seed_; }

  // Enters a packet of TCP; others are left alone. False when its head was not captured.
  bool add(const Packet& packet, std::uint32_t wire_length, std::int64_t time_ns);
  // The packets of a shard of the batch, which was made with the same seed.
  void add(const PacketBatch& batch, std::size_t shard);
  // Whether what is known fits into the cache: then batches gain nothing.
  [[nodiscard]] bool is_small() const { return store_.size() <= kMany; }
  // A usual packet without a batch, by Rules::exact; its hash and number need not be there.
  void add_usual(BatchedPacket& one);
  // Takes the connections of others, which have seen other flows of the same capture by batches; the order is
  // that in which all began. For each tracker, this one first, and each of its connections the number that it
  // has now. Nothing may be added any more.
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> absorb(std::vector<std::unique_ptr<Tracker>> others);
  // The capture has ended; nothing may be added any more.
  void end();

  // In the order in which they began.
  [[nodiscard]] std::size_t size() const { return order_.empty() ? store_.size() : order_.size(); }
  [[nodiscard]] const Connection& operator[](std::size_t index) const;
  [[nodiscard]] std::uint64_t packets() const { return packets_; }
  // Segments whose head was not captured.
  [[nodiscard]] std::uint64_t too_short() const { return too_short_; }
  // Packets that are added next come from this file.
  void set_file(std::uint32_t file) { file_ = file; }
  // Is told of every segment from now on, before end(); must outlive the tracker. nullptr: nobody.
  void set_observer(SegmentObserver* observer) {
    observer_ = observer;
    shows_all_ = observer != nullptr && observer->wants_all();
  }
  // Time of the newest frame, of TCP or not, for the idle times of tcptrace.
  void note_time(std::int64_t time_ns) { end_ns_ = time_ns; }

 private:
  static constexpr std::size_t kMany = 512;

  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t connection = 0;  // its index plus one; 0: free
  };

  bool add(const Packet& packet, const FlowKey& key, std::uint32_t hash, std::uint32_t wire_length,
           std::int64_t time_ns);
  [[nodiscard]] bool add_known(const BatchedPacket& one);
  [[nodiscard]] bool enter_known(Connection& connection, int side, const BatchedPacket& one,
                                 bool tried_plain);
  void enter(Connection& connection, std::size_t index, int side, const SeenSegment& segment,
             bool tried_plain);
  [[nodiscard]] bool may_begin(const Connection& connection, int side, const SeenSegment& segment) const;
  [[nodiscard]] bool wants(std::uint32_t data_packets) const;
  void show_plain(const BatchedPacket& one, std::size_t index, int side, double rtt_ns);
  [[nodiscard]] Connection* find_last(const BatchedPacket& one, int& side) const;
  [[nodiscard]] Connection* find_usual(const BatchedPacket& one, int& side);
  [[nodiscard]] bool enter_plain_of(Connection& connection, int side, const BatchedPacket& one);
  static void fetch_head(const BatchedPacket& one);
  void fetch(std::uint32_t hash) const;
  void fetch_work(std::uint32_t hash) const;
  std::size_t begin(const FlowKey& key, Slot& slot, std::uint32_t hash);
  std::size_t find(const FlowKey& key, std::uint32_t hash, const SeenSegment& segment, int& side);
  [[nodiscard]] bool is_another(const Connection& connection, int side, const SeenSegment& segment) const;
  void grow();

  Rules rules_;
  std::uint64_t seed_;
  FlowHash hash_;
  std::vector<Slot> slots_;
  std::size_t used_ = 0;  // slots
  ConnectionStore store_;
  // Of the packet before, for they come in trains; `last_` is nullptr before the first.
  Connection* last_ = nullptr;
  std::uint32_t last_hash_ = 0;
  std::uint32_t last_index_ = 0;
  std::vector<Connection*> order_;      // where others were taken in
  std::vector<ConnectionStore> taken_;  // from them
  std::uint64_t frame_ = 0;             // that is being entered
  std::uint64_t packets_ = 0;
  std::uint64_t too_short_ = 0;
  std::uint32_t file_ = 0;
  std::int64_t end_ns_ = 0;
  SegmentObserver* observer_ = nullptr;
  bool shows_all_ = false;  // and not the first of each side alone
};

}  // namespace isotach::network

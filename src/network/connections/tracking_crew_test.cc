#include "network/connections/tracking_crew.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "network/connections/fields.h"
#include "network/packet/capture_fixture.h"
#include "network/packet/decoder.h"

namespace isotach::network {
namespace {

constexpr std::uint64_t kSeed = 12345;

struct Written {
  Bytes bytes;
  std::int64_t time_ns = 0;
};

class Numbers {
 public:
  std::uint32_t below(std::uint32_t bound) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(state_ >> 33) % bound;
  }

 private:
  std::uint64_t state_ = 1;
};

// Many connections at once, with segments lost, sent again and out of order, some closed and begun anew.
std::vector<Written> conversations(std::uint32_t flows, std::uint32_t packets) {
  Numbers numbers;
  std::vector<std::uint32_t> next(flows, 1000);
  std::vector<std::uint32_t> acked(flows, 1000);
  std::vector<Written> all;
  for (std::uint32_t i = 0; i < packets; ++i) {
    const std::uint32_t flow = numbers.below(flows);
    TestSegment segment;
    segment.source_port = static_cast<std::uint16_t>(1024 + flow);
    const bool back = numbers.below(2) == 0;
    if (back) {
      acked[flow] = std::max(acked[flow], next[flow] - numbers.below(3) * 100);
      segment.sequence = 5000;
      segment.ack = acked[flow];
      std::swap(segment.source_port, segment.destination_port);
    } else {
      segment.sequence = next[flow] - (numbers.below(8) == 0 ? 100 : 0);
      segment.ack = 5000;
      segment.data = 100;
      if (numbers.below(50) == 0) segment.flags |= kTcpFin;
      if (numbers.below(50) == 0) segment.flags = kTcpSyn;
      next[flow] = segment.sequence + 100 + numbers.below(2) * 100;
    }
    Bytes ip = ipv4_bytes(tcp_bytes(segment), kProtocolTcp, static_cast<std::uint16_t>(i));
    if (back) std::swap(ip[15], ip[19]);
    all.push_back({std::move(ip), static_cast<std::int64_t>(1'000'000 + i * 1000)});
  }
  return all;
}

std::string text_of(const Tracker& tracker) {
  std::string text;
  for (std::size_t i = 0; i < tracker.size(); ++i) {
    const Connection& one = tracker[i];
    text += std::to_string(one.key.source_port) + ' ' + std::to_string(one.first_ns);
    for (const DirectionField& field : direction_fields()) {
      for (const Direction& direction : one.directions) {
        const FieldValue value = field.value(one, direction);
        text += ',';
        if (const auto* count = std::get_if<std::uint64_t>(&value)) text += std::to_string(*count);
        if (const auto* real = std::get_if<double>(&value)) text += std::to_string(*real);
        if (const auto* words = std::get_if<std::string>(&value)) text += *words;
      }
    }
    text += '\n';
  }
  return text;
}

std::string run(const std::vector<Written>& all, std::size_t threads) {
  std::vector<std::unique_ptr<Tracker>> trackers;
  std::vector<Tracker*> pointers;
  for (std::size_t i = 0; i < threads; ++i) {
    trackers.push_back(std::make_unique<Tracker>(Rules::exact, kSeed));
    pointers.push_back(trackers.back().get());
  }
  Decoder decoder;
  std::size_t at = 0;
  TrackingCrew(pointers).run([&](PacketBatch& batch) {
    batch.begin(at, 0);
    for (std::uint32_t i = 0; i < PacketBatch::kPackets && at < all.size(); ++i, ++at) {
      const Frame frame = frame_of(all[at].bytes, kLinkRaw);
      batch.add(*decoder.decode(frame), frame.wire_length, all[at].time_ns);
    }
    return at < all.size();
  });
  const std::unique_ptr<Tracker> first = std::move(trackers[0]);
  trackers.erase(trackers.begin());
  if (!trackers.empty()) {
    const auto called = first->absorb(std::move(trackers));
    EXPECT_EQ(called.size(), threads);
  }
  first->note_time(all.back().time_ns);
  first->end();
  EXPECT_EQ(first->packets(), all.size());
  return text_of(*first);
}

TEST(TrackingCrew, AnyNumberOfThreadsHasTheSameResult) {
  const std::vector<Written> all = conversations(300, 40'000);
  Tracker alone(Rules::exact);
  Decoder decoder;
  for (const Written& one : all) {
    const Frame frame = frame_of(one.bytes, kLinkRaw);
    ASSERT_TRUE(alone.add(*decoder.decode(frame), frame.wire_length, one.time_ns));
  }
  alone.note_time(all.back().time_ns);
  alone.end();
  const std::string expected = text_of(alone);
  EXPECT_GT(alone.size(), 300u);
  for (const std::size_t threads : {1u, 2u, 5u}) EXPECT_EQ(run(all, threads), expected) << threads;
}

// The ways that usual packets may go lead to the same.
TEST(TrackingCrew, UsualPacketsNeedNoBatch) {
  std::vector<Written> all = conversations(300, 20'000);
  for (Written& one : all) one.bytes = ethernet_bytes(one.bytes);
  Tracker decoded(Rules::exact, kSeed);
  Tracker direct(Rules::exact, kSeed);
  Tracker batched(Rules::exact, kSeed);
  Decoder decoder;
  PacketBatch batch(1, kSeed);
  for (std::size_t at = 0; at < all.size();) {
    batch.begin(at, 0);
    for (PacketBatch::Run batch_run(batch); at < all.size() && !batch_run.is_full(); ++at) {
      const Frame frame = frame_of(all[at].bytes);
      ASSERT_TRUE(decoded.add(*decoder.decode(frame), frame.wire_length, all[at].time_ns));
      BatchedPacket one;
      ASSERT_TRUE(read_usual(frame, one.usual));
      one.time_ns = all[at].time_ns;
      one.wire_length = frame.wire_length;
      direct.add_usual(one);
      batch_run.add(one.usual, frame.wire_length, all[at].time_ns);
    }
    batched.add(batch, 0);
  }
  for (Tracker* tracker : {&decoded, &direct, &batched}) {
    tracker->note_time(all.back().time_ns);
    tracker->end();
    EXPECT_EQ(tracker->packets(), all.size());
  }
  EXPECT_GT(decoded.size(), 300u);
  EXPECT_EQ(text_of(direct), text_of(decoded));
  EXPECT_EQ(text_of(batched), text_of(decoded));
}

// Whatever seed the tracker was made with: batches find the connections that began without one.
TEST(TrackingCrew, GoesOnWithWhatBeganWithoutABatch) {
  const std::vector<Written> all = conversations(600, 20'000);
  Tracker alone(Rules::exact, kSeed);
  Tracker both_ways(Rules::exact, kSeed + 1);
  Decoder decoder;
  std::size_t at = 0;
  for (; at < all.size(); ++at) {
    const Frame frame = frame_of(all[at].bytes, kLinkRaw);
    const Packet& packet = *decoder.decode(frame);
    ASSERT_TRUE(alone.add(packet, frame.wire_length, all[at].time_ns));
    if (at < all.size() / 2) {
      ASSERT_TRUE(both_ways.add(packet, frame.wire_length, all[at].time_ns));
    }
  }
  at = all.size() / 2;
  Tracker* crew[] = {&both_ways};
  TrackingCrew(crew).run([&](PacketBatch& batch) {
    batch.begin(at, 0);
    for (std::uint32_t i = 0; i < PacketBatch::kPackets && at < all.size(); ++i, ++at) {
      const Frame frame = frame_of(all[at].bytes, kLinkRaw);
      batch.add(*decoder.decode(frame), frame.wire_length, all[at].time_ns);
    }
    return at < all.size();
  });
  for (Tracker* tracker : {&alone, &both_ways}) {
    tracker->note_time(all.back().time_ns);
    tracker->end();
  }
  EXPECT_EQ(text_of(both_ways), text_of(alone));
}

TEST(TrackingCrew, NothingToReadIsNothing) {
  Tracker one(Rules::exact, kSeed);
  Tracker two(Rules::exact, kSeed);
  Tracker* both[] = {&one, &two};
  TrackingCrew(both).run([](PacketBatch& batch) {
    batch.begin(0, 0);
    return false;
  });
  EXPECT_EQ(one.size() + two.size(), 0u);
}

}  // namespace
}  // namespace isotach::network

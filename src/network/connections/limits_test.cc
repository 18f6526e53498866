#include "network/connections/limits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "network/connections/limit_observer.h"
#include "network/connections/tracker.h"
#include "network/packet/capture_fixture.h"
#include "network/packet/decoder.h"

namespace isotach::network {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kRttNs = 20 * kMs;
constexpr std::uint32_t kMss = 1000;
constexpr std::uint32_t kIsnA = 999;

// Segments of a sender (a) and acknowledgements of a receiver (b) that is a round trip of 20 ms away, as a
// capture sees them that is `near_ns` (there and back) from the sender.
class Transfer {
 public:
  explicit Transfer(std::int64_t near_ns) : near_ns_(near_ns) {
    const Bytes scale = {1, 3, 3, 7};  // windows count 128 bytes
    at(0, true, {.sequence = kIsnA, .flags = kTcpSyn, .options = scale});
    at(kRttNs, false, {.sequence = 4999, .ack = kIsnA + 1, .flags = kTcpSyn | kTcpAck, .options = scale});
    at(kRttNs, true, {.sequence = kIsnA + 1, .ack = 5000});
  }

  // The sender sends segment number `i` at `time_ns`.
  void send(std::int64_t time_ns, std::uint32_t i, std::uint32_t size = kMss) {
    at(time_ns, true, {.sequence = kIsnA + 1 + i * kMss, .ack = 5000, .data = size});
  }
  // An acknowledgement of all before segment `i` reaches the sender at `time_ns`.
  void acknowledge(std::int64_t time_ns, std::uint32_t i, std::uint16_t window) {
    at(time_ns, false, {.sequence = 5000, .ack = kIsnA + 1 + i * kMss, .window = window});
  }
  // A request of the other side reaches the sender, and acknowledges all before segment `i`.
  void ask(std::int64_t time_ns, std::uint32_t i, std::uint32_t request) {
    at(time_ns, false,
       {.sequence = 5000 + request * 10, .ack = kIsnA + 1 + i * kMss, .window = 1000, .data = 10});
  }

  LimitShares judge() {
    std::stable_sort(events_.begin(), events_.end(),
                     [](const Event& a, const Event& b) { return a.time_ns < b.time_ns; });
    Tracker tracker(Rules::exact);
    LimitObserver limits;
    tracker.set_observer(&limits);
    Decoder decoder;
    for (Event& event : events_) {
      if (!event.from_a) std::swap(event.segment.source_port, event.segment.destination_port);
      Bytes ip = ipv4_bytes(tcp_bytes(event.segment), kProtocolTcp, 0);
      if (!event.from_a) std::swap(ip[15], ip[19]);
      const Frame frame = frame_of(ip, kLinkRaw);
      const Packet* packet = decoder.decode(frame);
      EXPECT_NE(packet, nullptr);
      EXPECT_TRUE(tracker.add(*packet, frame.wire_length, 1'000'000 * kMs + event.time_ns));
    }
    tracker.end();
    limits.finish();
    const LimitShares* shares = limits.shares(0, 0);
    EXPECT_NE(shares, nullptr);
    evidence_ = limit_evidence(shares->verdict(), *shares, tracker[0], 0);
    return *shares;
  }
  [[nodiscard]] const std::string& evidence() const { return evidence_; }

 private:
  struct Event {
    std::int64_t time_ns;
    bool from_a;
    TestSegment segment;
  };
  void at(std::int64_t sender_ns, bool from_a, const TestSegment& segment) {
    events_.push_back({from_a ? sender_ns + near_ns_ / 2 : sender_ns - near_ns_ / 2, from_a, segment});
  }

  std::int64_t near_ns_;
  std::vector<Event> events_;
  std::string evidence_;
};

// At the sender, in the middle and at the receiver.
class Limits : public testing::TestWithParam<std::int64_t> {
 protected:
  Transfer transfer_{GetParam()};
};

// `flight` segments at once in each round trip, `rounds` times; the window has `window` segments.
void fly(Transfer& transfer, std::uint32_t flight, std::uint32_t rounds, std::uint32_t window) {
  std::uint32_t next = 0;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    const std::int64_t start = 2 * kRttNs + round * kRttNs;
    for (std::uint32_t i = 0; i < flight; ++i) {
      transfer.send(start + i * 10'000, next);
      ++next;
      transfer.acknowledge(start + kRttNs + i * 10'000 - 5'000, next,
                           static_cast<std::uint16_t>(window * kMss / 128 + 1));
    }
  }
}

TEST_P(Limits, WindowThatIsFull) {
  fly(transfer_, 10, 20, 10);
  const LimitShares shares = transfer_.judge();
  EXPECT_EQ(shares.verdict(), Limit::receiver_window);
  EXPECT_GT(shares.share(Limit::receiver_window), 0.9);
  EXPECT_NE(transfer_.evidence().find("9.8"), std::string::npos) << transfer_.evidence();
}

TEST_P(Limits, SendBufferThatLetsNoMoreFly) {
  fly(transfer_, 10, 20, 200);
  const LimitShares shares = transfer_.judge();
  EXPECT_EQ(shares.verdict(), Limit::send_buffer);
  EXPECT_GT(shares.share(Limit::send_buffer), 0.8);
  EXPECT_NEAR(static_cast<double>(shares.flight_flat_bytes), 10.0 * kMss, kMss);
}

TEST_P(Limits, SlowStart) {
  std::uint32_t next = 0;
  std::uint32_t flight = 10;
  for (std::uint32_t round = 0; round < 6; ++round, flight *= 2) {
    const std::int64_t start = 2 * kRttNs + round * kRttNs;
    for (std::uint32_t i = 0; i < flight; ++i) {
      transfer_.send(start + i * 10'000, next);
      ++next;
      transfer_.acknowledge(start + kRttNs + i * 10'000 - 5'000, next, 60'000);
    }
  }
  const LimitShares shares = transfer_.judge();
  EXPECT_EQ(shares.verdict(), Limit::slow_start);
  EXPECT_EQ(shares.slow_start_rounds, 6u);
}

TEST_P(Limits, ApplicationThatWritesNowAndThen) {
  std::uint32_t next = 0;
  for (std::uint32_t round = 0; round < 20; ++round) {
    const std::int64_t start = 2 * kRttNs + round * 100 * kMs;
    for (std::uint32_t i = 0; i < 5; ++i) {
      transfer_.send(start + i * 10'000, next);
      ++next;
      transfer_.acknowledge(start + kRttNs + i * 10'000, next, 10'000);
    }
  }
  const LimitShares shares = transfer_.judge();
  EXPECT_EQ(shares.verdict(), Limit::sender_application);
  EXPECT_GT(shares.share(Limit::sender_application), 0.95);
  EXPECT_EQ(shares.pauses, 19u);
}

TEST_P(Limits, ServerThatIsAsked) {
  std::uint32_t next = 0;
  for (std::uint32_t request = 0; request < 20; ++request) {
    const std::int64_t start = 2 * kRttNs + request * (kRttNs + kMs);
    transfer_.ask(start - 50'000, next, request);
    for (std::uint32_t i = 0; i < 8; ++i) {
      transfer_.send(start + i * 10'000, next);
      ++next;
      transfer_.acknowledge(start + kRttNs + i * 10'000, next, 10'000);
    }
  }
  const LimitShares shares = transfer_.judge();
  EXPECT_EQ(shares.verdict(), Limit::sender_application);
  EXPECT_GT(shares.share(Limit::sender_application), 0.9);
}

TEST_P(Limits, ReaderThatDoesNotRead) {
  std::uint32_t next = 0;
  for (std::uint32_t round = 0; round < 20; ++round) {
    // Ten segments fill the window; it opens 100 ms later.
    const std::int64_t start = 2 * kRttNs + round * 100 * kMs;
    for (std::uint32_t i = 0; i < 10; ++i) {
      transfer_.send(start + i * 10'000, next);
      ++next;
    }
    transfer_.acknowledge(start + kRttNs, next, 0);
    transfer_.acknowledge(start + 100 * kMs - 50'000, next, 10 * kMss / 128 + 1);
  }
  const LimitShares shares = transfer_.judge();
  EXPECT_EQ(shares.verdict(), Limit::receiver_application);
  EXPECT_GT(shares.share(Limit::receiver_application), 0.7);
  EXPECT_EQ(shares.windows_shut, 19u);
}

// At the sender, in the middle, at the receiver.
INSTANTIATE_TEST_SUITE_P(CapturedAt, Limits, testing::Values(0, kRttNs / 2, kRttNs));

TEST(LimitObserver, DataWithoutAnswersIsNotJudged) {
  Tracker tracker(Rules::exact);
  LimitObserver limits;
  tracker.set_observer(&limits);
  Decoder decoder;
  for (std::uint32_t i = 0; i < 10; ++i) {
    const Bytes ip = ipv4_bytes(tcp_bytes({.sequence = 1000 + i * kMss, .data = kMss}));
    tracker.add(*decoder.decode(frame_of(ip, kLinkRaw)), 1040, i * kMs);
  }
  tracker.end();
  limits.finish();
  ASSERT_NE(limits.shares(0, 0), nullptr);
  EXPECT_FALSE(limits.shares(0, 0)->is_known());
  EXPECT_EQ(limits.shares(0, 1), nullptr);
}

TEST(LimitObserver, AllInOneFlightIsTheApplication) {
  Transfer transfer(0);
  transfer.send(2 * kRttNs, 0);
  transfer.acknowledge(3 * kRttNs, 1, 1000);
  const LimitShares shares = transfer.judge();
  EXPECT_TRUE(shares.is_known());
  EXPECT_EQ(shares.span_ns(), 0);
  EXPECT_EQ(shares.verdict(), Limit::sender_application);
  EXPECT_EQ(transfer.evidence(), "all it had fitted into one flight");
}

}  // namespace
}  // namespace isotach::network

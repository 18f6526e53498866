#include "network/connections/plain_segment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "network/connections/accounting.h"
#include "network/connections/fields.h"

namespace isotach::network {
namespace {

class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}
  std::uint32_t below(std::uint32_t bound) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(state_ >> 33) % bound;
  }
  bool one_in(std::uint32_t number) { return below(number) == 0; }

 private:
  std::uint64_t state_;
};

// Both sides send and acknowledge; now and then something is lost, sent again, overtaken, cut, doubled, a
// window shut, a selective acknowledgement sent.
class Conversation {
 public:
  Conversation(std::uint64_t seed, std::uint8_t ip_version)
      : numbers_(seed), ip_version_(ip_version), has_timestamps_(seed % 2 == 0), has_scale_(seed % 3 != 0) {
    // So that quarters of the sequence space are left, and the space wraps around.
    for (std::uint32_t& next : next_) next = numbers_.below(4) * 0x4000'0000u + 0x3fff'0000u;
  }

  SeenSegment next(int& side) {
    if (sent_ < 3) return handshake(side);
    ++sent_;
    side = numbers_.one_in(3) ? 1 : 0;
    SeenSegment segment = begin(side);
    std::uint32_t& next = next_[static_cast<std::size_t>(side)];
    const std::uint32_t other = next_[static_cast<std::size_t>(1 - side)];
    if (!numbers_.one_in(3)) segment.data_length = numbers_.one_in(4) ? numbers_.below(1448) : 1448;
    if (numbers_.one_in(40)) next += 1448;
    segment.head.sequence = next - (numbers_.one_in(30) ? numbers_.below(5000) : 0);
    segment.head.acknowledgement = other - (numbers_.one_in(5) ? numbers_.below(6000) : 0);
    if (numbers_.one_in(4)) segment.head.flags |= kTcpPsh;
    if (numbers_.one_in(60)) segment.head.window = 0;
    if (numbers_.one_in(400)) segment.head.flags |= kTcpFin;
    if (numbers_.one_in(1000)) segment.head.flags |= kTcpRst;
    if (numbers_.one_in(50)) {
      segment.options.is_rare = segment.options.has_sack = true;
      segment.options.sack_blocks = 1;
      segment.options.sack[0] = {other + 1448, other + 2896};
    }
    segment.data_captured = numbers_.one_in(3) ? segment.data_length / 2 : segment.data_length;
    const auto end = static_cast<std::uint32_t>(segment.end());
    if (static_cast<std::int32_t>(end - next) > 0) next = end;
    if (numbers_.one_in(70)) return last_[static_cast<std::size_t>(side)];
    return last_[static_cast<std::size_t>(side)] = segment;
  }

 private:
  SeenSegment begin(int side) {
    now_ns_ += numbers_.one_in(50) ? -2'000'000 : numbers_.below(3'000'000);
    SeenSegment segment;
    segment.time_ns = now_ns_;
    segment.wire_length = 100 + numbers_.below(1400);
    segment.ip_length = segment.wire_length - 14;
    segment.ip_version = ip_version_;
    std::uint16_t& id = ids_[static_cast<std::size_t>(side)];
    if (ip_version_ == 4)
      segment.ip_id = id = static_cast<std::uint16_t>(numbers_.one_in(50) ? numbers_.below(65536) : id + 1);
    segment.head.flags = kTcpAck;
    segment.head.window =
        numbers_.one_in(3) ? static_cast<std::uint16_t>(1000 + numbers_.below(60000)) : 8000;
    segment.options.has_timestamps = has_timestamps_ && !numbers_.one_in(100);
    segment.options.timestamp =
        segment.options.has_timestamps ? static_cast<std::uint32_t>(now_ns_ / 1'000'000) : 0;
    return segment;
  }
  SeenSegment handshake(int& side) {
    side = sent_ == 1 ? 1 : 0;
    SeenSegment segment = begin(side);
    segment.head.sequence = next_[static_cast<std::size_t>(side)];
    segment.head.acknowledgement = sent_ == 0 ? 0 : next_[static_cast<std::size_t>(1 - side)];
    if (sent_ < 2) {
      segment.head.flags = sent_ == 0 ? kTcpSyn : kTcpSyn | kTcpAck;
      segment.options.has_window_scale = segment.options.is_rare = has_scale_;
      segment.options.window_scale = 7;
      ++next_[static_cast<std::size_t>(side)];
    }
    ++sent_;
    return segment;
  }

  Numbers numbers_;
  std::uint8_t ip_version_;
  bool has_timestamps_;
  bool has_scale_;
  int sent_ = 0;
  std::int64_t now_ns_ = 1'700'000'000'000'000'000;
  std::array<std::uint32_t, 2> next_{};
  std::array<std::uint16_t, 2> ids_{};
  std::array<SeenSegment, 2> last_{};
};

std::string text_of(const FieldValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* count = std::get_if<std::uint64_t>(&value)) return std::to_string(*count);
  if (const auto* real = std::get_if<double>(&value)) return std::to_string(*real);
  return "-";
}

std::string text_of(const Connection& connection) {
  std::string text = std::to_string(connection.first_ns) + ' ' + std::to_string(connection.last_ns) + ' ' +
                     std::to_string(connection.handshake_ns);
  for (const Direction& direction : connection.directions) {
    for (const DirectionField& field : direction_fields())
      text += std::string("\n") + field.name + ' ' + text_of(field.value(connection, direction));
  }
  return text;
}

TEST(PlainSegment, TheShortWayLeadsWhereTheLongOneDoes) {
  std::uint64_t plain = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Conversation conversation(seed, seed % 4 == 0 ? 6 : 4);
    Connection one;
    Connection other;
    for (int i = 0; i < 1000; ++i) {
      int side = 0;
      const SeenSegment segment = conversation.next(side);
      const Direction& me = one.directions[static_cast<std::size_t>(side)];
      const auto ready = me.readiness;
      const SegmentVerdict expected = account_fully(other, side, Rules::exact, segment);
      const SegmentVerdict verdict = account(one, side, Rules::exact, segment);
      plain += ready != 0 && verdict.kind == SegmentKind::fresh ? 1 : 0;
      ASSERT_EQ(static_cast<int>(verdict.kind), static_cast<int>(expected.kind)) << seed << ' ' << i;
      ASSERT_EQ(verdict.window, expected.window) << seed << ' ' << i;
      ASSERT_EQ(verdict.rtt_ns, expected.rtt_ns) << seed << ' ' << i;
      ASSERT_EQ(text_of(one), text_of(other)) << seed << ' ' << i;
    }
  }
  EXPECT_GT(plain, 3'000u);
}

}  // namespace
}  // namespace isotach::network

#include "network/nettest/short_queue.h"

#include <gtest/gtest.h>

namespace isotach::nettest {
namespace {

kernel::TcpInfo path_of(std::uint32_t least_rtt_us) {
  kernel::TcpInfo info;
  info.least_rtt_us = least_rtt_us;
  return info;
}

TEST(ShortQueue, SuitsFastStreamsOverShortPaths) {
  EXPECT_TRUE(suits_short_queue(false, 1e9, path_of(30)));
  EXPECT_FALSE(suits_short_queue(false, 1e9, path_of(1000)));
  EXPECT_FALSE(suits_short_queue(true, 1e9, path_of(1000)));
  EXPECT_FALSE(suits_short_queue(false, 12.5e6, path_of(30)));  // 100 Mbit/s
}

TEST(ShortQueue, StaysAsItIsBetweenItsLimits) {
  EXPECT_FALSE(suits_short_queue(false, 20e6, path_of(30)));
  EXPECT_TRUE(suits_short_queue(true, 20e6, path_of(30)));
  EXPECT_FALSE(suits_short_queue(true, 10e6, path_of(30)));
}

TEST(ShortQueue, APacketHoldsWholeSegments) {
  EXPECT_EQ(one_packet_bytes(1448, 65215), 45U * 1448);
  EXPECT_EQ(one_packet_bytes(65483, 65215), 65483U);  // loopback: one segment is more than is joined
  EXPECT_EQ(one_packet_bytes(0, 65215), 0U);
}

}  // namespace
}  // namespace isotach::nettest

#include "kernel/network_counters.h"

#include <gtest/gtest.h>

namespace isotach::kernel {
namespace {

TEST(NetworkCounters, FieldsAreFoundByName) {
  NetworkReading reading;
  parse_protocol_counters(
      "Ip: Forwarding DefaultTTL\nIp: 1 64\n"
      "Tcp: RtoAlgorithm OutSegs RetransSegs AttemptFails\nTcp: 1 1000 20 3\n"
      "Udp: InDatagrams RcvbufErrors SndbufErrors\nUdp: 7 8 9\n"
      "UdpLite: InDatagrams RcvbufErrors\nUdpLite: 100 200\n"
      "TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPTimeouts\nTcpExt: 5 11 12 13\n",
      reading);
  EXPECT_EQ(reading[NetworkField::tcp_segments_out].as_unsigned(), 1000U);
  EXPECT_EQ(reading[NetworkField::tcp_retransmits].as_unsigned(), 20U);
  EXPECT_EQ(reading[NetworkField::tcp_attempts_failed].as_unsigned(), 3U);
  EXPECT_EQ(reading[NetworkField::udp_received].as_unsigned(), 7U);
  EXPECT_EQ(reading[NetworkField::udp_receive_buffer_errors].as_unsigned(), 8U);
  EXPECT_EQ(reading[NetworkField::listen_overflows].as_unsigned(), 11U);
  EXPECT_EQ(reading[NetworkField::tcp_timeouts].as_unsigned(), 13U);
  EXPECT_TRUE(reading[NetworkField::tcp_memory_pages].is_missing());
}

TEST(NetworkCounters, DamagedLinesGiveNothing) {
  NetworkReading reading;
  parse_protocol_counters("Tcp: OutSegs RetransSegs\nUdp: 1 2\nTcp: OutSegs\nTcp: x\nTcp:", reading);
  EXPECT_TRUE(reading[NetworkField::tcp_retransmits].is_missing());
  EXPECT_TRUE(reading[NetworkField::tcp_segments_out].is_missing());
}

TEST(NetworkCounters, SoftnetIsSummedOverCpus) {
  NetworkReading reading;
  parse_softnet("00000010 00000002 00000001 00000000\n000000ff 00000001 00000003 00000000\n", reading);
  EXPECT_EQ(reading[NetworkField::softnet_processed].as_unsigned(), 0x10fU);
  EXPECT_EQ(reading[NetworkField::softnet_dropped].as_unsigned(), 3U);
  EXPECT_EQ(reading[NetworkField::softnet_squeezed].as_unsigned(), 4U);
  parse_softnet("0000001g 1 2\n", reading);
  EXPECT_TRUE(reading[NetworkField::softnet_dropped].is_missing());
}

TEST(NetworkCounters, MemoryOfTcpIsInSockstat) {
  NetworkReading reading;
  parse_sockstat("sockets: used 200\nTCP: inuse 5 orphan 0 tw 9 alloc 7 mem 42\nUDP: inuse 2 mem 3\n",
                 reading);
  EXPECT_EQ(reading[NetworkField::tcp_memory_pages].as_unsigned(), 42U);
}

TEST(NetworkCounters, ThisMachineHasThem) {
  NetworkReading reading;
  NetworkReader(SystemRoot()).read(reading);
  EXPECT_FALSE(reading[NetworkField::tcp_retransmits].is_missing());
  EXPECT_FALSE(reading[NetworkField::listen_overflows].is_missing());
  EXPECT_FALSE(reading[NetworkField::softnet_processed].is_missing());
}

}  // namespace
}  // namespace isotach::kernel

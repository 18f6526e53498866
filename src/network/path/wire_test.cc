#include "network/path/wire.h"

#include <gtest/gtest.h>

#include <array>

namespace isotach::path {
namespace {

TEST(PathWire, ProbesComeBackAsTheyWere) {
  const Probe probe{ProbeKind::echo_answer, 0xba, 0x1122334455667788, 7, 9, -5, 1'700'000'000'000'000'000, 3};
  std::array<std::uint8_t, kProbeBytes> bytes{};
  write_probe(probe, bytes.data());
  const auto read = read_probe(bytes.data(), bytes.size());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->kind, probe.kind);
  EXPECT_EQ(read->tos, probe.tos);
  EXPECT_EQ(read->token, probe.token);
  EXPECT_EQ(read->stream, 7U);
  EXPECT_EQ(read->sequence, 9U);
  EXPECT_EQ(read->sent_ns, -5);
  EXPECT_EQ(read->received_ns, probe.received_ns);
  EXPECT_EQ(read->answered_ns, 3);
  EXPECT_FALSE(read_probe(bytes.data(), bytes.size() - 1));
  bytes[4] = 9;
  EXPECT_FALSE(read_probe(bytes.data(), bytes.size()));
}

TEST(PathWire, MessagesComeBackAsTheyWereAndHalfOfThemDoNot) {
  Records records{3, 17, {{0, 1'000, 2}, {5, -1, 0}}};
  const std::string text = message(records);
  const auto head = read_head(text);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->type, MessageType::records);
  ASSERT_EQ(head->size, text.size() - kMessageHead);
  const std::string_view content = std::string_view(text).substr(kMessageHead);
  const auto read = read_records(content);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->dropped, 17U);
  ASSERT_EQ(read->arrivals.size(), 2U);
  EXPECT_EQ(read->arrivals[1].sequence, 5U);
  EXPECT_EQ(read->arrivals[1].received_ns, -1);
  for (std::size_t size = 0; size < content.size(); ++size)
    EXPECT_FALSE(read_records(content.substr(0, size)));
  EXPECT_FALSE(read_records(std::string(content) + 'x'));
  EXPECT_EQ(read_hello(std::string_view(message(Hello{5201})).substr(kMessageHead))->udp_port, 5201);
  EXPECT_EQ(read_welcome(std::string_view(message(Welcome{1, 2})).substr(kMessageHead))->token, 2U);
  EXPECT_EQ(read_report_request(std::string_view(message(ReportRequest{1, 2, 3})).substr(kMessageHead))
                ->patience_ms,
            3U);
}

TEST(PathWire, WhatAServerIsAskedToSendIsBounded) {
  const SendRequest request{7, 1472, 44, 6, 4'800'500, 4'000'000};
  const std::string text = message(request);
  EXPECT_EQ(read_head(text)->type, MessageType::send);
  const auto read = read_send_request(std::string_view(text).substr(kMessageHead));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->payload_bytes, 1472U);
  EXPECT_EQ(read->gap_ps, 4'800'500U);
  EXPECT_EQ(read->rest_ns, 4'000'000U);
  EXPECT_TRUE(is_within_bounds(*read));
  EXPECT_FALSE(is_within_bounds({7, 10, 44, 6, 0, 0}));
  EXPECT_FALSE(is_within_bounds({7, 1472, 0, 6, 0, 0}));
  EXPECT_FALSE(is_within_bounds({7, 1472, 0xffffffff, 0xffffffff, 0, 0}));
  EXPECT_FALSE(is_within_bounds({7, 1472, 44, 6, 0, 9'000'000'000}));
  EXPECT_FALSE(is_within_bounds({7, 1472, 44, 6, ~std::uint64_t{0}, 0}));
  const std::string sent = message(Sent{7, {1, -2}});
  const auto times = read_sent(std::string_view(sent).substr(kMessageHead));
  ASSERT_TRUE(times);
  EXPECT_EQ(times->times_ns, (std::vector<std::int64_t>{1, -2}));
  EXPECT_FALSE(read_sent(std::string_view(sent).substr(kMessageHead, 9)));
}

TEST(PathWire, CopiesOfAProbeCountOnce) {
  Distinct distinct;
  for (const std::uint32_t each : {3U, 0U, 3U, 3U, 0xffffffffU}) distinct.add(each);
  EXPECT_EQ(distinct.count(), 2U);
  distinct.clear();
  EXPECT_EQ(distinct.count(), 0U);
}

TEST(PathWire, ALengthBeyondTheBoundIsNoMessage) {
  EXPECT_FALSE(read_head(std::string("\x04\xff\xff\xff\xff", 5)));
  EXPECT_FALSE(read_head(std::string("\x09\x00\x00\x00\x00", 5)));
  EXPECT_FALSE(read_head("\x04"));
}

}  // namespace
}  // namespace isotach::path

#include "network/nettest/protocol.h"

#include <gtest/gtest.h>

#include <string>

#include "network/nettest/frame_reader.h"
#include "network/nettest/parameters.h"
#include "network/nettest/results.h"

namespace isotach::nettest {
namespace {

TEST(Protocol, makesCookiesAsStockClientsDo) {
  std::array<std::uint8_t, kCookieBytes - 1> random{};
  for (std::size_t i = 0; i < random.size(); ++i) random[i] = static_cast<std::uint8_t>(i * 7);
  const Cookie cookie = make_cookie(random);
  EXPECT_EQ(cookie.back(), '\0');
  EXPECT_EQ(cookie_text(cookie).find_first_not_of("abcdefghijklmnopqrstuvwxyz234567"),
            std::string_view::npos);
  EXPECT_EQ(read_cookie({cookie.data(), cookie.size()}), cookie);
}

TEST(Protocol, takesNothingElseForACookie) {
  EXPECT_FALSE(read_cookie("short"));
  EXPECT_FALSE(read_cookie("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"));
  EXPECT_FALSE(read_cookie(std::string(37, 'a')));
  EXPECT_TRUE(read_cookie(std::string(36, 'a') + '\0'));
}

TEST(Protocol, countsStreamsAsIperf3Does) {
  EXPECT_EQ(stream_id(0), 1);
  EXPECT_EQ(stream_id(1), 3);
  EXPECT_EQ(stream_id(2), 4);
}

// Feeds `bytes` in pieces of `piece`.
std::optional<std::string> feed(FrameReader& reader, std::string_view bytes, std::size_t piece) {
  while (!bytes.empty() && reader.wanted() > 0) {
    const std::string_view part = bytes.substr(0, std::min(piece, reader.wanted()));
    reader.add(part);
    bytes.remove_prefix(part.size());
  }
  return reader.take();
}

TEST(FrameReader, putsTogetherWhatComesInPieces) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
    FrameReader reader;
    reader.expect_json(100);
    EXPECT_EQ(feed(reader, framed("{\"a\":1}"), piece), "{\"a\":1}");
    reader.expect_bytes(1);
    EXPECT_EQ(feed(reader, "\x04", piece), "\x04");
  }
}

TEST(FrameReader, refusesLengthsOutOfRange) {
  for (const std::uint32_t length : {0u, 101u, 0xffffffffu}) {
    FrameReader reader;
    reader.expect_json(100);
    EXPECT_FALSE(feed(reader, be32(length) + "{}", 1));
    EXPECT_TRUE(reader.broken()) << length;
    EXPECT_EQ(reader.wanted(), 0u);
  }
}

TEST(Parameters, survivesTheWay) {
  TestParameters sent;
  sent.udp = true;
  sent.bidirectional = true;
  sent.parallel = 4;
  sent.omit_s = 2;
  sent.time_s = 7;
  sent.length = 1400;
  sent.window = 1 << 20;
  sent.rate_bps = 12'000'000'000;
  sent.burst = 3;
  sent.tos = 184;
  sent.counters_64 = true;
  sent.title = "a \"title\"";
  sent.isotach = true;
  sent.transaction = Transaction::request_response;
  sent.outstanding = 8;
  sent.transaction_rate = 250;
  sent.threads = 2;
  sent.busy_poll = true;
  sent.follow = false;
  sent.request_bytes = 2048;
  sent.response_bytes = 32768;
  sent.engine = SendEngine::splice;
  sent.discard = true;
  sent.cold_buffers = 64;
  sent.multipath = true;
  const auto got = read_parameters(to_json(sent));
  ASSERT_TRUE(got.has_value()) << got.error();
  EXPECT_EQ(to_json(*got), to_json(sent));
  EXPECT_EQ(got->rate_bps, sent.rate_bps);
  EXPECT_EQ(got->response_bytes, sent.response_bytes);
  EXPECT_EQ(got->engine, SendEngine::splice);
  EXPECT_TRUE(got->discard);
  EXPECT_EQ(got->cold_buffers, 64u);
  EXPECT_TRUE(got->multipath);
}

TEST(Parameters, takesDefaultsForWhatIsAbsentOrOfAnotherType) {
  const auto got = read_parameters(R"({"parallel":"many","time":null,"len":[1],"title":5,"udp":"yes"})");
  ASSERT_TRUE(got.has_value());
  EXPECT_FALSE(got->udp);
  EXPECT_EQ(got->parallel, 1);
  EXPECT_EQ(got->time_s, 10);
  EXPECT_EQ(got->length, 0u);
  EXPECT_EQ(got->title, "");
}

TEST(Parameters, refusesAsIperf3Does) {
  const auto error = [](std::string_view json) {
    const auto got = read_parameters(json);
    return got ? 0 : got.error();
  };
  EXPECT_EQ(error(R"({"parallel":500})"), 6);
  EXPECT_EQ(error(R"({"parallel":0})"), 6);
  EXPECT_EQ(error(R"({"parallel":-1})"), 6);
  EXPECT_EQ(error(R"({"len":2097152})"), 7);
  EXPECT_EQ(error(R"({"len":-1})"), 7);
  EXPECT_EQ(error(R"({"window":1073741824})"), 8);
  EXPECT_EQ(error(R"({"MSS":40000})"), 10);
  EXPECT_EQ(error(R"({"udp":true,"len":8})"), 20);
  EXPECT_EQ(error(R"({"TOS":300})"), 21);
  EXPECT_EQ(error(R"({"time":1000000})"), 5);
  EXPECT_EQ(error("{"), 114);
  EXPECT_EQ(error("[]"), 114);
  EXPECT_EQ(error(std::string(9000, ' ')), 114);
}

TEST(Results, readsWhatAStockPeerSends) {
  const auto got = read_results(
      R"({"cpu_util_total":42.5,"cpu_util_user":1,"cpu_util_system":41.5,)"
      R"("sender_has_retransmits":1,)"
      R"("congestion_used":"bbr","streams":[{"id":1,"bytes":1335623680,"retransmits":2,"jitter":0,)"
      R"("errors":0,)"
      R"("packets":0,"start_time":0,"end_time":1.0}]})");
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->cpu_total, 42.5);
  EXPECT_EQ(got->congestion, "bbr");
  ASSERT_EQ(got->streams.size(), 1u);
  EXPECT_EQ(got->streams[0].bytes, 1335623680u);
  EXPECT_EQ(got->streams[0].retransmits, 2);
  EXPECT_FALSE(got->streams[0].out_of_order);
  EXPECT_FALSE(got->isotach);
}

TEST(Results, readsMinusOneAsDebiansIperf3WritesIt) {
  const auto got = read_results(
      R"({"cpu_util_total":4.9,"cpu_util_user":0,"cpu_util_system":4.9,"sender_has_retransmits":)"
      R"(18446744073709551615,"streams":[{"id":1,"bytes":1097584,)"
      R"("retransmits":18446744073709551615,"jitter":0,)"
      R"("errors":0,"packets":0,"start_time":0,"end_time":1.000923}]})");
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->sender_has_retransmits, -1);
  EXPECT_EQ(got->streams[0].retransmits, -1);
}

TEST(Results, survivesTheWay) {
  PeerResults sent;
  sent.isotach = true;
  sent.busiest_thread = 0.5;
  sent.output = "two\nlines \"quoted\"";
  StreamResult stream;
  stream.id = 3;
  stream.bytes = 1ull << 60;
  stream.errors = 7;
  stream.packets = 100;
  stream.duplicates = 4;
  stream.buffer_drops = 3;
  stream.tcp = {100'000, 65'535, 20, 3000, 150.5, 1, 0.25, 0};
  sent.streams.push_back(stream);
  const auto got = read_results(to_json(sent));
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(to_json(*got), to_json(sent));
  EXPECT_EQ(got->streams[0].bytes, 1ull << 60);
  EXPECT_EQ(got->streams[0].buffer_drops, 3u);
  ASSERT_TRUE(got->streams[0].tcp.has_value());
  EXPECT_EQ(got->streams[0].tcp->largest_rtt_us, 3000u);
  EXPECT_DOUBLE_EQ(got->streams[0].tcp->window_limited, 0.25);
}

TEST(Results, refusesWhatLacksSomething) {
  EXPECT_FALSE(read_results("{}"));
  EXPECT_FALSE(read_results(R"({"cpu_util_total":1,"cpu_util_user":1,"cpu_util_system":1,)"
                            R"("sender_has_retransmits":1,"streams":[{"id":1}]})"));
}

}  // namespace
}  // namespace isotach::nettest

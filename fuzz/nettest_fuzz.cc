// What peers of isotach nettest send: parameters, results, frames, datagrams, words of iperf2,
// tokens. The first byte
// chooses.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json_reader.h"
#include "network/nettest/authentication.h"
#include "network/nettest/datagram.h"
#include "network/nettest/frame_reader.h"
#include "network/nettest/iperf2.h"
#include "network/nettest/parameters.h"
#include "network/nettest/protocol.h"
#include "network/nettest/results.h"

namespace {

using namespace isotach;
using namespace isotach::nettest;

void parameters(std::string_view text) {
  const auto read = read_parameters(text);
  if (!read) {
    CHECK(read.error() > 0);
    return;
  }
  CHECK(check_parameters(*read) == 0);
  CHECK(read->parallel >= 1 && read->parallel <= kStreamLimit);
  // Texts may grow past the limit when they are escaped.
  if (const std::string json = to_json(*read); json.size() <= kParametersLimitBytes) {
    const auto again = read_parameters(json);
    CHECK(again.has_value());
    CHECK(to_json(*again) == json);
  }
}

void results(std::string_view text) {
  const auto read = read_results(text);
  if (!read) return;
  const std::string json = to_json(*read);
  const auto again = read_results(json);
  CHECK(again.has_value());
  CHECK(again->streams.size() == read->streams.size());
}

void frames(std::string_view text) {
  FrameReader reader;
  reader.expect_json(1000);
  while (!text.empty() && reader.wanted() > 0) {
    const std::string_view piece = text.substr(0, std::min<std::size_t>(reader.wanted(), 7));
    reader.add(piece);
    text.remove_prefix(piece.size());
  }
  if (const auto frame = reader.take()) CHECK(!frame->empty() && frame->size() <= 1000);
  static_cast<void>(read_cookie(text));
}

void datagrams(std::string_view text) {
  Arrivals arrivals;
  std::int64_t now_us = 0;
  for (; text.size() >= 16; text.remove_prefix(16)) {
    if (const auto head = read_head(text, (text[0] & 1) != 0)) arrivals.add(*head, now_us += 100);
    CHECK(arrivals.lost() <= arrivals.highest());
    CHECK(arrivals.duplicates() + arrivals.out_of_order() <= arrivals.received());
  }
}

void iperf2(std::string_view text) {
  for (const bool udp : {false, true}) {
    if (text.size() < 4) return;
    const auto test = read_iperf2_test(text, udp);
    if (!test) continue;
    CHECK(iperf2_test_bytes(text) > 0 && test->streams > 0);
    const auto again = read_iperf2_test(iperf2_test(*test, udp), udp);
    CHECK(again && again->length == test->length && again->reverse == test->reverse);
  }
  if (const auto datagram = read_iperf2_datagram(text))
    CHECK(iperf2_datagram(*datagram).substr(0, 4) == text.substr(0, 4));
  if (const auto report = read_iperf2_report(text))
    CHECK(read_iperf2_report(iperf2_report(*report))->datagrams == report->datagrams);
}

void tokens(std::string_view text) {
  static_cast<void>(read_base64(text));
  static_cast<void>(is_listed(text, {"mario", "rossi"}));
  if (const auto token = read_token_text(text))
    CHECK(read_token_text(token_text(*token))->time_s == token->time_s);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (static_cast<unsigned char>(data[0] - '2') % 7) {
    case 0:
      parameters(text);
      break;
    case 1:
      results(text);
      break;
    case 2:
      frames(text);
      break;
    case 3:
      datagrams(text);
      break;
    case 5:
      iperf2(text);
      break;
    case 6:
      tokens(text);
      break;
    default:
      if (const auto json = parse_json(text)) static_cast<void>(json->find("a"));
      break;
  }
  return 0;
}

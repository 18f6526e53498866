// What peers of isotach nettest send: parameters, results, frames, datagrams. The first byte chooses.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json_reader.h"
#include "network/nettest/datagram.h"
#include "network/nettest/frame_reader.h"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
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
    default:
      if (const auto json = parse_json(text)) static_cast<void>(json->find("a"));
      break;
  }
  return 0;
}

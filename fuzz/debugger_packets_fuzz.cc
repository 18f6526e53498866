// What a debugger sends: packets in any pieces, their numbers and bytes in hexadecimal.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/debugger/packets.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isotach::dbi::api;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  // Whole and in two parts it says the same.
  PacketReader whole, parts;
  whole.add(all);
  parts.add(all.substr(0, size / 2));
  std::string payload, other;
  std::size_t count = 0, other_count = 0;
  for (int part = 0; part < 2; ++part) {
    while (parts.next(other) != PacketReader::Kind::none) ++other_count;
    if (part == 0) parts.add(all.substr(size / 2));
  }
  for (auto kind = whole.next(payload); kind != PacketReader::Kind::none; kind = whole.next(payload)) {
    ++count;
    if (kind != PacketReader::Kind::packet) continue;
    CHECK(payload.size() <= size);
    // What we make of it reads back as it is.
    PacketReader back;
    back.add(packet_of(payload));
    CHECK(back.next(other) == PacketReader::Kind::packet && other == payload);
    std::string_view rest = payload;
    std::uint64_t number = 0;
    if (take_number(rest, number)) CHECK(rest.size() < payload.size());
    if (from_hex(payload, other)) CHECK(other.size() * 2 == payload.size());
    CHECK(from_hex(to_hex(payload), other) && other == payload);
  }
  if (size < kMostPacketBytes) CHECK(count == other_count);
  return 0;
}

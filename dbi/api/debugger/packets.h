// The remote protocol of debuggers, as bytes: `$payload#checksum`, `+` and `-` for what arrived well or not,
// 0x03 for an interruption. Pure functions, without sockets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace isotach::dbi::api {

inline constexpr size_t kMostPacketBytes = 16384;

class PacketReader {
 public:
  enum class Kind : uint8_t { none, packet, damaged, interruption, again };

  // Bytes as they arrive. What is longer than a packet can be is dropped.
  void add(std::string_view bytes);
  // What comes next, `none` until more has arrived; `payload` without the escapes. `again`: the other side
  // wants the last packet once more.
  Kind next(std::string& payload);

 private:
  std::string waiting_;
};

std::string packet_of(std::string_view payload);

std::string to_hex(std::string_view bytes);
// False where it is not pairs of hexadecimal digits.
bool from_hex(std::string_view text, std::string& bytes);
// Takes a hexadecimal number off the front; false when there is none, or it does not fit.
bool take_number(std::string_view& text, uint64_t& number);
// Takes `word` off the front, when it is there.
bool take(std::string_view& text, std::string_view word);

}  // namespace isotach::dbi::api

#include "api/debugger/packets.h"

namespace isotach::dbi::api {
namespace {

constexpr char kInterruption = 3;
constexpr char kEscape = '}', kEscapeFlip = 0x20;

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

uint8_t sum_of(std::string_view bytes) {
  unsigned sum = 0;
  for (const char c : bytes) sum += static_cast<uint8_t>(c);
  return static_cast<uint8_t>(sum);
}

constexpr char kDigits[] = "0123456789abcdef";

}  // namespace

void PacketReader::add(std::string_view bytes) {
  waiting_ += bytes;
  if (waiting_.size() > 2 * kMostPacketBytes) waiting_.clear();
}

PacketReader::Kind PacketReader::next(std::string& payload) {
  while (!waiting_.empty()) {
    const char first = waiting_.front();
    if (first == '$') break;
    waiting_.erase(0, 1);
    if (first == kInterruption) return Kind::interruption;
    if (first == '-') return Kind::again;
  }
  const size_t end = waiting_.find('#');
  if (end == std::string::npos || end + 3 > waiting_.size()) return Kind::none;
  const std::string_view raw = std::string_view(waiting_).substr(1, end - 1);
  const int high = digit_of(waiting_[end + 1]), low = digit_of(waiting_[end + 2]);
  const bool is_whole = high >= 0 && low >= 0 && high * 16 + low == sum_of(raw);
  payload.clear();
  for (size_t i = 0; i < raw.size(); ++i) {
    const bool is_escaped = raw[i] == kEscape && i + 1 < raw.size();
    payload += is_escaped ? static_cast<char>(raw[++i] ^ kEscapeFlip) : raw[i];
  }
  waiting_.erase(0, end + 3);
  return is_whole ? Kind::packet : Kind::damaged;
}

std::string packet_of(std::string_view payload) {
  std::string body;
  for (const char c : payload) {
    if (c == '$' || c == '#' || c == kEscape || c == '*') {
      body += kEscape;
      body += static_cast<char>(c ^ kEscapeFlip);
    } else {
      body += c;
    }
  }
  const uint8_t sum = sum_of(body);
  return "$" + body + "#" + kDigits[sum >> 4] + kDigits[sum & 15];
}

std::string to_hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<uint8_t>(c) >> 4];
    text += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return text;
}

bool from_hex(std::string_view text, std::string& bytes) {
  bytes.clear();
  if (text.size() % 2 != 0) return false;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = digit_of(text[i]), low = digit_of(text[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes += static_cast<char>(high * 16 + low);
  }
  return true;
}

bool take_number(std::string_view& text, uint64_t& number) {
  number = 0;
  size_t used = 0;
  for (; used < text.size() && digit_of(text[used]) >= 0; ++used) {
    if (used == 16) return false;
    number = number << 4 | static_cast<uint64_t>(digit_of(text[used]));
  }
  text.remove_prefix(used);
  return used != 0;
}

bool take(std::string_view& text, std::string_view word) {
  if (text.substr(0, word.size()) != word) return false;
  text.remove_prefix(word.size());
  return true;
}

}  // namespace isotach::dbi::api

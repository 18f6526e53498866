#include "network/connections/host_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>
#include <utility>

#include "network/packet/bytes.h"

namespace isotach::network {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kLongestName = 255;

bool is_name_byte(std::uint8_t c) {
  return std::isalnum(c) != 0 ||
         std::string_view(".-_:[]").find(static_cast<char>(c)) != std::string_view::npos;
}

std::optional<std::string> name_of(Bytes bytes) {
  if (bytes.empty() || bytes.size() > kLongestName) return std::nullopt;
  if (!std::all_of(bytes.begin(), bytes.end(), is_name_byte)) return std::nullopt;
  return std::string(bytes.begin(), bytes.end());
}

// Takes pieces from the front; remembers when there was too little.
class Cursor {
 public:
  explicit Cursor(Bytes bytes) : bytes_(bytes) {}
  [[nodiscard]] bool is_short() const { return short_; }
  [[nodiscard]] bool is_empty() const { return bytes_.empty(); }

  Bytes take(std::size_t size) {
    if (size > bytes_.size()) {
      short_ = true;
      size = bytes_.size();
    }
    const Bytes piece = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return piece;
  }
  std::size_t number(std::size_t size) {
    std::size_t value = 0;
    for (const std::uint8_t byte : take(size)) value = value << 8 | byte;
    return short_ ? 0 : value;
  }

 private:
  Bytes bytes_;
  bool short_ = false;
};

// The server_name extension: a list of names, of which the first of type 0 is a host's.
std::optional<std::string> server_name(Bytes extension) {
  Cursor cursor(extension);
  Cursor list(cursor.take(cursor.number(2)));
  while (!list.is_empty() && !list.is_short()) {
    const std::size_t type = list.number(1);
    const Bytes name = list.take(list.number(2));
    if (type == 0 && !list.is_short()) return name_of(name);
  }
  return std::nullopt;
}

HostName read_client_hello(Bytes bytes) {
  constexpr std::size_t kHello = 1;
  Cursor record(bytes);
  record.take(3);  // handshake, version
  Cursor cursor(record.take(record.number(2)));
  HostName result;
  if (cursor.number(1) != kHello) {
    result.needs_more = record.is_short() && bytes.size() < 6;
    return result;
  }
  cursor.take(3 + 2 + 32);        // length, version, random
  cursor.take(cursor.number(1));  // session
  cursor.take(cursor.number(2));  // ciphers
  cursor.take(cursor.number(1));  // compressions
  cursor.take(2);                 // length of the extensions
  while (!cursor.is_empty() && !cursor.is_short()) {
    const std::size_t type = cursor.number(2);
    const Bytes extension = cursor.take(cursor.number(2));
    if (type != 0 || cursor.is_short()) continue;
    if (auto name = server_name(extension)) {
      result.source = NameSource::tls;
      result.name = std::move(*name);
    }
    return result;
  }
  result.needs_more = record.is_short();
  return result;
}

bool begins_request(std::string_view text) {
  static constexpr std::array<std::string_view, 8> kMethods = {"GET ",     "POST ",   "HEAD ",  "PUT ",
                                                               "OPTIONS ", "DELETE ", "PATCH ", "CONNECT "};
  return std::any_of(kMethods.begin(), kMethods.end(),
                     [text](std::string_view method) { return text.starts_with(method); });
}

HostName read_request(std::string_view text) {
  HostName result;
  std::size_t at = text.find("\r\n");
  while (at != std::string_view::npos) {
    text.remove_prefix(at + 2);
    if (text.starts_with("\r\n")) return result;  // the head has ended
    at = text.find("\r\n");
    const std::string_view line = text.substr(0, at);
    constexpr std::string_view kHost = "host:";
    const bool is_host = line.size() >= kHost.size() &&
                         std::equal(kHost.begin(), kHost.end(), line.begin(), [](char a, char b) {
                           return a == std::tolower(static_cast<unsigned char>(b));
                         });
    if (!is_host || at == std::string_view::npos) continue;
    std::string_view value = line.substr(kHost.size());
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    if (auto name = name_of({reinterpret_cast<const std::uint8_t*>(value.data()), value.size()})) {
      result.source = NameSource::http;
      result.name = std::move(*name);
    }
    return result;
  }
  result.needs_more = true;
  return result;
}

}  // namespace

const char* name_source_name(NameSource source) {
  return source == NameSource::tls ? "TLS" : source == NameSource::http ? "HTTP" : "";
}

HostName find_host_name(Bytes bytes) {
  constexpr std::uint8_t kHandshake = 22;
  constexpr std::uint8_t kMajor = 3;
  if (bytes.size() >= 3 && bytes[0] == kHandshake && bytes[1] == kMajor) return read_client_hello(bytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (begins_request(text)) return read_request(text);
  return {};
}

void HostNames::found(std::size_t index, HostName name) {
  if (name.source != NameSource::none) names_[index] = std::move(name);
}

void HostNames::see(std::size_t index, const Connection& connection, int side, const SeenSegment& segment,
                    const SegmentVerdict& verdict) {
  if (verdict.kind != SegmentKind::fresh || segment.data == nullptr || segment.data_captured <= 0) return;
  const Direction& me = connection.directions[static_cast<std::size_t>(side)];
  // Beginnings come first, and are soon over.
  if (me.data_packets > kFirstSegments) return;
  const Bytes data(segment.data, static_cast<std::size_t>(segment.data_captured));
  if (me.data_packets == 1) {
    HostName name = find_host_name(data);
    const bool whole = segment.data_captured == segment.data_length;
    if (name.needs_more && whole && data.size() < kMostBytes && waiting_.size() < kMostWaiting) {
      Waiting& waiting = waiting_[index];
      waiting.side = side;
      waiting.next = static_cast<std::uint32_t>(segment.end());
      waiting.bytes.assign(data.begin(), data.end());
      return;
    }
    return found(index, std::move(name));
  }
  const auto entry = waiting_.find(index);
  if (entry == waiting_.end() || entry->second.side != side) return;
  Waiting& waiting = entry->second;
  if (segment.head.sequence == waiting.next) {
    waiting.bytes.insert(waiting.bytes.end(), data.begin(), data.end());
    waiting.next = static_cast<std::uint32_t>(segment.end());
    HostName name = find_host_name(waiting.bytes);
    const bool whole = segment.data_captured == segment.data_length;
    if (name.needs_more && whole && waiting.bytes.size() < kMostBytes) return;
    found(index, std::move(name));
  }
  waiting_.erase(entry);
}

void HostNames::take(HostNames&& other, std::span<const std::uint32_t> numbers) {
  for (auto& [index, name] : other.names_) names_[numbers[index]] = std::move(name);
  other.names_.clear();
}

const HostName& HostNames::name(std::size_t index) const {
  static const HostName kNone;
  const auto entry = names_.find(index);
  return entry == names_.end() ? kNone : entry->second;
}

}  // namespace isotach::network

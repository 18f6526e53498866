// Names of hosts that clients say at the beginning of a connection: in the ClientHello of TLS (RFC 6066,
// server_name) and in the Host line of HTTP/1 (RFC 9112).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "network/connections/observer.h"

namespace isotach::network {

enum class NameSource : std::uint8_t { none, tls, http };
// "TLS", "HTTP", ""
[[nodiscard]] const char* name_source_name(NameSource source);

struct HostName {
  NameSource source = NameSource::none;
  std::string name;         // letters, digits and ".-_:[]" only
  bool needs_more = false;  // it may come yet: what is here is the beginning of such a message
};

// Looks at the first bytes that one side has sent. For any bytes.
[[nodiscard]] HostName find_host_name(std::span<const std::uint8_t> bytes);

class HostNames final : public SegmentObserver {
 public:
  static constexpr std::size_t kMostBytes = 4096;    // of a beginning that is waited for
  static constexpr std::size_t kMostWaiting = 4096;  // beginnings at a time; others are given up

  [[nodiscard]] bool wants_all() const override { return false; }
  [[nodiscard]] bool waits() const override { return !waiting_.empty(); }
  void see(std::size_t index, const Connection& connection, int side, const SeenSegment& segment,
           const SegmentVerdict& verdict) override;
  // Takes over what another has found; `numbers` says what its connections are called here.
  void take(HostNames&& other, std::span<const std::uint32_t> numbers);
  // Empty where none was said, or the capture has too little of each packet.
  [[nodiscard]] const HostName& name(std::size_t index) const;

 private:
  struct Waiting {
    int side = 0;
    std::uint32_t next = 0;
    std::vector<std::uint8_t> bytes;
  };
  void found(std::size_t index, HostName name);

  std::unordered_map<std::size_t, HostName> names_;
  std::unordered_map<std::size_t, Waiting> waiting_;
};

}  // namespace isotach::network

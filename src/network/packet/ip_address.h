// An IPv4 or IPv6 address as it stands in a packet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace isotach::network {

struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  // in network order; of IPv4 the first four, the others 0
  std::uint8_t version = 4;              // 4 or 6

  [[nodiscard]] static IpAddress from(const std::uint8_t* wire, std::uint8_t ip_version) {
    IpAddress address;
    address.version = ip_version;
    std::memcpy(address.bytes.data(), wire, ip_version == 4 ? 4 : 16);
    return address;
  }
  [[nodiscard]] std::string text() const;  // "10.0.0.1", "2001:db8::1"

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

// "10.0.0.1:80", "[2001:db8::1]:80"
[[nodiscard]] std::string endpoint_text(const IpAddress& address, std::uint16_t port);
// The same to where there is room for kLongestEndpoint characters; returns the end.
inline constexpr std::size_t kLongestEndpoint = 56;
[[nodiscard]] char* write_endpoint(char* at, const IpAddress& address, std::uint16_t port);

}  // namespace isotach::network

#include "network/packet/ip_address.h"

#include <arpa/inet.h>

#include <charconv>

namespace isotach::network {

namespace {

constexpr std::size_t kLongestIpv4 = 15;

// inet_ntop() goes by way of printf, and a capture has hundreds of thousands of addresses.
char* write_ipv4(char* at, const std::uint8_t* bytes) {
  for (int i = 0; i < 4; ++i) {
    if (i > 0) *at++ = '.';
    at = std::to_chars(at, at + 3, bytes[i]).ptr;
  }
  return at;
}

}  // namespace

std::string IpAddress::text() const {
  if (version == 4) {
    char dotted[kLongestIpv4];
    return {dotted, write_ipv4(dotted, bytes.data())};
  }
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

std::string endpoint_text(const IpAddress& address, std::uint16_t port) {
  if (address.version == 4) {
    constexpr std::size_t kPort = 6;
    char text[kLongestIpv4 + kPort];
    char* at = write_ipv4(text, address.bytes.data());
    *at++ = ':';
    return {text, std::to_chars(at, text + sizeof text, port).ptr};
  }
  return '[' + address.text() + "]:" + std::to_string(port);
}

}  // namespace isotach::network

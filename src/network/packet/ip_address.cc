#include "network/packet/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/number_text.h"

namespace isotach::network {

namespace {

// inet_ntop() goes by way of printf, and a capture has hundreds of thousands of addresses.
char* write_ipv4(char* at, const std::uint8_t* bytes) {
  for (int i = 0; i < 4; ++i) {
    if (i > 0) *at++ = '.';
    at = write_unsigned(at, bytes[i]);
  }
  return at;
}

}  // namespace

std::string IpAddress::text() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (version == 4) return {text, write_ipv4(text, bytes.data())};
  ::inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

char* write_endpoint(char* at, const IpAddress& address, std::uint16_t port) {
  if (address.version == 4) {
    at = write_ipv4(at, address.bytes.data());
  } else {
    const std::string text = address.text();
    *at++ = '[';
    at = std::copy(text.begin(), text.end(), at);
    *at++ = ']';
  }
  *at++ = ':';
  return write_unsigned(at, port);
}

std::string endpoint_text(const IpAddress& address, std::uint16_t port) {
  char text[kLongestEndpoint];
  return {text, write_endpoint(text, address, port)};
}

}  // namespace isotach::network

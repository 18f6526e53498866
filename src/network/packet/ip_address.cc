#include "network/packet/ip_address.h"

#include <arpa/inet.h>

namespace isotach::network {

std::string IpAddress::text() const {
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(version == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

std::string endpoint_text(const IpAddress& address, std::uint16_t port) {
  if (address.version == 4) return address.text() + ':' + std::to_string(port);
  return '[' + address.text() + "]:" + std::to_string(port);
}

}  // namespace isotach::network

#include "view/web/access.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace isotach::view {
namespace {

constexpr std::size_t kShortestToken = 12;
constexpr std::size_t kLongestToken = 128;

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

bool is_name_character(unsigned char c) {
  return c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.');
}

bool equal_names(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

// Where `name` stands at the start of `host`, alone or as its first label.
bool is_or_begins(std::string_view host, std::string_view name) {
  if (name.empty() || host.size() < name.size() || !equal_names(host.substr(0, name.size()), name))
    return false;
  return host.size() == name.size() || host[name.size()] == '.';
}

}  // namespace

bool is_address(std::string_view host) {
  const std::size_t percent = host.find('%');
  if (percent != std::string_view::npos) {
    // The zone of a link-local address names an interface.
    const std::string_view zone = host.substr(percent + 1);
    if (zone.empty() || zone.size() > 15 || !std::ranges::all_of(zone, is_name_character)) return false;
  }
  const std::string_view address = host.substr(0, percent);
  if (address.find('\0') != std::string_view::npos) return false;  // where C text ends
  const std::string text(address);
  in6_addr parsed{};
  return (percent == std::string_view::npos && ::inet_pton(AF_INET, text.c_str(), &parsed) == 1) ||
         ::inet_pton(AF_INET6, text.c_str(), &parsed) == 1;
}

bool is_loopback_host(std::string_view host) {
  if (host.find('\0') != std::string_view::npos) return false;
  constexpr std::string_view kLocalhost = "localhost";
  if (equal_names(host, kLocalhost)) return true;
  if (host.size() > kLocalhost.size() + 1 &&
      equal_names(host.substr(host.size() - kLocalhost.size() - 1), ".localhost"))
    return true;
  const std::string text(host);
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

std::string_view host_of_header(std::string_view header) {
  std::string_view host;
  std::string_view port;
  if (header.starts_with('[')) {
    const std::size_t end = header.find(']');
    if (end == std::string_view::npos) return {};
    host = header.substr(1, end - 1);
    port = header.substr(end + 1);
    if (!is_address(host)) return {};
  } else {
    const std::size_t colon = header.find(':');
    host = header.substr(0, colon);
    if (colon != std::string_view::npos) port = header.substr(colon);
  }
  if (port.empty()) return host;
  const auto number = parse_unsigned(port.substr(1));
  return port.front() == ':' && number && *number <= 65535 ? host : std::string_view{};
}

bool host_is_ours(std::string_view header, std::string_view listen_address, std::string_view node_name) {
  std::string_view host = host_of_header(header);
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty()) return false;
  if (is_address(host) || is_loopback_host(host) || equal_names(host, listen_address)) return true;
  // A server on loopback is reached by loopback names only; the node's name leads elsewhere.
  return !is_loopback_host(listen_address) && is_or_begins(host, node_name);
}

bool equal_in_constant_time(std::string_view expected, std::string_view given) {
  unsigned difference = expected.size() == given.size() ? 0 : 1;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const char other = given.empty() ? '\0' : given[i % given.size()];
    difference |= static_cast<unsigned char>(expected[i] ^ other);
  }
  return difference == 0;
}

std::string_view cookie_value(std::string_view header, std::string_view name) {
  for (const std::string_view piece : split(header, ';')) {
    const std::string_view cookie = trim(piece);
    if (cookie.size() > name.size() && cookie.starts_with(name) && cookie[name.size()] == '=')
      return cookie.substr(name.size() + 1);
  }
  return {};
}

Result<void> check_token(std::string_view token) {
  const bool characters_fit =
      std::ranges::all_of(token, [](unsigned char c) { return is_name_character(c) || c == '~'; });
  if (!characters_fit)
    return failure(ErrorKind::usage, "a token has letters, digits and the characters - _ . ~ only",
                   "let one be made: --token auto");
  if (token.size() < kShortestToken || token.size() > kLongestToken)
    return failure(ErrorKind::usage, "a token has 12 to 128 characters", "let one be made: --token auto");
  return {};
}

}  // namespace isotach::view

// --listen as people type it.
#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "view/web/access.h"
#include "view/web/http_server.h"

namespace isotach::view {
namespace {

constexpr std::size_t kLongestName = 253;  // RFC 1035

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > kLongestName || text.front() == '-' || text.front() == '.') return false;
  return std::ranges::all_of(text, [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_');
  });
}

Failure no_address(const std::string& text) {
  return failure(ErrorKind::usage, "'" + printable(fit_columns(text, 80)) + "' is no address to listen on",
                 "write a port, an address or both, such as 8080, 127.0.0.1:8080, [::1]:8080, localhost");
}

}  // namespace

Result<ListenAddress> parse_listen_address(const std::string& text, std::uint16_t default_port) {
  std::string_view host;
  std::string_view port;
  bool has_port = false;
  const std::string_view all = text;
  if (all.starts_with('[')) {
    const std::size_t end = all.find(']');
    if (end == std::string_view::npos) return no_address(text);
    host = all.substr(1, end - 1);
    const std::string_view rest = all.substr(end + 1);
    has_port = !rest.empty();
    if (has_port && rest.front() != ':') return no_address(text);
    if (has_port) port = rest.substr(1);
    if (host.find(':') == std::string_view::npos || !is_address(host)) return no_address(text);
  } else if (std::ranges::count(all, ':') > 1) {
    host = all;
    if (!is_address(host)) return no_address(text);
  } else if (const std::size_t colon = all.find(':'); colon != std::string_view::npos) {
    host = all.substr(0, colon);
    port = all.substr(colon + 1);
    has_port = true;
  } else if (parse_unsigned(all)) {
    port = all;
    has_port = true;
  } else {
    host = all;
    if (host.empty()) return no_address(text);
  }

  ListenAddress result;
  result.port = default_port;
  if (has_port) {
    const auto number = parse_unsigned(port);
    if (!number || *number > 65535) return no_address(text);
    result.port = static_cast<std::uint16_t>(*number);
  }
  if (host == "*") host = "0.0.0.0";
  if (host.empty()) host = "127.0.0.1";
  if (!is_address(host) && !is_host_name(host)) return no_address(text);
  // Digits and dots that are no address would be looked up as a name, and not found.
  if (!is_address(host) &&
      std::ranges::all_of(host, [](unsigned char c) { return c == '.' || std::isdigit(c); }))
    return no_address(text);
  result.address = std::string(host);
  result.loopback = is_loopback_host(host);
  return result;
}

}  // namespace isotach::view

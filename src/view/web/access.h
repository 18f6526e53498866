// Who may ask: the Host header and the token. Pure functions over text from outside.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace isotach::view {

// True for 127.0.0.0/8, ::1, the same written as ::ffff:127.x.y.z, "localhost" and names below it.
[[nodiscard]] bool is_loopback_host(std::string_view host);

// True for any IPv4 or IPv6 address, without brackets.
[[nodiscard]] bool is_address(std::string_view host);

// The host in a Host header ("name", "name:80", "[::1]:80"), without port and brackets; empty when the
// header is malformed.
[[nodiscard]] std::string_view host_of_header(std::string_view header);

// Whether a request that was sent to `header` is meant for this server. A page of another site that
// has its name resolve to our address (DNS rebinding) sends its own name. Addresses cannot be rebound;
// besides them only "localhost", the name listened on and this machine's own name are taken.
[[nodiscard]] bool host_is_ours(std::string_view header, std::string_view listen_address,
                                std::string_view node_name);

// Equality in a time that depends on the length of `expected` only.
[[nodiscard]] bool equal_in_constant_time(std::string_view expected, std::string_view given);

// The value of the cookie `name` in a Cookie header; empty when there is none.
[[nodiscard]] std::string_view cookie_value(std::string_view header, std::string_view name);

// Fails (usage) for a token that is easily guessed or does not fit into a URL and a cookie.
[[nodiscard]] Result<void> check_token(std::string_view token);

}  // namespace isotach::view

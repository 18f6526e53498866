// Addresses, Host headers, cookies and the heads of requests: what strangers send to the web server.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "view/web/access.h"
#include "view/web/connection.h"
#include "view/web/http_server.h"

namespace {

using namespace isotach;

void listen_address(const std::string& text) {
  const auto parsed = view::parse_listen_address(text, 4747);
  if (!parsed) {
    CHECK(parsed.error().kind == ErrorKind::usage);
    return;
  }
  CHECK(!parsed->address.empty());
  CHECK(parsed->loopback == view::is_loopback_host(parsed->address));
  // What was understood is understood again.
  const bool v6 = parsed->address.find(':') != std::string::npos;
  const std::string written =
      (v6 ? "[" + parsed->address + "]" : parsed->address) + ":" + std::to_string(parsed->port);
  const auto again = view::parse_listen_address(written, 1);
  CHECK(again && again->address == parsed->address && again->port == parsed->port);
}

void host_header(std::string_view text) {
  const std::string_view host = view::host_of_header(text);
  CHECK(host.size() <= text.size());
  if (view::host_is_ours(text, "127.0.0.1", "node"))
    CHECK(view::is_address(host) || host.find_first_of("lL") != std::string_view::npos);
}

void head(std::string_view text) {
  std::string cleaned;
  if (view::clean_head(text, cleaned) != view::HeadShape::fine) return;
  CHECK(cleaned.size() <= text.size() + 2);
  CHECK(cleaned.ends_with("\r\n\r\n"));
  std::string again;
  CHECK(view::clean_head(cleaned, again) == view::HeadShape::fine);
  CHECK(again == cleaned);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      listen_address(std::string(text));
      break;
    case 1:
      host_header(text);
      break;
    case 2:
      head(text);
      break;
    case 3:
      CHECK(view::cookie_value(text, "isotach_4747").size() <= text.size());
      CHECK(view::equal_in_constant_time(text, text));
      CHECK(!view::check_token(text) || text.size() >= 12);
      break;
  }
  return 0;
}

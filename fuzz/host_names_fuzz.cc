// The first bytes of a connection: names of hosts in TLS and HTTP. And what DNS has to say.
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "network/connections/host_names.h"
#include "network/names/name_servers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isotach::network;
  const HostName name = find_host_name({data, size});
  CHECK((name.source == NameSource::none) == name.name.empty());
  CHECK(!(name.needs_more && name.source != NameSource::none));
  for (const char c : name.name)
    CHECK(std::isalnum(static_cast<unsigned char>(c)) != 0 ||
          std::string_view(".-_:[]").find(c) != std::string_view::npos);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CHECK(parse_resolv_conf(text).size() <= kNameServerLimit);
  if (const auto code = answer_code(text, 0)) CHECK(*code >= 0 && *code < 16);
  return 0;
}

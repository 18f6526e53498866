// The first bytes of a connection: names of hosts in TLS and HTTP.
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "network/connections/host_names.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isotach::network;
  const HostName name = find_host_name({data, size});
  CHECK((name.source == NameSource::none) == name.name.empty());
  CHECK(!(name.needs_more && name.source != NameSource::none));
  for (const char c : name.name)
    CHECK(std::isalnum(static_cast<unsigned char>(c)) != 0 ||
          std::string_view(".-_:[]").find(c) != std::string_view::npos);
  return 0;
}

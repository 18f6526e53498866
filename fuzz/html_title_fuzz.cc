// The beginning of a report that somebody put into the folder of isotach web.
#include <cstdint>

#include "base/check.h"
#include "base/text.h"
#include "view/web/shelf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string title = isotach::view::html_title({reinterpret_cast<const char*>(data), size});
  CHECK(isotach::printable(title) == title);
  return 0;
}

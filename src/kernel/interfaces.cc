#include "kernel/interfaces.h"

#include "base/text.h"
#include "kernel/key_value.h"

namespace isotach::kernel {

void parse_interfaces(std::string_view text, std::vector<InterfaceReading>& interfaces) {
  std::size_t count = 0;
  static_cast<void>(take_line(text));
  static_cast<void>(take_line(text));  // two lines of head
  while (auto line = take_line(text)) {
    // The name may itself contain a colon (an alias); the counters never do.
    const std::size_t colon = line->rfind(':');
    if (colon == std::string_view::npos) continue;
    if (count == interfaces.size()) interfaces.emplace_back();
    InterfaceReading& interface = interfaces[count];
    interface.name.assign(trim(line->substr(0, colon)));
    std::string_view columns = line->substr(colon + 1);
    bool whole = !interface.name.empty();
    for (std::uint64_t& counter : interface.counters) {
      const auto number = take_unsigned(columns);
      whole = whole && number.has_value();
      counter = number.value_or(0);
    }
    if (whole) ++count;
  }
  interfaces.resize(count);
}

InterfaceReader::InterfaceReader(const SystemRoot& root) : file_(root, "proc/net/dev") {}

Result<void> InterfaceReader::read(std::vector<InterfaceReading>& interfaces) {
  const auto text = file_.read();
  if (!text) {
    interfaces.clear();
    return tl::make_unexpected(text.error());
  }
  parse_interfaces(*text, interfaces);
  return {};
}

}  // namespace isotach::kernel

#include "memory/vm/text_options.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"

namespace isotach::memory {

std::string timestamp_text(std::int64_t wall_ns, bool milliseconds) {
  std::string text = format_wall_time_local(wall_ns);
  if (milliseconds) text += fmt::format(".{:03}", wall_ns % kNanosecondsPerSecond / 1'000'000);
  return text;
}

std::string zone_text(std::int64_t wall_ns) {
  const std::time_t seconds = wall_ns / kNanosecondsPerSecond;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Z", &parts);
  return printable(std::string_view(text.data(), size));
}

std::size_t timestamp_width(bool milliseconds) {
  return milliseconds ? 23 : 19;
}

}  // namespace isotach::memory

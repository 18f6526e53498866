#include "kernel/ksm.h"

#include <charconv>
#include <string>

#include "base/text.h"

namespace isotach::kernel {
namespace {

constexpr std::array<std::string_view, kKsmFieldCount> kFiles = {
    "run",           "pages_to_scan",  "sleep_millisecs", "max_page_sharing", "pages_shared",
    "pages_sharing", "pages_unshared", "pages_volatile",  "pages_skipped",    "pages_scanned",
    "full_scans",    "ksm_zero_pages", "general_profit"};

Value parse_number(std::string_view text) {
  text = trim(text);
  if (const auto number = parse_unsigned(text)) return Value::of(*number);
  std::int64_t negative = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, negative);
  if (error != std::errc{} || stopped != end) return Missing::malformed;
  return Value::of_signed(negative);
}

}  // namespace

std::string_view ksm_field_file(KsmField field) {
  return kFiles[static_cast<std::size_t>(field)];
}

KsmReader::KsmReader(const SystemRoot& root) {
  files_.reserve(kFiles.size());
  for (const std::string_view file : kFiles)
    files_.emplace_back(root, "sys/kernel/mm/ksm/" + std::string(file));
}

void KsmReader::read(KsmReading& reading) {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const auto text = files_[i].read();
    if (text) {
      reading.values[i] = parse_number(*text);
    } else {
      reading.values[i] = missing_reason(text.error());
    }
  }
}

}  // namespace isotach::kernel

// Numbers, durations, sizes and names as people and other programs write them.
#include <clocale>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isotach;
  // As in main: without it no character is wider than one column.
  static const char* const locale = std::setlocale(LC_CTYPE, "C.UTF-8");
  CHECK(locale != nullptr);
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  static_cast<void>(parse_unsigned(text));
  static_cast<void>(parse_real(text));
  if (const auto duration_ns = parse_duration_ns(text)) CHECK(*duration_ns >= 0);
  static_cast<void>(parse_size(text));
  for (const std::string_view piece : split_blanks(text)) CHECK(!piece.empty());
  CHECK(!split(text, ',').empty());
  CHECK(trim(text).size() <= text.size());
  CHECK(utf8_length(text) <= 4);
  CHECK(utf8_length(text) <= text.size());

  const std::string clean = printable(text);
  for (const char c : clean) CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  CHECK(printable(clean) == clean);
  const std::size_t width = display_width(clean);
  for (const std::size_t columns : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{80}}) {
    const std::string fitted = fit_columns(clean, columns);
    CHECK(display_width(fitted) <= columns);
    if (width <= columns) CHECK(fitted == clean);
  }
  // The distance costs the product of both lengths.
  static_cast<void>(
      nearest_word(text.substr(0, 64), {"memory", "memory_free_bytes", std::string(text.substr(0, 64))}));
  return 0;
}

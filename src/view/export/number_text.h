// Numbers as text, appended to a text that grows: what CSV and JSON have millions of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace isotach::view {

// No number takes more characters than this.
inline constexpr std::size_t kLongestNumber = 32;

// To where there is room for kLongestNumber; return the end of what was written.
[[nodiscard]] char* write_unsigned(char* at, std::uint64_t number);
[[nodiscard]] char* write_integer(char* at, std::int64_t number);
// The shortest text that reads back as the same number: "0.25", "1e-07". `number` is finite.
[[nodiscard]] char* write_real(char* at, double number);

void append_unsigned(std::string& text, std::uint64_t number);
void append_integer(std::string& text, std::int64_t number);
void append_real(std::string& text, double number);

}  // namespace isotach::view

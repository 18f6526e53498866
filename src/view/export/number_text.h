// Numbers as text, appended to a text that grows: what CSV and JSON have millions of.
#pragma once

#include <cstdint>
#include <string>

namespace isotach::view {

void append_unsigned(std::string& text, std::uint64_t number);
void append_integer(std::string& text, std::int64_t number);

// The shortest text that reads back as the same number: "0.25", "1e-07". `number` is finite.
void append_real(std::string& text, double number);

}  // namespace isotach::view

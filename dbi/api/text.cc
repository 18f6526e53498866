// Text of numbers, assertions and messages of tools.
#include <cctype>

#include "api/hooks.h"
#include "pin.H"

namespace LEVEL_BASE {

VOID PIN_AssertionFailed(const CHAR* file, UINT32 line, const std::string& message) {
  std::fflush(stdout);
  std::fprintf(stderr, "isotach pin: the tool stopped at %s:%u: %s\n", file, line, message.c_str());
  std::fflush(stderr);
  isotach::dbi::api::end_process(isotach::dbi::api::kToolFailed);
}
VOID PIN_LogMessage(const std::string& message) {
  std::fputs(message.c_str(), stderr);
}

std::string ljstr(const std::string& text, UINT32 width, CHAR padding) {
  return text.size() >= width ? text : text + std::string(width - text.size(), padding);
}
std::string rjstr(const std::string& text, UINT32 width, CHAR padding) {
  return text.size() >= width ? text : std::string(width - text.size(), padding) + text;
}
std::string decstr(INT64 value, UINT32 width) {
  return rjstr(std::to_string(value), width);
}
std::string decstr(UINT64 value, UINT32 width) {
  return rjstr(std::to_string(value), width);
}
std::string hexstr(UINT64 value, UINT32 width) {
  char text[24];
  std::snprintf(text, sizeof text, "%0*lx", static_cast<int>(std::min<UINT32>(width, 16)),
                static_cast<unsigned long>(value));
  return std::string("0x") + text;
}
std::string fltstr(FLT64 value, UINT32 precision, UINT32 width) {
  char text[400];
  std::snprintf(text, sizeof text, "%*.*f", static_cast<int>(width), static_cast<int>(precision), value);
  return text;
}
// 1,234,567
std::string StringBignum(INT64 value, UINT32 digits, CHAR padding) {
  const std::string plain = std::to_string(value);
  std::string text;
  for (size_t i = 0; i < plain.size(); ++i) {
    if (i > 0 && plain[i - 1] != '-' && (plain.size() - i) % 3 == 0) text += ',';
    text += plain[i];
  }
  return rjstr(text, digits, padding);
}
BOOL CharIsSpace(CHAR c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}
CHAR CharToLower(CHAR c) {
  return static_cast<CHAR>(std::tolower(static_cast<unsigned char>(c)));
}
CHAR CharToUpper(CHAR c) {
  return static_cast<CHAR>(std::toupper(static_cast<unsigned char>(c)));
}

}  // namespace LEVEL_BASE

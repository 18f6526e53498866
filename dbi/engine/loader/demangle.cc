#include "engine/loader/demangle.h"

#include <cxxabi.h>

#include <cstdlib>
#include <string_view>

namespace isotach::dbi {
namespace {

// Names of thousands of nested templates take the demangler minutes.
constexpr size_t kMostNameBytes = 16384;

// The "(...)" of the parameters is the last one that is closed at the outermost level; what may follow it is
// " const", " &" and the like, or " [clone .cold]".
std::string without_parameters(std::string_view text) {
  constexpr std::string_view kClone = " [clone ";
  if (const size_t clone = text.find(kClone); clone != std::string_view::npos) text = text.substr(0, clone);
  const size_t close = text.rfind(')');
  if (close == std::string_view::npos) return std::string(text);
  size_t open = close;
  for (int depth = 0;; --open) {
    depth += text[open] == ')' ? 1 : (text[open] == '(' ? -1 : 0);
    if (depth == 0) break;
    if (open == 0) return std::string(text);
  }
  constexpr std::string_view kAnonymous = "(anonymous namespace)";
  if (text.substr(open, kAnonymous.size()) == kAnonymous) return std::string(text);
  if (open == 0) return std::string(text);
  return std::string(text.substr(0, open));
}

// Templates and some others have their result in front: "void ns::f<int>".
std::string without_result(const std::string& text) {
  int depth = 0;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = std::string_view(text).substr(i);
    if (rest.substr(0, 8) == "operator") break;  // what follows is its name, blanks and brackets included
    if (text[i] == '<' || text[i] == '(') ++depth;
    if (text[i] == '>' || text[i] == ')') --depth;
    if (text[i] == ' ' && depth == 0) start = i + 1;
  }
  return text.substr(start);
}

// "vtable for X", "guard variable for X::y": not functions with a result.
bool is_special(std::string_view text) {
  return text.find(" for ") != std::string_view::npos || text.find(" thunk to ") != std::string_view::npos;
}

}  // namespace

std::string demangle(const std::string& name, Demangling how) {
  if (name.size() < 3 || name.compare(0, 2, "_Z") != 0 || name.size() > kMostNameBytes) return name;
  const size_t version = name.find('@');
  int status = 0;
  char* const text = abi::__cxa_demangle(name.substr(0, version).c_str(), nullptr, nullptr, &status);
  if (text == nullptr) return name;
  std::string result = status == 0 ? text : name;
  std::free(text);
  if (how == Demangling::name_only && !is_special(result))
    result = without_result(without_parameters(result));
  if (version != std::string::npos) result += name.substr(version);
  return result;
}

}  // namespace isotach::dbi

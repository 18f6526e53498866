// C++ names as people write them. Thread rules: any thread.
#pragma once

#include <string>

namespace isotach::dbi {

enum class Demangling {
  complete,   // "ns::f<int>(char const*)"
  name_only,  // "ns::f<int>": without parameters and result
};

// `name` itself when it is no mangled name. A symbol version ("@GLIBCXX_3.4") and "@plt" are kept.
[[nodiscard]] std::string demangle(const std::string& name, Demangling how = Demangling::complete);

}  // namespace isotach::dbi

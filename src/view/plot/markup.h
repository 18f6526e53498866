// Text from outside as XML and HTML want it.
#pragma once

#include <string>
#include <string_view>

namespace isotach::view {

// `text` for the content of an element or for a quoted attribute. Control characters, invalid UTF-8 and
// the two characters that no XML document may hold have become "?".
[[nodiscard]] std::string escaped_markup(std::string_view text);

}  // namespace isotach::view

#include "view/plot/markup.h"

#include "base/text.h"

namespace isotach::view {

std::string escaped_markup(std::string_view text) {
  const std::string clean = printable(text);
  std::string markup;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    // U+FFFE and U+FFFF are valid UTF-8 and yet forbidden.
    if (clean.compare(i, 2, "\xef\xbf") == 0 && i + 2 < clean.size() &&
        static_cast<unsigned char>(clean[i + 2]) >= 0xbe) {
      markup += '?';
      i += 2;
      continue;
    }
    switch (clean[i]) {
      case '&':
        markup += "&amp;";
        break;
      case '<':
        markup += "&lt;";
        break;
      case '>':
        markup += "&gt;";
        break;
      case '"':
        markup += "&quot;";
        break;
      case '\'':
        markup += "&#39;";
        break;
      default:
        markup += clean[i];
    }
  }
  return markup;
}

}  // namespace isotach::view

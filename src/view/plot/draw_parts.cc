#include "view/plot/draw_parts.h"

#include <array>

#include "base/text.h"

namespace isotach::view {

std::string fit_text(const std::string& text, double size, double width, bool bold) {
  if (text_width(text, size, bold) <= width) return text;
  std::size_t columns = display_width(text);
  while (columns > 1) {
    --columns;
    std::string cut = fit_columns(text, columns);
    if (text_width(cut, size, bold) <= width) return cut;
  }
  return {};
}

void draw_marker(Canvas& canvas, const Spot& centre, std::size_t line) {
  const Paint paint{Ink::line, line};
  const auto [x, y] = centre;
  constexpr double r = 4;
  switch (line % 5) {
    case 0:
      canvas.circle(centre, r, paint);
      return;
    case 1:
      canvas.polygon(
          std::array{Spot{x - r, y - r}, Spot{x + r, y - r}, Spot{x + r, y + r}, Spot{x - r, y + r}}, paint);
      return;
    case 2:
      canvas.polygon(std::array{Spot{x, y - r - 1}, Spot{x + r + 1, y + r}, Spot{x - r - 1, y + r}}, paint);
      return;
    case 3:
      canvas.polygon(
          std::array{Spot{x, y - r - 1}, Spot{x + r + 1, y}, Spot{x, y + r + 1}, Spot{x - r - 1, y}}, paint);
      return;
    default:
      canvas.polygon(std::array{Spot{x - r - 1, y - r}, Spot{x + r + 1, y - r}, Spot{x, y + r + 1}}, paint);
      return;
  }
}

}  // namespace isotach::view

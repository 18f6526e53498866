// Parts of a figure that are drawn in more than one place.
#pragma once

#include <cstddef>
#include <string>

#include "view/plot/canvas.h"

namespace isotach::view {

// The characters of `text` that fit into `width` pixels; "…" where something was cut.
[[nodiscard]] std::string fit_text(const std::string& text, double size, double width, bool bold = false);

// The mark that tells line number `line` apart without colour.
void draw_marker(Canvas& canvas, const Spot& centre, std::size_t line);

}  // namespace isotach::view

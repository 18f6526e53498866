// A figure as a file: SVG by our own writer, PNG by cairo where this build has it.
#pragma once

#include <string>

#include "base/result.h"
#include "view/plot/figure.h"

namespace isotach::view {

// A whole SVG document, readable without fonts, scripts or other files. It follows the reader's choice
// of a light or dark background, and names and describes itself to screen readers.
[[nodiscard]] std::string svg_of(const Figure& figure, int width, int height);

// The bytes of a PNG file. Fails with not_supported in a build without cairo.
[[nodiscard]] Result<std::string> png_of(const Figure& figure, int width, int height);
[[nodiscard]] bool png_supported();

}  // namespace isotach::view

// A figure as a file: SVG by our own writer, PNG by cairo where this build has it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "view/plot/canvas.h"
#include "view/plot/figure.h"

namespace isotach::view {

// A whole SVG document, readable without fonts, scripts or other files. It follows the reader's choice
// of a light or dark background, and names and describes itself to screen readers.
[[nodiscard]] std::string svg_of(const Figure& figure, int width, int height);

// The same as an element inside an HTML document. `id` must be unique there; the document must hold
// svg_style() for this class, once for all its figures.
[[nodiscard]] std::string svg_element_of(const Figure& figure, int width, int height, std::string_view id,
                                         std::string_view css_class);
// A whole SVG document of what `draw` draws, with a title and a description for screen readers.
[[nodiscard]] std::string svg_drawing(int width, int height, std::string_view title,
                                      std::string_view description, const std::function<void(Canvas&)>& draw);

// The colours of figures for light grounds, and for dark ones where the media query `dark_query` says so.
// An empty class means every figure.
[[nodiscard]] std::string svg_style(std::string_view css_class, std::string_view dark_query);

// The bytes of a PNG file. Fails with not_supported in a build without cairo.
[[nodiscard]] Result<std::string> png_of(const Figure& figure, int width, int height);
[[nodiscard]] bool png_supported();

}  // namespace isotach::view

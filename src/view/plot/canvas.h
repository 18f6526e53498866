// What a figure is drawn with: a few shapes and text, in pixels from the upper left corner. SVG and PNG
// are two backends of it, so that both show the same picture.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace isotach::view {

struct Spot {
  double x = 0, y = 0;
};

struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;

  [[nodiscard]] double width() const { return right - left; }
  [[nodiscard]] double height() const { return bottom - top; }
};

// What something is; the backend chooses the colour, for light and dark backgrounds.
enum class Ink { background, text, muted, grid, axis, event, line, band, band_name, heat };

struct Paint {
  Ink ink = Ink::text;
  // Which line or band of the figure, where the ink is one of a line or band; of heat, its level, and as many
  // again for the warm kind.
  std::size_t line = 0;
};

struct Pen {
  Paint paint;
  double width = 1;
  bool dashed = false;  // events; lines of the figure have the pattern of their number
};

enum class Anchor { start, middle, end };

struct TextStyle {
  double size = 12;
  bool bold = false;
  Anchor anchor = Anchor::start;
  Paint paint;
};

class Canvas {
 public:
  virtual ~Canvas() = default;
  virtual void fill(const Box& box, const Paint& paint) = 0;
  virtual void stroke(std::span<const Spot> spots, const Pen& pen) = 0;
  virtual void polygon(std::span<const Spot> corners, const Paint& paint) = 0;
  virtual void circle(const Spot& centre, double radius, const Paint& paint) = 0;
  // `spot` is on the baseline.
  virtual void text(const Spot& spot, std::string_view text, const TextStyle& style) = 0;
  // What is drawn in between belongs together and has this name, for readers who cannot see it.
  virtual void begin_group(std::string_view name) = 0;
  virtual void end_group() = 0;
};

// An upper bound for the width of UTF-8 text in the fonts that the backends use, so that layouts need
// no font: boxes made with it never overlap.
[[nodiscard]] double text_width(std::string_view text, double size, bool bold = false);

// Dash patterns by line number, in pixels; empty for a solid line.
[[nodiscard]] std::span<const double> dash_pattern(std::size_t line);

// 0xRRGGBB. Chosen so that people with any colour vision can tell neighbours apart and every colour
// has a contrast of at least 3:1 with the background.
[[nodiscard]] unsigned color_on_light(const Paint& paint);
[[nodiscard]] unsigned color_on_dark(const Paint& paint);
inline constexpr std::size_t kLineColors = 8;
inline constexpr std::size_t kBandColors = 3;
inline constexpr std::size_t kHeatColors = 8;

}  // namespace isotach::view

#include "view/plot/picture.h"

#ifdef ISOTACH_WITH_PNG
#include <cairo.h>

#include <algorithm>
#include <memory>

#include "base/text.h"
#include "view/plot/canvas.h"
#include "view/plot/draw.h"

namespace isotach::view {
namespace {

class PngCanvas final : public Canvas {
 public:
  explicit PngCanvas(cairo_t* cairo) : cairo_(cairo) {
    cairo_select_font_face(cairo_, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_line_join(cairo_, CAIRO_LINE_JOIN_ROUND);
  }

  void fill(const Box& box, const Paint& paint) override {
    use(paint);
    cairo_rectangle(cairo_, box.left, box.top, box.width(), box.height());
    cairo_fill(cairo_);
  }

  void stroke(std::span<const Spot> spots, const Pen& pen) override {
    if (spots.size() < 2) return;
    use(pen.paint);
    static constexpr double kDashes[] = {4, 3};
    const std::span<const double> dashes = pen.paint.ink == Ink::line ? dash_pattern(pen.paint.line)
                                           : pen.dashed               ? std::span<const double>(kDashes)
                                                                      : std::span<const double>();
    cairo_set_dash(cairo_, dashes.data(), static_cast<int>(dashes.size()), 0);
    cairo_set_line_width(cairo_, pen.width);
    path(spots);
    cairo_stroke(cairo_);
  }

  void polygon(std::span<const Spot> corners, const Paint& paint) override {
    use(paint);
    path(corners);
    cairo_close_path(cairo_);
    cairo_fill(cairo_);
  }

  void circle(const Spot& centre, double radius, const Paint& paint) override {
    use(paint);
    cairo_new_sub_path(cairo_);
    cairo_arc(cairo_, centre.x, centre.y, radius, 0, 6.283185307179586);
    cairo_fill(cairo_);
  }

  void text(const Spot& spot, std::string_view text, const TextStyle& style) override {
    use(style.paint);
    cairo_select_font_face(cairo_, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                           style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cairo_, style.size);
    // cairo stops at invalid UTF-8 with an error that would spoil the whole picture.
    const std::string clean = printable(text);
    cairo_text_extents_t extents;
    cairo_text_extents(cairo_, clean.c_str(), &extents);
    const double shift = style.anchor == Anchor::start    ? 0
                         : style.anchor == Anchor::middle ? extents.x_advance / 2
                                                          : extents.x_advance;
    cairo_move_to(cairo_, spot.x - shift, spot.y);
    cairo_show_text(cairo_, clean.c_str());
  }

  void begin_group(std::string_view) override {}
  void end_group() override {}

 private:
  void use(const Paint& paint) {
    const unsigned color = color_on_light(paint);
    const auto part = [&](int shift) { return ((color >> shift) & 0xff) / 255.0; };
    cairo_set_source_rgb(cairo_, part(16), part(8), part(0));
  }

  void path(std::span<const Spot> spots) {
    cairo_new_path(cairo_);
    for (const Spot& spot : spots) cairo_line_to(cairo_, spot.x, spot.y);
  }

  cairo_t* cairo_;
};

cairo_status_t append_bytes(void* closure, const unsigned char* data, unsigned length) {
  static_cast<std::string*>(closure)->append(reinterpret_cast<const char*>(data), length);
  return CAIRO_STATUS_SUCCESS;
}

}  // namespace

bool png_supported() {
  return true;
}

Result<std::string> png_of(const Figure& figure, int width, int height) {
  width = std::clamp(width, kSmallestFigureWidth, kLargestFigureSide);
  height = std::clamp(height, kSmallestFigureHeight, kLargestFigureSide);
  const std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)> surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height), cairo_surface_destroy);
  const std::unique_ptr<cairo_t, decltype(&cairo_destroy)> cairo(cairo_create(surface.get()), cairo_destroy);
  PngCanvas canvas(cairo.get());
  draw_figure(canvas, figure, width, height);
  std::string bytes;
  cairo_status_t status = cairo_status(cairo.get());
  if (status == CAIRO_STATUS_SUCCESS) {
    cairo_surface_flush(surface.get());
    status = cairo_surface_write_to_png_stream(surface.get(), append_bytes, &bytes);
  }
  if (status != CAIRO_STATUS_SUCCESS)
    return failure(ErrorKind::failed,
                   std::string("cannot draw the picture: ") + cairo_status_to_string(status));
  return bytes;
}

}  // namespace isotach::view

#else

namespace isotach::view {

bool png_supported() {
  return false;
}

Result<std::string> png_of(const Figure&, int, int) {
  return failure(ErrorKind::not_supported, "this build of isotach cannot write PNG files",
                 "use --svg, or build with the cairo library (ISOTACH_PNG=ON)");
}

}  // namespace isotach::view
#endif

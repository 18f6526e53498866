#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

#include "view/plot/canvas.h"
#include "view/plot/draw.h"
#include "view/plot/markup.h"
#include "view/plot/picture.h"
#include "view/plot/ticks.h"

namespace isotach::view {
namespace {

// At most two digits after the point: a hundredth of a pixel.
std::string number(double value) {
  std::string text = fmt::format("{:.2f}", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string class_of(const Paint& paint) {
  switch (paint.ink) {
    case Ink::background:
      return "background";
    case Ink::text:
      return "text";
    case Ink::muted:
      return "muted";
    case Ink::grid:
      return "grid";
    case Ink::axis:
      return "axis";
    case Ink::event:
      return "event";
    case Ink::band:
      return fmt::format("band{}", paint.line % kBandColors);
    case Ink::band_name:
      return fmt::format("band-name{}", paint.line % kBandColors);
    case Ink::heat:
      return fmt::format("heat{}", paint.line % kHeatColors);
    case Ink::line:
      break;
  }
  return fmt::format("line{}", paint.line % kLineColors);
}

std::string color_rules(std::string_view scope, unsigned (*color)(const Paint&)) {
  std::string rules;
  const auto add = [&](const Paint& paint) {
    fmt::format_to(std::back_inserter(rules), "{}.{}{{--ink:#{:06x}}}", scope, class_of(paint), color(paint));
  };
  for (const Ink ink : {Ink::background, Ink::text, Ink::muted, Ink::grid, Ink::axis, Ink::event})
    add({ink, 0});
  for (std::size_t line = 0; line < kLineColors; ++line) add({Ink::line, line});
  for (std::size_t heat = 0; heat < kHeatColors; ++heat) add({Ink::heat, heat});
  for (std::size_t band = 0; band < kBandColors; ++band) {
    add({Ink::band, band});
    add({Ink::band_name, band});
  }
  return rules;
}

class SvgCanvas final : public Canvas {
 public:
  void fill(const Box& box, const Paint& paint) override {
    add("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {}/>\n", number(box.left), number(box.top),
        number(box.width()), number(box.height()), filled(paint));
  }

  void stroke(std::span<const Spot> spots, const Pen& pen) override {
    if (spots.size() < 2) return;
    std::string dashes;
    if (pen.dashed) dashes = " stroke-dasharray=\"4 3\"";
    if (pen.paint.ink == Ink::line && !dash_pattern(pen.paint.line).empty()) {
      dashes = " stroke-dasharray=\"";
      for (const double dash : dash_pattern(pen.paint.line)) dashes += number(dash) + ' ';
      dashes.back() = '"';
    }
    body_ += "<path d=\"M";
    for (std::size_t i = 0; i < spots.size(); ++i)
      add("{}{} {}", i == 0 ? "" : "L", number(spots[i].x), number(spots[i].y));
    add("\" {}{}{}/>\n", stroked(pen.paint),
        pen.width == 1 ? std::string() : fmt::format(" stroke-width=\"{}\"", number(pen.width)), dashes);
  }

  void polygon(std::span<const Spot> corners, const Paint& paint) override {
    body_ += "<path d=\"M";
    for (std::size_t i = 0; i < corners.size(); ++i)
      add("{}{} {}", i == 0 ? "" : "L", number(corners[i].x), number(corners[i].y));
    add("Z\" {}/>\n", filled(paint));
  }

  void circle(const Spot& centre, double radius, const Paint& paint) override {
    add("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {}/>\n", number(centre.x), number(centre.y), number(radius),
        filled(paint));
  }

  void text(const Spot& spot, std::string_view text, const TextStyle& style) override {
    const char* anchor = style.anchor == Anchor::start    ? ""
                         : style.anchor == Anchor::middle ? " text-anchor=\"middle\""
                                                          : " text-anchor=\"end\"";
    add("<text x=\"{}\" y=\"{}\" font-size=\"{}\"{}{} {}>{}</text>\n", number(spot.x), number(spot.y),
        number(style.size), style.bold ? " font-weight=\"600\"" : "", anchor, filled(style.paint),
        escaped_markup(text));
  }

  void begin_group(std::string_view name) override { add("<g><title>{}</title>\n", escaped_markup(name)); }
  void end_group() override { body_ += "</g>\n"; }

  [[nodiscard]] const std::string& body() const { return body_; }

 private:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(body_), format, std::forward<Args>(args)...);
  }

  // The colour stands twice: as an attribute for readers that know no style sheets, and as a class for
  // those that do and may want a dark one.
  static std::string filled(const Paint& paint) {
    return fmt::format("fill=\"#{:06x}\" class=\"f {}\"", color_on_light(paint), class_of(paint));
  }
  static std::string stroked(const Paint& paint) {
    return fmt::format("stroke=\"#{:06x}\" class=\"s {}\"", color_on_light(paint), class_of(paint));
  }

  std::string body_;
};

// What the picture shows, for those who cannot see it.
std::string description_of(const Figure& figure) {
  std::string text = fmt::format("From {} to {}.", format_duration_ns(static_cast<double>(figure.low_ns)),
                                 format_duration_ns(static_cast<double>(figure.high_ns)));
  for (const Panel& panel : figure.panels) {
    for (const MapRow& row : panel.rows) {
      const auto filled = std::count_if(panel.cells.begin(), panel.cells.end(), [&](const MapCell& cell) {
        return cell.low < row.high && cell.high > row.low;
      });
      text += fmt::format(" {}: {} fields.", row.name, filled);
    }
    for (const Line& line : panel.lines) {
      const auto summary = summarize(line.points);
      text += summary ? fmt::format(" {}: least {}, greatest {}, last {}.", line.name,
                                    format_quantity(summary->minimum, panel.unit),
                                    format_quantity(summary->maximum, panel.unit),
                                    format_quantity(summary->last, panel.unit))
                      : fmt::format(" {}: no data.", line.name);
    }
  }
  for (const FigureBand& band : figure.bands)
    text +=
        fmt::format(" {} from {} to {}.", band.text, format_duration_ns(static_cast<double>(band.from_ns)),
                    format_duration_ns(static_cast<double>(band.to_ns)));
  for (const FigureEvent& event : figure.events)
    text += fmt::format(" {} at {}.", event.text, format_duration_ns(static_cast<double>(event.time_ns)));
  return text;
}

// The element, with `style` inside; `id` begins the names that must not be there twice in a document.
std::string element_of(const SvgCanvas& canvas, int width, int height, std::string_view title,
                       std::string_view description, std::string_view id, std::string_view attributes,
                       std::string_view style) {
  return fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}"{6}
 role="img" aria-labelledby="{2}title {2}desc"
 font-family="'DejaVu Sans','Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
 fill="none" stroke-linejoin="round" stroke-linecap="butt">
<title id="{2}title">{3}</title>
<desc id="{2}desc">{4}</desc>
{5}{7}</svg>
)",
      width, height, id, escaped_markup(title), escaped_markup(description), style, attributes,
      canvas.body());
}

std::string element(const Figure& figure, int width, int height, std::string_view id,
                    std::string_view attributes, std::string_view style) {
  width = std::clamp(width, kSmallestFigureWidth, kLargestFigureSide);
  height = std::clamp(height, kSmallestFigureHeight, kLargestFigureSide);
  SvgCanvas canvas;
  draw_figure(canvas, figure, width, height);
  return element_of(canvas, width, height, figure.title, description_of(figure), id, attributes, style);
}

std::string document_of(std::string_view element) {
  return fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", element);
}

std::string document_style() {
  return fmt::format("<style>\n{}</style>\n", svg_style({}, "(prefers-color-scheme: dark)"));
}

}  // namespace

std::string svg_of(const Figure& figure, int width, int height) {
  return document_of(element(figure, width, height, {}, {}, document_style()));
}

std::string svg_drawing(int width, int height, std::string_view title, std::string_view description,
                        const std::function<void(Canvas&)>& draw) {
  SvgCanvas canvas;
  draw(canvas);
  return document_of(element_of(canvas, width, height, title, description, {}, {}, document_style()));
}

std::string svg_element_of(const Figure& figure, int width, int height, std::string_view id,
                           std::string_view css_class) {
  return element(figure, width, height, fmt::format("{}-", id), fmt::format(" class=\"{}\"", css_class), {});
}

std::string svg_style(std::string_view css_class, std::string_view dark_query) {
  const std::string scope = css_class.empty() ? std::string() : fmt::format(".{} ", css_class);
  return fmt::format(
      "{0}\n{1}.f{{fill:var(--ink)}}{1}.s{{stroke:var(--ink)}}\n"
      "{1}text{{font-variant-numeric:tabular-nums}}\n@media {3}{{{2}}}\n",
      color_rules(scope, color_on_light), scope, color_rules(scope, color_on_dark), dark_query);
}

}  // namespace isotach::view

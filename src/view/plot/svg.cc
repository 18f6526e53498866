#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/text.h"
#include "view/plot/canvas.h"
#include "view/plot/draw.h"
#include "view/plot/picture.h"
#include "view/plot/ticks.h"

namespace isotach::view {
namespace {

// Text as XML wants it. Names come from outside (interfaces, processes): control characters and
// invalid UTF-8, which no XML document may hold, have become "?" already.
std::string escaped(std::string_view text) {
  const std::string clean = printable(text);
  std::string xml;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    // U+FFFE and U+FFFF are valid UTF-8 and yet forbidden.
    if (clean.compare(i, 2, "\xef\xbf") == 0 && i + 2 < clean.size() &&
        static_cast<unsigned char>(clean[i + 2]) >= 0xbe) {
      xml += '?';
      i += 2;
      continue;
    }
    switch (clean[i]) {
      case '&':
        xml += "&amp;";
        break;
      case '<':
        xml += "&lt;";
        break;
      case '>':
        xml += "&gt;";
        break;
      case '"':
        xml += "&quot;";
        break;
      case '\'':
        xml += "&#39;";
        break;
      default:
        xml += clean[i];
    }
  }
  return xml;
}

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
    case Ink::line:
      break;
  }
  return fmt::format("line{}", paint.line % kLineColors);
}

std::string style_rules(unsigned (*color)(const Paint&)) {
  std::string rules;
  const auto add = [&](const Paint& paint) {
    fmt::format_to(std::back_inserter(rules), ".{}{{--ink:#{:06x}}}", class_of(paint), color(paint));
  };
  for (const Ink ink : {Ink::background, Ink::text, Ink::muted, Ink::grid, Ink::axis, Ink::event})
    add({ink, 0});
  for (std::size_t line = 0; line < kLineColors; ++line) add({Ink::line, line});
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
        escaped(text));
  }

  void begin_group(std::string_view name) override { add("<g><title>{}</title>\n", escaped(name)); }
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
    for (const Line& line : panel.lines) {
      const auto summary = summarize(line.points);
      text += summary ? fmt::format(" {}: least {}, greatest {}, last {}.", line.name,
                                    format_quantity(summary->minimum, panel.unit),
                                    format_quantity(summary->maximum, panel.unit),
                                    format_quantity(summary->last, panel.unit))
                      : fmt::format(" {}: no data.", line.name);
    }
  }
  for (const FigureEvent& event : figure.events)
    text += fmt::format(" {} at {}.", event.text, format_duration_ns(static_cast<double>(event.time_ns)));
  return text;
}

}  // namespace

std::string svg_of(const Figure& figure, int width, int height) {
  width = std::clamp(width, kSmallestFigureWidth, kLargestFigureSide);
  height = std::clamp(height, kSmallestFigureHeight, kLargestFigureSide);
  SvgCanvas canvas;
  draw_figure(canvas, figure, width, height);
  return fmt::format(
      R"(<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}"
 role="img" aria-labelledby="title desc"
 font-family="'DejaVu Sans','Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
 fill="none" stroke-linejoin="round" stroke-linecap="butt">
<title id="title">{2}</title>
<desc id="desc">{3}</desc>
<style>
{4}
.f{{fill:var(--ink)}}.s{{stroke:var(--ink)}}
text{{font-variant-numeric:tabular-nums}}
@media (prefers-color-scheme: dark){{{5}}}
</style>
{6}</svg>
)",
      width, height, escaped(figure.title), escaped(description_of(figure)), style_rules(color_on_light),
      style_rules(color_on_dark), canvas.body());
}

}  // namespace isotach::view

#include "view/plot/canvas.h"

#include <array>

#include "base/text.h"

namespace isotach::view {
namespace {

struct Pair {
  unsigned light, dark;
};

constexpr std::array<Pair, kLineColors> kLines = {
    Pair{0x0068a8, 0x58b4f0},  // blue
    Pair{0xc24a00, 0xff9552},  // vermilion
    Pair{0x007d5c, 0x38cfa2},  // bluish green
    Pair{0xa3457f, 0xf09aca},  // reddish purple
    Pair{0x8a6a00, 0xe8c840},  // ochre
    Pair{0x4b4bb5, 0xb4aeff},  // violet
    Pair{0x3c7f8c, 0x86d6e2},  // petrol
    Pair{0x6b5b53, 0xc8b8ae},  // umber
};

// Shades behind the lines, and the same hues for their names. Lines keep a contrast of 3:1 with them; the
// grid is lighter than a shade on light ground and so stays visible on it.
constexpr std::array<Pair, kBandColors> kBands = {
    Pair{0xd8e6f4, 0x20334a},
    Pair{0xf6e3d3, 0x43301f},
    Pair{0xdcebdc, 0x21392c},
};
constexpr std::array<Pair, kBandColors> kBandNames = {
    Pair{0x35608c, 0x9cc4ee},
    Pair{0x8f5420, 0xf0b88a},
    Pair{0x2f6b41, 0x93d3a8},
};

// Four steps of blue, then of orange: each step is clearly darker than the last on light ground, and lighter
// on dark ground.
constexpr std::array<Pair, kHeatColors> kHeat = {
    Pair{0xa9cdea, 0x24486a}, Pair{0x5ea3d6, 0x34709f}, Pair{0x1f74b5, 0x58a2da}, Pair{0x08457a, 0xa8d8ff},
    Pair{0xf6c69c, 0x66391c}, Pair{0xea9449, 0x9a5423}, Pair{0xc75f0c, 0xe08b47}, Pair{0x7f3500, 0xffcfa0},
};

Pair colors(const Paint& paint) {
  switch (paint.ink) {
    case Ink::background:
      return {0xffffff, 0x16181c};
    case Ink::text:
      return {0x1b1f24, 0xe6e9ed};
    case Ink::muted:
      return {0x59626c, 0xa4adb7};
    case Ink::grid:
      return {0xe4e7eb, 0x2b3037};
    case Ink::axis:
      return {0x8a939c, 0x707a85};
    case Ink::event:
      return {0x7a3b00, 0xffc27a};
    case Ink::band:
      return kBands[paint.line % kBandColors];
    case Ink::band_name:
      return kBandNames[paint.line % kBandColors];
    case Ink::heat:
      return kHeat[paint.line % kHeatColors];
    case Ink::line:
      break;
  }
  return kLines[paint.line % kLineColors];
}

// Widths of ASCII in units of 1/1000 em: the greatest of DejaVu Sans, Helvetica and the usual system
// fonts, in five classes.
double em_width(char c) {
  switch (c) {
    case 'i':
    case 'j':
    case 'l':
    case '\'':
    case '|':
    case 'I':
      return 0.33;
    case ' ':
    case '.':
    case ',':
    case ':':
    case ';':
    case '!':
    case 'f':
    case 't':
    case 'r':
    case '/':
    case '(':
    case ')':
    case '[':
    case ']':
    case '-':
      return 0.42;
    case 'm':
    case 'W':
    case 'M':
    case '%':
    case '@':
      return 0.99;
    case 'w':
    case 'O':
    case 'Q':
    case 'G':
    case 'D':
    case 'N':
    case 'H':
    case 'U':
    case '+':
    case '=':
    case '<':
    case '>':
    case '~':
    case '#':
      return 0.84;
    default:
      break;
  }
  return c >= 'A' && c <= 'Z' ? 0.71 : 0.64;
}

}  // namespace

double text_width(std::string_view text, double size, bool bold) {
  double em = 0;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(1, utf8_length(text));
    em += length == 1 ? em_width(text[0]) : display_width(text.substr(0, length)) > 1 ? 1.05 : 0.84;
    text.remove_prefix(length);
  }
  return em * size * (bold ? 1.12 : 1);
}

std::span<const double> dash_pattern(std::size_t line) {
  static constexpr std::array kLong = {9.0, 3.0};
  static constexpr std::array kDots = {2.5, 2.5};
  static constexpr std::array kDashDot = {9.0, 3.0, 2.0, 3.0};
  static constexpr std::array kShort = {5.0, 3.0};
  static constexpr std::array kDashDotDot = {9.0, 3.0, 2.0, 3.0, 2.0, 3.0};
  // Where the eight colours start again, the patterns are at another place.
  switch (line % 6) {
    case 1:
      return kLong;
    case 2:
      return kDots;
    case 3:
      return kDashDot;
    case 4:
      return kShort;
    case 5:
      return kDashDotDot;
    default:
      return {};
  }
}

unsigned color_on_light(const Paint& paint) {
  return colors(paint).light;
}
unsigned color_on_dark(const Paint& paint) {
  return colors(paint).dark;
}

}  // namespace isotach::view

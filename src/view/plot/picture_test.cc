#include "view/plot/picture.h"

#include <gtest/gtest.h>

#include <clocale>
#include <set>

#include "view/plot/canvas.h"
#include "view/plot/draw.h"
#include "view/plot/event_labels.h"
#include "view/plot/terminal_plot.h"

namespace isotach::view {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr double kGi = 1024.0 * 1024 * 1024;

Figure memory_figure() {
  Figure figure;
  figure.title = "Memory";
  figure.subtitle = "db1";
  figure.high_ns = 60 * kSecond;
  figure.time_title = "time since 14:03:05";
  Panel& panel = figure.panels.emplace_back();
  panel.unit = Unit::bytes;
  panel.range = {0, 10 * kGi};
  Line free{"free", {}, 8 * kGi};
  Line used{"used", {}, 2 * kGi};
  for (int i = 0; i <= 60; ++i) {
    const double grown = i < 10 ? 0 : i < 40 ? (i - 10) * 0.2 * kGi : 0;
    const bool gap = i == 50 || i == 51;
    free.points.push_back({i * kSecond, gap ? std::numeric_limits<double>::quiet_NaN() : 8 * kGi - grown});
    used.points.push_back({i * kSecond, 1 * kGi + grown});
  }
  panel.lines = {free, used};
  figure.events = {{10 * kSecond, record::EventKind::start, "start python3"},
                   {39 * kSecond, record::EventKind::peak, "peak 5.8 GiB"},
                   {40 * kSecond, record::EventKind::end, "python3 exited 0"}};
  return figure;
}

// Bands that overlap, touch, have no length, and reach beyond the time axis.
void add_bands(Figure& figure) {
  figure.bands = {{-5 * kSecond, 4 * kSecond, "before the start"},
                  {10 * kSecond, 25 * kSecond, "ksmd merges"},
                  {20 * kSecond, 38 * kSecond, "the program sleeps"},
                  {21 * kSecond, 22 * kSecond, "a rather long name of a short band"},
                  {30 * kSecond, 30 * kSecond, "nothing"},
                  {30 * kSecond, 20 * kSecond, "backwards"},
                  {55 * kSecond, 90 * kSecond, "after the end"},
                  {70 * kSecond, 90 * kSecond, "outside"}};
}

// What was drawn, for tests that look at places instead of text.
class RecordingCanvas final : public Canvas {
 public:
  struct Text {
    Box box;
    std::string text;
  };
  void fill(const Box& box, const Paint& paint) override {
    all.push_back({box.left, box.top});
    all.push_back({box.right, box.bottom});
    if (paint.ink == Ink::band) bands.push_back(box);
  }
  void stroke(std::span<const Spot> spots, const Pen& pen) override {
    for (const Spot& spot : spots) all.push_back(spot);
    if (pen.paint.ink == Ink::line) strokes.insert(pen.paint.line);
  }
  void polygon(std::span<const Spot> corners, const Paint&) override {
    for (const Spot& spot : corners) all.push_back(spot);
  }
  void circle(const Spot& centre, double, const Paint&) override { all.push_back(centre); }
  void text(const Spot& spot, std::string_view text, const TextStyle& style) override {
    if (text.empty()) return;
    const double width = text_width(text, style.size, style.bold);
    const double left = style.anchor == Anchor::start    ? spot.x
                        : style.anchor == Anchor::middle ? spot.x - width / 2
                                                         : spot.x - width;
    texts.push_back(
        {{left, spot.y - style.size * 0.75, left + width, spot.y + style.size * 0.2}, std::string(text)});
  }
  void begin_group(std::string_view) override { ++depth; }
  void end_group() override { --depth; }

  std::vector<Spot> all;
  std::vector<Text> texts;
  std::vector<Box> bands;
  std::set<std::size_t> strokes;
  int depth = 0;
};

TEST(Picture, NoTwoTextsOverlapAndNothingLeavesThePicture) {
  for (const auto& [width, height] :
       {std::pair(960, 480), {640, 360}, {480, 300}, {1600, 400}, {240, 160}, {300, 900}}) {
    for (const auto& [panels, bands] : {std::pair(1, false), {2, false}, {1, true}, {2, true}}) {
      Figure figure = memory_figure();
      if (bands) add_bands(figure);
      if (panels == 2) {
        figure.panels.push_back(figure.panels[0]);
        figure.panels[1].unit = Unit::ratio;
        figure.panels[1].range = {0, 0.5};
        for (Line& line : figure.panels[1].lines)
          for (DataPoint& point : line.points) point.value /= 20 * kGi;
      }
      RecordingCanvas canvas;
      draw_figure(canvas, figure, width, height);
      EXPECT_EQ(canvas.depth, 0);
      for (const Spot& spot : canvas.all) {
        ASSERT_GE(spot.x, 0) << width << 'x' << height;
        ASSERT_LE(spot.x, width);
        ASSERT_GE(spot.y, 0);
        ASSERT_LE(spot.y, height);
      }
      for (std::size_t i = 0; i < canvas.texts.size(); ++i) {
        const auto& [a, text] = canvas.texts[i];
        EXPECT_GE(a.left, 0) << text;
        EXPECT_LE(a.right, width + 0.5) << text;
        for (std::size_t j = 0; j < i; ++j) {
          const auto& [b, other] = canvas.texts[j];
          const bool overlap = a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
          EXPECT_FALSE(overlap) << '\'' << text << "' and '" << other << "' at " << width << 'x' << height;
        }
      }
    }
  }
}

TEST(Picture, BandsAreShadedInEveryPanelAndNamed) {
  Figure figure = memory_figure();
  add_bands(figure);
  figure.panels.push_back(figure.panels[0]);
  RecordingCanvas canvas;
  draw_figure(canvas, figure, 960, 480);
  // Those outside the axis and the one that runs backwards are not there.
  ASSERT_EQ(canvas.bands.size(), 12u);
  const auto x_of = [&](double time_s) {
    // The first band ends at 4 s, the last begins at 55 s.
    const double at_4 = canvas.bands[0].right, at_55 = canvas.bands[10].left;
    return at_4 + (time_s - 4) / 51 * (at_55 - at_4);
  };
  EXPECT_NEAR(canvas.bands[2].left, x_of(10), 0.01);
  EXPECT_NEAR(canvas.bands[2].right, x_of(25), 0.01);
  EXPECT_NEAR(canvas.bands[8].width(), 1, 0.01);
  EXPECT_LT(canvas.bands[2].bottom, canvas.bands[3].top);
  std::set<std::string> names;
  for (const auto& text : canvas.texts) names.insert(text.text);
  for (const char* name : {"before the start", "ksmd merges", "the program sleeps", "after the end"})
    EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_FALSE(names.contains("outside"));
  const std::string svg = svg_of(figure, 960, 480);
  EXPECT_NE(svg.find("<g><title>ksmd merges, from 10 s to 25 s</title>\n<rect"), std::string::npos);
  EXPECT_NE(svg.find("ksmd merges from 10 s to 25 s."), std::string::npos);
  // Behind the lines.
  EXPECT_LT(svg.find("<title>ksmd merges,"), svg.find("<g><title>free</title>"));
}

Figure map_figure() {
  Figure figure;
  figure.title = "Accesses";
  figure.high_ns = 10 * kSecond;
  figure.time_title = "time since the start";
  Panel& panel = figure.panels.emplace_back();
  panel.map_title = "address";
  panel.cool_name = "only read";
  panel.warm_name = "written";
  panel.range = {0, 1};
  panel.rows = {{0, 0.01, "a low one"},
                {0.01, 0.6, "a name that is far too long for the axis of any figure"},
                {0.6, 1, "[stack]"}};
  panel.cells = {{0, kSecond, 0, 0.01, 0, false},
                 {-kSecond, 20 * kSecond, 0.6, 0.8, 3, true},
                 {2 * kSecond, 2 * kSecond, 0.3, 0.3, 99, false}};
  return figure;
}

TEST(Picture, AMapHasItsPartsFieldsAndKindsNamed) {
  const std::string svg = svg_of(map_figure(), 800, 400);
  for (const char* const text : {"only read", "written", "[stack]", "address", "heat0", "heat3", "heat7"})
    EXPECT_NE(svg.find(text), std::string::npos) << text;
  EXPECT_NE(svg.find("[stack]: 1 fields."), std::string::npos);
  for (const auto& [width, height] : {std::pair{800, 400}, std::pair{240, 160}}) {
    RecordingCanvas canvas;
    draw_figure(canvas, map_figure(), width, height);
    for (std::size_t i = 0; i < canvas.texts.size(); ++i) {
      EXPECT_GE(canvas.texts[i].box.left, 0) << canvas.texts[i].text;
      EXPECT_LE(canvas.texts[i].box.right, width) << canvas.texts[i].text;
    }
  }
}

TEST(Picture, ElementsForADocumentShareNothingButTheStyle) {
  const std::string svg = svg_element_of(memory_figure(), 640, 360, "figure-7", "picture");
  EXPECT_EQ(svg.find("<?xml"), std::string::npos);
  EXPECT_EQ(svg.find("<style"), std::string::npos);
  EXPECT_NE(svg.find("class=\"picture\""), std::string::npos);
  EXPECT_NE(svg.find("aria-labelledby=\"figure-7-title figure-7-desc\""), std::string::npos);
  EXPECT_NE(svg.find("<title id=\"figure-7-title\">Memory</title>"), std::string::npos);
  const std::string style = svg_style("picture", "screen and (prefers-color-scheme: dark)");
  EXPECT_NE(style.find(".picture .line0{--ink:#0068a8}"), std::string::npos);
  EXPECT_NE(style.find("@media screen and (prefers-color-scheme: dark){"), std::string::npos);
}

TEST(Picture, SvgNamesItselfAndShowsEverything) {
  const std::string svg = svg_of(memory_figure(), 960, 480);
  for (const char* part :
       {"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"960\" height=\"480\" viewBox=\"0 0 960 480\"",
        "role=\"img\"", "aria-labelledby=\"title desc\"", "<title id=\"title\">Memory</title>",
        "free: least 2.20 GiB, greatest 8 GiB, last 8 GiB.", "prefers-color-scheme: dark", ">10 GiB</text>",
        ">30 s</text>", ">time since 14:03:05</text>", "<g><title>start python3 at 10 s</title>",
        ">peak 5.8 GiB</text>", ">free</text>", ">8 GiB</text>", "stroke-dasharray=\"9 3\""})
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  // The gap splits one line in two.
  const std::size_t group = svg.find("<g><title>free</title>");
  ASSERT_NE(group, std::string::npos);
  const std::string lines = svg.substr(group, svg.find("</g>", group) - group);
  std::size_t paths = 0;
  for (std::size_t at = lines.find("<path"); at != std::string::npos; at = lines.find("<path", at + 1))
    ++paths;
  EXPECT_EQ(paths, 2u);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST(Picture, HostileTextStaysText) {
  Figure figure = memory_figure();
  figure.title = "<script>alert('x')</script> & \"quotes\" \x1b[2J \xff \xef\xbf\xbf";
  figure.panels[0].lines[0].name = "]]><svg onload=\"x\">";
  figure.events[0].text = "</text><a>";
  const std::string svg = svg_of(figure, 960, 480);
  EXPECT_EQ(svg.find("<script"), std::string::npos);
  EXPECT_EQ(svg.find("<svg onload"), std::string::npos);
  EXPECT_EQ(svg.find("<a>"), std::string::npos);
  EXPECT_EQ(svg.find('\x1b'), std::string::npos);
  EXPECT_EQ(svg.find('\xff'), std::string::npos);
  EXPECT_EQ(svg.find("\xef\xbf\xbf"), std::string::npos);
  EXPECT_NE(svg.find("&lt;script&gt;"), std::string::npos);
}

TEST(Picture, EmptyAndAbsurdFiguresCanBeDrawn) {
  Figure empty;
  EXPECT_NE(svg_of(empty, 960, 480).find("</svg>"), std::string::npos);
  Figure figure = memory_figure();
  figure.panels[0].range = {-1.7e308, 1.7e308};
  figure.panels[0].lines[0].points = {{0, 1.7e308}, {1, -1.7e308}};
  for (int i = 0; i < 300; ++i) figure.panels[0].lines.push_back({"line " + std::to_string(i), {}, {}});
  for (int i = 0; i < 300; ++i) figure.events.push_back({i, record::EventKind::mark, "mark"});
  EXPECT_EQ(svg_of(figure, 1, 1).find("nan"), std::string::npos);
}

TEST(Picture, AFixedAxisMarksWhatIsOutside) {
  Figure figure = memory_figure();
  figure.panels[0].fixed = true;
  figure.panels[0].range = {0, 4 * kGi};
  RecordingCanvas canvas;
  draw_figure(canvas, figure, 960, 480);
  const std::string svg = svg_of(figure, 960, 480);
  std::size_t arrows = 0;
  for (std::size_t at = svg.find("Z\" fill"); at != std::string::npos; at = svg.find("Z\" fill", at + 1))
    ++arrows;
  EXPECT_GT(arrows, 20u);
}

TEST(Picture, NeighboursDifferInColourPatternAndBrightness) {
  for (std::size_t i = 0; i + 1 < kLineColors; ++i) {
    EXPECT_NE(color_on_light({Ink::line, i}), color_on_light({Ink::line, i + 1}));
    EXPECT_NE(color_on_dark({Ink::line, i}), color_on_dark({Ink::line, i + 1}));
    const auto a = dash_pattern(i), b = dash_pattern(i + 1);
    EXPECT_FALSE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  }
}

double luminance(unsigned color) {
  const auto part = [&](int shift) {
    const double value = ((color >> shift) & 0xff) / 255.0;
    return value <= 0.03928 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0);
}

double contrast(unsigned a, unsigned b) {
  const double lighter = std::max(luminance(a), luminance(b)), darker = std::min(luminance(a), luminance(b));
  return (lighter + 0.05) / (darker + 0.05);
}

TEST(Picture, ColoursHaveContrast) {
  for (std::size_t i = 0; i < kLineColors; ++i) {
    EXPECT_GE(contrast(color_on_light({Ink::line, i}), color_on_light({Ink::background, 0})), 4.5) << i;
    EXPECT_GE(contrast(color_on_dark({Ink::line, i}), color_on_dark({Ink::background, 0})), 4.5) << i;
  }
  for (const Ink ink : {Ink::text, Ink::muted, Ink::event}) {
    EXPECT_GE(contrast(color_on_light({ink, 0}), color_on_light({Ink::background, 0})), 4.5);
    EXPECT_GE(contrast(color_on_dark({ink, 0}), color_on_dark({Ink::background, 0})), 4.5);
  }
}

TEST(Picture, BandsLeaveLinesTheirContrast) {
  for (std::size_t band = 0; band < kBandColors; ++band) {
    const Paint name{Ink::band_name, band}, shade{Ink::band, band}, ground{Ink::background, 0};
    EXPECT_GE(contrast(color_on_light(name), color_on_light(ground)), 4.5) << band;
    EXPECT_GE(contrast(color_on_dark(name), color_on_dark(ground)), 4.5) << band;
    for (std::size_t line = 0; line < kLineColors; ++line) {
      EXPECT_GE(contrast(color_on_light({Ink::line, line}), color_on_light(shade)), 3) << band << line;
      EXPECT_GE(contrast(color_on_dark({Ink::line, line}), color_on_dark(shade)), 3) << band << line;
    }
  }
}

TEST(Picture, PngHasTheSizeAskedFor) {
  if (!png_supported()) GTEST_SKIP() << "built without cairo";
  const auto bytes = png_of(memory_figure(), 640, 360);
  ASSERT_TRUE(bytes);
  ASSERT_GT(bytes->size(), 5000u);
  EXPECT_EQ(bytes->substr(0, 8), "\x89PNG\r\n\x1a\n");
  EXPECT_EQ(bytes->substr(16, 8), std::string("\0\0\x02\x80\0\0\x01\x68", 8));
}

TEST(EventLabels, DoNotOverlapAndGiveUpWhenFull) {
  std::vector<EventLabel> labels;
  for (int i = 0; i < 40; ++i) labels.push_back({i * 5.0, 30});
  const auto places = place_labels(labels, 0, 220, 3, 4);
  std::size_t placed = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!places[i]) continue;
    ++placed;
    EXPECT_GE(places[i]->left, 0);
    EXPECT_LE(places[i]->left + 30, 220);
    for (std::size_t j = 0; j < i; ++j) {
      if (!places[j] || places[j]->row != places[i]->row) continue;
      EXPECT_GE(std::abs(places[i]->left - places[j]->left), 30);
    }
  }
  EXPECT_GE(placed, 12u);
  EXPECT_LT(placed, 40u);
}

TEST(BandLabels, StandOverTheirBandsAndDoNotOverlap) {
  std::vector<BandLabel> labels = {{0, 100, 40}, {100, 200, 40}, {50, 150, 20}, {190, 200, 60}, {0, 5, 500}};
  const auto places = place_band_labels(labels, 0, 220, 2, 4);
  ASSERT_TRUE(places[0] && places[3]);
  EXPECT_EQ(places[0]->left, 30);
  EXPECT_EQ(places[0]->row, 0);
  // It touches its neighbour: the bars must not look like one.
  ASSERT_TRUE(places[1]);
  EXPECT_EQ(places[1]->row, 1);
  EXPECT_FALSE(places[2]);
  // Moved inwards from the edge.
  EXPECT_EQ(places[3]->left, 160);
  EXPECT_FALSE(places[4]);
  EXPECT_EQ(rows_of(places), 2);
  EXPECT_EQ(rows_of(place_band_labels(labels, 0, 220, 0, 4)), 0);
}

std::string terminal(int columns, int rows, DotStyle style, const Figure& figure) {
  Grid grid(columns, rows);
  draw_figure(grid, figure, {style, {}});
  return grid.text();
}

TEST(TerminalPlot, DrawsInAscii) {
  EXPECT_EQ(terminal(60, 16, DotStyle::ascii, memory_figure()),
            "Memory\n"
            "A free 8 GiB   B used 2 GiB\n"
            "                                         python3 exited 0\n"
            "                start python3           :peak 5.8 GiB\n"
            "      |        :                        :\n"
            "      |        :                        :\n"
            " 8 GiB+AAAAAAAAAAAA                     AAAAAAAAA AAAAAAAAA\n"
            "      |        :   AAAAA             BBBB\n"
            "      |        :        AAAA     BBBB   B\n"
            " 4 GiB+        :            BBBBB       B\n"
            "      |        :       BBBBB     AAAAA  B\n"
            "      |        :   BBBB               AAB\n"
            "      |BBBBBBBBBBBB                     BBBBBBBBBBBBBBBBBBB\n"
            "     0+        :                        :\n"
            "      ++------------+-----------+------------+-----------+\n"
            "      0 s         15 s        30 s         45 s        1:00\n");
}

TEST(TerminalPlot, DrawsBandsInAscii) {
  Figure figure = memory_figure();
  figure.bands = {{10 * kSecond, 40 * kSecond, "ksmd merges"}, {50 * kSecond, 52 * kSecond, "idle"}};
  EXPECT_EQ(terminal(60, 16, DotStyle::ascii, figure),
            "Memory\n"
            "A free 8 GiB   B used 2 GiB\n"
            "                                         python3 exited 0\n"
            "                start python3           :peak 5.8 GiB\n"
            "               [----- ksmd merges ------]       idle\n"
            "      |        : . . . . . . . . . . . .:        .\n"
            "      |        :. . . . . . . . . . . . :         .\n"
            " 8 GiB+AAAAAAAAAAAAAA. . . . . . . . . .AAAAAAAAA.AAAAAAAAA\n"
            "      |        :. . AAAAAA. . . . .BBBBBB         .\n"
            "      |        : . . . . AAAAABBBBBB . .B        .\n"
            " 4 GiB+        :. . . . .BBBBB.AAAAA. . B         .\n"
            "      |        : . .BBBBB. . . . . .AAAAB        .\n"
            "      |BBBBBBBBBBBBB. . . . . . . . . . BBBBBBBBBBBBBBBBBBB\n"
            "     0+        : . . . . . . . . . . . .:        .\n"
            "      ++------------+-----------+------------+-----------+\n"
            "      0 s         15 s        30 s         45 s        1:00\n");
}

TEST(TerminalPlot, FitsEverySize) {
  for (int columns = 0; columns <= 130; columns += 3) {
    for (int rows = 0; rows <= 40; rows += 2) {
      for (const DotStyle style : {DotStyle::braille, DotStyle::block, DotStyle::ascii}) {
        Figure figure = memory_figure();
        if (rows % 4 == 0) add_bands(figure);
        const std::string text = terminal(columns, rows, style, figure);
        EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), rows);
      }
    }
  }
}

TEST(TerminalPlot, SmallTerminalsShowAtLeastTheValues) {
  const std::string text = terminal(14, 4, DotStyle::braille, memory_figure());
  EXPECT_NE(text.find("A free 8 GiB"), std::string::npos) << text;
  EXPECT_NE(text.find("B used 2 GiB"), std::string::npos) << text;
}

TEST(TerminalPlot, AsciiHasOnlyAscii) {
  for (const char c : terminal(100, 30, DotStyle::ascii, memory_figure())) EXPECT_GE(c, 0);
}

TEST(TerminalPlot, LinesAreToldApartWithoutColour) {
  const std::string text = terminal(80, 20, DotStyle::braille, memory_figure());
  EXPECT_GE(std::count(text.begin(), text.end(), 'A'), 3);
  EXPECT_GE(std::count(text.begin(), text.end(), 'B'), 3);
}

TEST(DotRaster, SetsDots) {
  DotRaster braille(1, 1, DotStyle::braille);
  EXPECT_EQ(braille.character(0, 0), " ");
  braille.line(0, 0, 1, 3, 0);
  EXPECT_EQ(braille.character(0, 0), "⢣");
  for (int y = 0; y < 4; ++y) braille.line(0, y, 1, y, 7);
  EXPECT_EQ(braille.character(0, 0), "⣿");
  EXPECT_EQ(braille.owner(0, 0), 7u);
  braille.dot(-1, 0, 0);
  braille.dot(2, 0, 0);
  DotRaster block(1, 1, DotStyle::block);
  block.dot(1, 0, 0);
  EXPECT_EQ(block.character(0, 0), "▝");
}

}  // namespace
}  // namespace isotach::view

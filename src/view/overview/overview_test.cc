// Pictures are compared with tests/golden/overview/*.txt; UPDATE_GOLDEN=1 writes these anew.
#include "view/overview/overview.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "base/fd.h"
#include "base/text.h"
#include "view/overview/layout.h"
#include "view/overview/overview_fixture.h"
#include "view/overview/paint.h"

namespace isotach::view {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class OverviewTest : public testing::Test {
 protected:
  OverviewTest() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
  static void expect_golden(const std::string& name, const std::string& text) {
    const std::string path = std::string(ISOTACH_SOURCE_DIR) + "/tests/golden/overview/" + name + ".txt";
    if (std::getenv("UPDATE_GOLDEN") != nullptr) {
      ASSERT_TRUE(replace_file(path, text));
    }
    const auto expected = read_file(path);
    ASSERT_TRUE(expected) << path << ": run with UPDATE_GOLDEN=1 to write it";
    EXPECT_EQ(text, *expected) << name;
  }
  static std::string picture(const OverviewModel& model, int columns, int rows,
                             const OverviewView& view = {}) {
    return render_overview(model, view, columns, rows).text();
  }
};

TEST_F(OverviewTest, SmallTerminal) {
  expect_golden("20x10", picture(sample_model(), 20, 10));
}
TEST_F(OverviewTest, NarrowTerminal) {
  expect_golden("40x15", picture(sample_model(), 40, 15));
}
TEST_F(OverviewTest, UsualTerminal) {
  expect_golden("80x24", picture(sample_model(), 80, 24));
}
TEST_F(OverviewTest, LargeTerminal) {
  expect_golden("200x60", picture(sample_model(), 200, 60));
}

TEST_F(OverviewTest, MachineThatTellsNothing) {
  expect_golden("bare_80x24", picture(bare_model(), 80, 24));
  expect_golden("bare_20x10", picture(bare_model(), 20, 10));
  // Nothing is never a number.
  EXPECT_THAT(picture(bare_model(), 80, 24), Not(HasSubstr("0 B")));
}

TEST_F(OverviewTest, Pages) {
  OverviewView view;
  view.page = OverviewPage::findings;
  expect_golden("findings_60x16", picture(sample_model(), 60, 16, view));
  view.page = OverviewPage::help;
  expect_golden("help_80x24", picture(sample_model(), 80, 24, view));
}

TEST_F(OverviewTest, EachPageAtTheUsualSizeAndALargeOne) {
  const std::pair<OverviewPage, const char*> pages[] = {{OverviewPage::memory, "memory"},
                                                        {OverviewPage::network, "network"},
                                                        {OverviewPage::connections, "connections"},
                                                        {OverviewPage::findings, "findings"}};
  for (const auto& [page, name] : pages) {
    OverviewView view;
    view.page = page;
    expect_golden(fmt::format("{}_80x24", name), picture(sample_model(), 80, 24, view));
    expect_golden(fmt::format("{}_200x60", name), picture(sample_model(), 200, 60, view));
  }
}

TEST_F(OverviewTest, LongPagesScrollToTheirLastRow) {
  OverviewModel model = sample_model();
  for (int i = 0; i < 95; ++i) model.connections.push_back(model.connections[0]);
  model.connections.back().process = "last/1";
  for (int i = 0; i < 30; ++i) model.findings.push_back(model.findings[0]);
  model.findings.back().title = "the last finding";
  const std::pair<OverviewPage, const char*> pages[] = {{OverviewPage::connections, "last/1"},
                                                        {OverviewPage::findings, "the last finding"}};
  for (const auto& [page, last] : pages) {
    OverviewView view;
    view.page = page;
    EXPECT_THAT(picture(model, 80, 24, view), Not(HasSubstr(last)));
    view.scroll = overview_scroll_limit(model, view, 80, 24);
    EXPECT_THAT(picture(model, 80, 24, view), HasSubstr(last));
    const std::string end = picture(model, 80, 24, view);
    view.scroll += 100;
    EXPECT_EQ(picture(model, 80, 24, view), end) << "and no further";
    view.scroll = 0;
    view.page = OverviewPage::memory;
    EXPECT_EQ(overview_scroll_limit(model, view, 80, 24), 0);
  }
}

TEST_F(OverviewTest, PartsOfThePictureCanBeClicked) {
  const auto key_at = [](const std::vector<ClickTarget>& targets, int column, int row) -> char32_t {
    for (const auto& [area, key] : targets)
      if (column >= area.column && column < area.column + area.columns && row >= area.row &&
          row < area.row + area.rows)
        return key;
    return 0;
  };
  for (const auto& [columns, rows] : {std::pair(80, 24), std::pair(200, 60)}) {
    const Grid grid = render_overview(sample_model(), {}, columns, rows);
    const auto targets = overview_targets(sample_model(), {}, columns, rows);
    // Where each of these words stands, a click does what the key would.
    const std::pair<std::string, char32_t> words[] = {
        {"CPU ─", U's'},    {"MEMORY ─", U'2'}, {"NET", U'3'},   {"FINDINGS ─", U'5'},
        {"2 memory", U'2'}, {"? help", U'?'},   {"q quit", U'q'}};
    const std::string text = grid.text();
    const std::vector<std::string_view> lines = split(text, '\n');
    for (const auto& [word, key] : words) {
      bool found = false;
      for (std::size_t row = 0; row < lines.size(); ++row) {
        const std::size_t at = lines[row].find(word);
        if (at == std::string_view::npos) continue;
        const int column = static_cast<int>(display_width(lines[row].substr(0, at)));
        found = found || key_at(targets, column, static_cast<int>(row)) == key;
      }
      EXPECT_TRUE(found) << word << " at " << columns << 'x' << rows;
    }
  }
}

TEST_F(OverviewTest, WithoutUnicode) {
  OverviewView view;
  view.unicode = false;
  const std::string text = picture(sample_model(), 80, 24, view);
  expect_golden("ascii_80x24", text);
  for (const char c : text) EXPECT_LT(static_cast<unsigned char>(c), 0x80);
}

TEST_F(OverviewTest, ReplayShowsWhereItStands) {
  OverviewModel model = sample_model();
  model.replay = ReplayPosition{{0, model.time.wall_ns - 5'000'000'000},
                                {20'000'000'000, model.time.wall_ns + 15'000'000'000},
                                4,
                                false};
  expect_golden("replay_80x24", picture(model, 80, 24));
}

TEST_F(OverviewTest, EachCpuGetsABarWhereAskedFor) {
  OverviewModel model = sample_model();
  for (unsigned i = 4; i < 32; ++i) model.cpu.each.push_back({i, 0.5, 0.4, 0.1, 0.0, 0.0});
  EXPECT_THAT(picture(model, 80, 24), Not(HasSubstr(" 31 ")));
  OverviewView view;
  view.each_cpu = true;
  EXPECT_THAT(picture(model, 80, 40, view), HasSubstr(" 31 "));
}

TEST_F(OverviewTest, InterfacesScroll) {
  OverviewModel model = sample_model();
  for (int i = 0; i < 200; ++i) add_interface(model, fmt::format("veth{}", i), 0, 0);
  EXPECT_THAT(picture(model, 80, 24), HasSubstr("eth0 received"));
  EXPECT_THAT(picture(model, 80, 24), HasSubstr("more (tab)"));
  OverviewView view;
  view.interface = 153;
  EXPECT_THAT(picture(model, 80, 24, view), HasSubstr("veth150"));
  view.interface = 100000;  // an interface went away meanwhile
  EXPECT_THAT(picture(model, 80, 24, view), HasSubstr("veth199"));
}

TEST_F(OverviewTest, TheVerdictIsAtEverySizeWithRoomForIt) {
  for (const auto& [columns, rows] :
       {std::pair(12, 1), std::pair(20, 10), std::pair(80, 24), std::pair(300, 80)})
    EXPECT_THAT(picture(sample_model(), columns, rows), HasSubstr("1 warning")) << columns << 'x' << rows;
}

TEST_F(OverviewTest, NothingMovesWhenAFindingComes) {
  OverviewModel well = sample_model();
  well.findings.clear();
  const Grid before = render_overview(well, {}, 80, 24);
  const Grid after = render_overview(sample_model(), {}, 80, 24);
  for (int row = 1; row < 20; ++row)
    for (int column = 0; column < 80; ++column)
      ASSERT_EQ(before.at(column, row).text, after.at(column, row).text) << column << ',' << row;
}

// No size is refused and no content can act on the terminal: every cell is one printable character.
TEST_F(OverviewTest, EverySizeAndContentGivesAPicture) {
  const OverviewModel models[] = {sample_model(), bare_model(), hostile_model()};
  for (const OverviewModel& model : models) {
    for (const int columns :
         {0, 1, 2, 3, 5, 7, 8, 11, 19, 20, 29, 33, 43, 44, 59, 60, 71, 72, 99, 149, 150, 300}) {
      for (const int rows : {0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 24, 80}) {
        for (const OverviewPage page :
             {OverviewPage::machine, OverviewPage::memory, OverviewPage::network, OverviewPage::connections,
              OverviewPage::findings, OverviewPage::help}) {
          OverviewView view;
          view.page = page;
          view.scroll = rows;
          view.each_cpu = rows % 2 == 0;
          const Grid grid = render_overview(model, view, columns, rows);
          for (const auto& [area, key] : overview_targets(model, view, columns, rows)) {
            ASSERT_TRUE(area.column >= 0 && area.column + area.columns <= columns);
            ASSERT_TRUE(area.row >= 0 && area.row + area.rows <= rows);
          }
          ASSERT_EQ(grid.columns(), columns);
          ASSERT_EQ(grid.rows(), rows);
          const std::string text = grid.text();
          for (const char c : text)
            ASSERT_TRUE(c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
        }
      }
    }
  }
}

TEST(ShareRows, ServesPriorityFirst) {
  const std::vector<SectionRows> sections = {{1, 3, 9, 10}, {1, 2, 2, 30}, {2, 4, 4, 20}};
  EXPECT_THAT(share_rows(sections, 0), ElementsAre(0, 0, 0));
  EXPECT_THAT(share_rows(sections, 1), ElementsAre(0, 1, 0));
  EXPECT_THAT(share_rows(sections, 2), ElementsAre(1, 1, 0)) << "two do not fit, one does";
  EXPECT_THAT(share_rows(sections, 4), ElementsAre(1, 1, 2));
  EXPECT_THAT(share_rows(sections, 5), ElementsAre(1, 2, 2));
  EXPECT_THAT(share_rows(sections, 9), ElementsAre(3, 2, 4));
  EXPECT_THAT(share_rows(sections, 12), ElementsAre(6, 2, 4));
  EXPECT_THAT(share_rows(sections, 100), ElementsAre(9, 2, 4));
}

TEST(Paint, GraphTopIsRoundAndNeverBelowTheData) {
  EXPECT_DOUBLE_EQ(graph_top({}, 1000), 1000);
  EXPECT_DOUBLE_EQ(graph_top({1001.0}, 1000), 2000);
  EXPECT_DOUBLE_EQ(graph_top({4e6, std::nullopt}, 1000), 5e6);
  EXPECT_DOUBLE_EQ(graph_top({5.1e6}, 1000), 1e7);
  EXPECT_DOUBLE_EQ(graph_top({std::nan("")}, 1000), 1000);
}

TEST(Paint, BarShowsTheSmallestShare) {
  Grid grid(10, 3);
  Canvas canvas(grid, {0, 0, 10, 3}, true);
  canvas.bar(0, 0, 10, 0.0, Style::plain);
  canvas.bar(0, 1, 10, 0.001, Style::plain);
  canvas.bar(0, 2, 10, 0.5, Style::plain);
  EXPECT_EQ(grid.text(), "──────────\n╴─────────\n━━━━━─────\n");
}

TEST(Paint, GraphIsFilledFromBelowNewestAtTheRight) {
  Grid grid(3, 2);
  Canvas(grid, {0, 0, 3, 2}, true).graph({0.25, 0.5, 0.75, 1.0}, 1, Style::plain);
  EXPECT_EQ(grid.text(), "  ⣼\n⣀⣼⣿\n");
}

TEST(Paint, PercentText) {
  EXPECT_EQ(percent_text(std::nullopt), "-");
  EXPECT_EQ(percent_text(0.0), "0 %");
  EXPECT_EQ(percent_text(0.034), "3.4 %");
  EXPECT_EQ(percent_text(0.345), "34 %");
  EXPECT_EQ(percent_text(1.0), "100 %");
  EXPECT_EQ(percent_text(std::nan("")), "-");
}

}  // namespace
}  // namespace isotach::view

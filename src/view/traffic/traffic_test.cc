#include "view/traffic/traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "view/traffic/traffic_fixture.h"

namespace isotach::view {
namespace {

using testing::HasSubstr;
using testing::Not;

TrafficView list_view() {
  TrafficView view;
  view.page = TrafficPage::flows;
  view.sort = "rate";
  return view;
}

std::vector<std::string> lines_of(const Grid& grid) {
  std::vector<std::string> lines;
  const std::string text = grid.text();
  for (const std::string_view line : split(text, '\n')) lines.emplace_back(line);
  return lines;
}

TEST(TrafficView, AListOn80Columns) {
  const auto lines = lines_of(render_traffic(traffic_model(), list_view(), 80, 24));
  EXPECT_THAT(lines[0], HasSubstr("isotach traffic  all interfaces "));
  EXPECT_THAT(lines[0], HasSubstr("eBPF, not accounted 0 "));
  EXPECT_EQ(lines[1], "overview flows hosts stations ports processes sizes classes protocols interfaces");
  EXPECT_EQ(lines[2], "in 943 Mbit/s  out 421 Mbit/s  peak 2.05 Gbit/s  mean 955 Mbit/s  total 1.27 GiB");
  EXPECT_EQ(lines[3], "FLOWS ─────────────────────────────────────────────────────────────── 4, by rate");
  EXPECT_EQ(lines[4], "  local              remote                            in          out     total");
  EXPECT_EQ(lines[5], "▸ 10.0.0.5:443       192.0.2.17:50312         3.10 Mbit/s   412 Mbit/s   396 MiB");
  EXPECT_THAT(lines[23], HasSubstr("q quit  ? help  tab page  enter open  s sort  / search"));
}

TEST(TrafficView, EverySizeShowsWhatCountsAndWhatWasNotAccountedFor) {
  TrafficModel model = traffic_model();
  model.unaccounted_packets = 17;
  for (int i = 0; i < 5; ++i) model.lists.push_back(flow_list());
  TrafficModel opened = model;
  opened.details = TrafficDetails{"tcp 10.0.0.5:443", {{"state", "established", false}},
                                  model.total,        model.in_past,
                                  model.out_past,     false};
  TrafficView help;
  help.help = true;
  for (const auto& [columns, rows] :
       {std::pair(20, 8), std::pair(20, 3), std::pair(40, 12), std::pair(80, 24), std::pair(112, 30),
        std::pair(200, 60), std::pair(500, 100)}) {
    for (const TrafficView& view : {TrafficView{}, list_view(), help}) {
      for (const TrafficModel* shown : {&model, &opened}) {
        const auto lines = lines_of(render_traffic(*shown, view, columns, rows));
        EXPECT_THAT(lines[0], HasSubstr("eBPF")) << columns;
        EXPECT_THAT(lines[0], HasSubstr(" 17")) << columns;
      }
    }
  }
  for (int columns = 0; columns < 130; columns += 3)
    for (int rows = 0; rows < 40; rows += 3) {
      (void)render_traffic(opened, list_view(), columns, rows);
      (void)render_traffic(model, list_view(), columns, rows);
      (void)render_traffic(model, TrafficView{}, columns, rows);
      (void)render_traffic(TrafficModel{}, TrafficView{}, columns, rows);
    }
}

TEST(TrafficView, NumbersAreNeverCutBeforeWordsAre) {
  for (int columns = 26; columns < 200; ++columns) {
    const auto lines = lines_of(render_traffic(traffic_model(), list_view(), columns, 24));
    std::string row;
    for (const std::string& line : lines)
      if (line.starts_with("▸")) row = line;
    EXPECT_TRUE(row.find("412 Mbit/s") != std::string::npos || row.find("415 Mbit/s") != std::string::npos)
        << columns << ": " << row;
  }
}

TEST(TrafficView, TheOverviewHasGraphsAndAsManyListsAsFit) {
  TrafficModel model = traffic_model();
  model.lists.push_back(flow_list());
  model.lists.back().title = "hosts";
  model.source_note = "no processes: CAP_SYS_PTRACE is missing";
  const std::string text = render_traffic(model, TrafficView{}, 132, 30).text();
  EXPECT_THAT(text, HasSubstr("⣿"));
  EXPECT_THAT(text, HasSubstr("FLOWS ──"));
  EXPECT_THAT(text, HasSubstr("HOSTS ──"));
  EXPECT_THAT(text, HasSubstr("no processes: CAP_SYS_PTRACE is missing"));
}

TEST(TrafficView, WithoutUnicodeEverythingIsAscii) {
  TrafficModel model = traffic_model();
  TrafficView view;
  view.unicode = false;
  for (const TrafficPage page : {TrafficPage::overview, TrafficPage::flows}) {
    view.page = page;
    for (const char c : render_traffic(model, view, 80, 24).text()) EXPECT_GE(c, 0);
  }
}

TEST(TrafficView, SearchAndDrillingDownAreSaid) {
  TrafficModel model = traffic_model();
  TrafficView view = list_view();
  view.within = "host 192.0.2.17";
  view.search = "nginx";
  view.typing = true;
  model.lists[0].matching = 4;
  model.lists[0].known = 60;
  const auto lines = lines_of(render_traffic(model, view, 80, 24));
  EXPECT_THAT(lines[3], HasSubstr("FLOWS of host 192.0.2.17 with \"nginx\" ──"));
  EXPECT_THAT(lines[3], HasSubstr("4 of 60, by rate"));
  EXPECT_THAT(lines[23], HasSubstr("/nginx▏"));
  model.lists[0].rows.clear();
  EXPECT_THAT(render_traffic(model, view, 80, 24).text(), HasSubstr("nothing holds \"nginx\""));
}

TEST(TrafficView, NamesFromOutsideCannotActOnTheTerminal) {
  TrafficModel model = traffic_model();
  model.lists[0].rows[0].cells[4] = "\033[2Jevil\n";
  model.scope = "e\033th0";
  EXPECT_THAT(render_traffic(model, list_view(), 132, 24).text(), Not(HasSubstr("\033")));
}

TEST(TrafficView, ClicksFindTabsAndRows) {
  const TrafficView view = list_view();
  EXPECT_EQ(traffic_tab_at(view, 80, 24, 0, 1), TrafficPage::overview);
  EXPECT_EQ(traffic_tab_at(view, 80, 24, 79, 1), TrafficPage::interfaces);
  EXPECT_EQ(traffic_tab_at(view, 80, 24, 8, 1), std::nullopt);
  EXPECT_EQ(traffic_tab_at(view, 80, 24, 0, 2), std::nullopt);
  EXPECT_EQ(traffic_row_at(view, 80, 24, 4), std::nullopt);
  EXPECT_EQ(traffic_row_at(view, 80, 24, 5), 0u);
  EXPECT_EQ(traffic_row_at(view, 80, 24, 23), std::nullopt);
  EXPECT_EQ(traffic_page_rows(view, 80, 24), 18u);
}

}  // namespace
}  // namespace isotach::view

#include "view/graph/graph.h"

#include <gtest/gtest.h>

#include <string>

namespace isotach::view {
namespace {

Graph some_graph() {
  Graph graph;
  graph.title = "Time <and> sequence";
  graph.unit = Unit::bytes;
  graph.high_ns = 2'000'000'000;
  GraphSeries bars{"segments", GraphStyle::bars, 0};
  bars.points = {{0, 0, 1448}, {1'000'000'000, 1448, 2896}};
  GraphSeries step{"acknowledged", GraphStyle::step, 2};
  step.points = {{500'000'000, 1448, 1448}, {1'500'000'000, 2896, 2896}};
  graph.series = {bars, step};
  return graph;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(GraphPage, CarriesItsNumbersAndNothingFromElsewhere) {
  GraphPage page;
  page.title = "of </script><b>";
  page.sections.push_back({"one", "loss", {"a & b"}, {some_graph()}});
  const std::string html = graph_page_of(page);
  EXPECT_TRUE(
      holds(html, R"("n":"segments","s":"b","c":0,"k":0,"t":[0,1000000],"l":[0,144800],"h":[144800,144800])"))
      << html.substr(html.find("application/json"), 400);
  EXPECT_TRUE(holds(html, "a &amp; b"));
  EXPECT_FALSE(holds(html, "</script><b>"));
  EXPECT_TRUE(holds(html, "of &lt;/script&gt;&lt;b&gt;"));
  EXPECT_TRUE(holds(html, "aria-label=\"Time &lt;and&gt; sequence. segments: from 0 B to 2.83 KiB."));
  EXPECT_FALSE(holds(html, "http://"));
  EXPECT_FALSE(holds(html, "https://"));
}

TEST(GraphPage, ATableLeadsToSectionsInsteadOfTheContents) {
  GraphPage page;
  page.notes = {"it ends in the <middle>"};
  page.sections.assign(3, {"one", "loss", {}, {}});
  EXPECT_TRUE(holds(graph_page_of(page), "Contents"));
  page.table.columns = {{"#"}, {"RTT", GraphColumn::Align::right}};
  page.table.rows = {{{"1", "2 ms"}, 3}, {{"2", "<b>"}}};
  page.table.note = "5 more";
  const std::string html = graph_page_of(page);
  EXPECT_FALSE(holds(html, "Contents"));
  EXPECT_TRUE(holds(html, "<p class=\"notice\">it ends in the &lt;middle&gt;</p>"));
  EXPECT_TRUE(holds(html, "<td><a href=\"#section-3\">1</a></td><td class=\"number\">2 ms</td>"));
  EXPECT_TRUE(holds(html, "<td>2</td><td class=\"number\">&lt;b&gt;</td>"));
  EXPECT_TRUE(holds(html, "<p class=\"help\">5 more</p>"));
}

TEST(GraphSvg, DrawsBarsStepsAndMarks) {
  Graph graph = some_graph();
  const std::string svg = graph_svg_of(graph, 960, 420);
  EXPECT_TRUE(svg.starts_with("<?xml"));
  EXPECT_TRUE(holds(svg, "<title>segments</title>"));
  EXPECT_TRUE(holds(svg, "Time &lt;and&gt; sequence"));
  graph.series = {{"timeout", GraphStyle::marks, 1, {{1'000'000'000, 0, 0}}, 17}};
  EXPECT_TRUE(holds(graph_svg_of(graph, 960, 420), "timeout: 17"));
  graph.series.clear();
  EXPECT_TRUE(holds(graph_svg_of(graph, 960, 420), "</svg>"));
}

}  // namespace
}  // namespace isotach::view

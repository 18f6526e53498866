// The page is compared with tests/golden/report/report.html; UPDATE_GOLDEN=1 writes it anew.
#include "view/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "base/fd.h"
#include "base/text.h"

namespace isotach::view {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kSecond = 1'000'000'000;

Figure small_figure(const std::string& title) {
  Figure figure;
  figure.title = title;
  figure.high_ns = 10 * kSecond;
  figure.time_title = "time since the start";
  Panel& panel = figure.panels.emplace_back();
  panel.unit = Unit::bytes;
  panel.range = {0, 4096};
  panel.lines.push_back({"resident", {{0, 0}, {5 * kSecond, 4000}, {10 * kSecond, 1000}}, 1000});
  figure.events = {{5 * kSecond, record::EventKind::peak, "peak"}};
  figure.bands = {{1 * kSecond, 4 * kSecond, "append"}};
  return figure;
}

Report sample_report() {
  Report report;
  report.title = "Memory experiments";
  report.subtitle = "db1, 2026-11-23 14:03:05";
  report.facts = {{"command", "isotach experiment memory --all"}, {"kernel", "6.18.0"}};
  report.summary = {"Experiment 3 needs half of what experiment 4 needs.", "A cycle makes them equal."};
  for (int i = 1; i <= 4; ++i) {
    ReportSection& section = report.sections.emplace_back();
    section.title = "Experiment " + std::to_string(i);
    section.paragraphs = {"What was done."};
  }
  report.sections[0].verdict = "ramp";
  report.sections[0].side_by_side = true;
  report.sections[0].figures = {{small_figure("append"), "It grows.", 960, 420},
                                {small_figure("allocate"), {}, 480, 300}};
  report.sections[1].tables = {
      {"Peaks", {"experiment", "peak", "why"}, {{"1", "4 KiB", "2 lists"}, {"2", "-"}}}};
  report.sections[2].code = {{"The script", "def f():\n\treturn [1 < 2]\n"}};
  report.footer = "isotach";
  return report;
}

TEST(Report, IsAsItWas) {
  const std::string html = html_of(sample_report());
  const std::string path = std::string(ISOTACH_SOURCE_DIR) + "/tests/golden/report/report.html";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(replace_file(path, html));
  }
  const auto expected = read_file(path);
  ASSERT_TRUE(expected) << path << ": run with UPDATE_GOLDEN=1 to write it";
  EXPECT_EQ(html, *expected);
}

// Every element that is opened is closed, in order; what is between is text.
void expect_balanced(const std::string& html) {
  static const std::set<std::string> kVoid = {"meta", "!DOCTYPE"};
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const std::size_t end = html.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const bool closes = html[at + 1] == '/';
    const std::size_t start = at + (closes ? 2 : 1);
    const std::string name = html.substr(start, html.find_first_of(" \n/>", start) - start);
    if (closes) {
      ASSERT_FALSE(open.empty()) << name;
      ASSERT_EQ(open.back(), name) << html.substr(at, 80);
      open.pop_back();
    } else if (html[end - 1] != '/' && !kVoid.contains(name)) {
      open.push_back(name);
    }
    at = end;
  }
  EXPECT_TRUE(open.empty()) << open.back();
}

TEST(Report, ElementsAreBalancedAndIdsUnique) {
  const std::string html = html_of(sample_report());
  expect_balanced(html);
  std::set<std::string> ids;
  for (std::size_t at = html.find(" id=\""); at != std::string::npos; at = html.find(" id=\"", at + 1)) {
    const std::size_t start = at + 5;
    const std::string id = html.substr(start, html.find('"', start) - start);
    EXPECT_TRUE(ids.insert(id).second) << id;
  }
  // What is named as a label is there.
  for (std::size_t at = html.find("labelledby=\""); at != std::string::npos;
       at = html.find("labelledby=\"", at + 1)) {
    const std::size_t start = at + 12;
    for (const std::string_view id :
         split_blanks(std::string_view(html).substr(start, html.find('"', start) - start)))
      EXPECT_TRUE(ids.contains(std::string(id))) << id;
  }
  EXPECT_TRUE(ids.contains("figure-2-narrow-title"));
}

TEST(Report, StandsAlone) {
  const std::string html = html_of(sample_report());
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("<link")));
  EXPECT_THAT(html, Not(HasSubstr("src=")));
  EXPECT_THAT(html, Not(HasSubstr("url(")));
  EXPECT_THAT(html, Not(HasSubstr("@import")));
  // One style sheet for all figures.
  EXPECT_EQ(html.find("<style>"), html.rfind("<style>"));
}

TEST(Report, TextFromOutsideStaysText) {
  const std::string hostile = "</style></pre><script>alert(\"x\")</script>&'\x1b[2J\xff";
  Report report;
  report.title = report.subtitle = report.footer = hostile;
  report.facts = {{hostile, hostile}};
  report.summary = {hostile, hostile};
  ReportSection section;
  section.title = section.verdict = hostile;
  section.paragraphs = {hostile};
  section.figures = {{small_figure(hostile), hostile, 960, 420}};
  section.figures[0].figure.bands[0].text = hostile;
  section.tables = {{hostile, {hostile, hostile}, {{hostile, hostile, hostile}, {}}}};
  section.code = {{hostile, hostile + "\n\n" + hostile}};
  report.sections = {section, section, section, section};
  const std::string html = html_of(report);
  expect_balanced(html);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("\x1b")));
  EXPECT_THAT(html, Not(HasSubstr("\xff")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(&quot;x&quot;)"));
}

TEST(Report, NumbersAreSetToTheRight) {
  Report report;
  ReportTable table;
  table.heads = {"name", "bytes", "text", "missing"};
  table.rows = {{"1", "12.5 GiB", "3 lists were kept alive here", "-"}, {"2", "-1 KiB", "4", "7"}};
  report.sections.push_back({"Table", {}, {}, {}, false, {table}, {}});
  const std::string html = html_of(report);
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\">1</th><td class=\"number\">12.5 GiB</td>"
                              "<td>3 lists were kept alive here</td><td class=\"number\">-</td>"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"col\" class=\"number\">bytes</th><th scope=\"col\">text</th>"));
}

TEST(Report, AnEmptyReportIsAPage) {
  const std::string html = html_of({});
  expect_balanced(html);
  EXPECT_THAT(html, Not(HasSubstr("In short")));
}

TEST(Report, CodeKeepsItsLines) {
  Report report;
  report.sections.push_back({"Code", {}, {}, {}, false, {}, {{"", "if a < b:\n\n\tc = 1\n\n"}}});
  EXPECT_THAT(html_of(report), HasSubstr("<code>if a &lt; b:\n\n    c = 1</code>"));
}

}  // namespace
}  // namespace isotach::view

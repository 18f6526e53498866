#include "view/overview/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>

#include "base/fd.h"
#include "base/text.h"
#include "view/overview/numbers.h"
#include "view/overview/overview_fixture.h"

namespace isotach::view {
namespace {

using testing::HasSubstr;
using testing::Not;

class ReportTest : public testing::Test {
 protected:
  ReportTest() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
  static void expect_golden(const std::string& name, const std::string& text) {
    const std::string path = std::string(ISOTACH_SOURCE_DIR) + "/tests/golden/overview/" + name;
    if (std::getenv("UPDATE_GOLDEN") != nullptr) {
      ASSERT_TRUE(replace_file(path, text));
    }
    const auto expected = read_file(path);
    ASSERT_TRUE(expected) << path << ": run with UPDATE_GOLDEN=1 to write it";
    EXPECT_EQ(text, *expected) << name;
  }
};

TEST_F(ReportTest, Text) {
  expect_golden("report.txt", report_text(sample_model(), {80, false}));
  expect_golden("report_bare.txt", report_text(bare_model(), {80, false}));
}

TEST_F(ReportTest, Json) {
  expect_golden("report.json", report_json(sample_model()) + '\n');
}

TEST_F(ReportTest, Csv) {
  expect_golden("report.csv", report_csv_head() + report_csv_rows(sample_model()));
}

TEST_F(ReportTest, NothingWrongIsSaid) {
  OverviewModel model = sample_model();
  model.findings.clear();
  EXPECT_THAT(report_text(model, {80, false}), HasSubstr("nothing wrong found"));
  EXPECT_THAT(report_json(model), HasSubstr(R"("verdict":"ok","findings":[])"));
}

TEST_F(ReportTest, LinesFitTheTerminal) {
  for (const int columns : {20, 40, 80, 200}) {
    for (const OverviewModel& model : {sample_model(), bare_model(), hostile_model()}) {
      const std::string text = report_text(model, {columns, false});
      for (const std::string_view line : split(text, '\n'))
        EXPECT_LE(display_width(line), static_cast<std::size_t>(columns)) << line;
    }
  }
}

TEST_F(ReportTest, HostileNamesCannotActOnATerminal) {
  for (const char c : report_text(hostile_model(), {80, false}))
    ASSERT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  EXPECT_THAT(report_json(hostile_model()), Not(HasSubstr("\x1b")));
  EXPECT_THAT(report_csv_rows(hostile_model()), Not(HasSubstr("\x1b")));
}

TEST_F(ReportTest, NotANumberIsNull) {
  OverviewModel model = sample_model();
  model.cpu.all.busy = std::nan("");
  const std::string json = report_json(model);
  EXPECT_THAT(json, HasSubstr("\"busy_ratio\":null"));
  EXPECT_THAT(json, Not(HasSubstr("nan")));
}

TEST_F(ReportTest, NamesOfNumbersAreUniqueWithinAnArea) {
  for (const NumberArea& area : overview_numbers(sample_model())) {
    for (const NumberItem& item : area.items) {
      std::vector<std::string_view> names;
      for (const NamedNumber& number : item.numbers) names.push_back(number.name);
      std::sort(names.begin(), names.end());
      EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end()) << area.key;
    }
  }
}

}  // namespace
}  // namespace isotach::view

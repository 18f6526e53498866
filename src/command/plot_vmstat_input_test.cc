#include "command/plot_vmstat_input.h"

#include <gtest/gtest.h>

#include "record/derive.h"

namespace isotach::command {
namespace {

using Kind = VmstatParser::Kind;
using Column = VmstatColumn;

// As procps-ng 4.0.2 of Debian 12 prints them, on a machine with 24 GiB.
constexpr const char* kNarrow =
    "procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----\n"
    " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st\n"
    " 3  0      0 23177360   7600 1013012    0    0   630   634   81  161  7  2 91  0  0\n"
    " 2  0      0 23177360   7600 1013012    0    0    16  2276  427  226 47 12 41  0  0\n";
constexpr const char* kWide =
    "--procs-- -----------------------memory---------------------- ---swap-- -----io---- -system-- "
    "----------cpu----------\n"
    "   r    b         swpd         free         buff        cache   si   so    bi    bo   in   cs  us  sy  "
    "id  wa  st  gu\n"
    "   4    0            0     23241168         7600      1010540    0    0   630   634   81  161   7   2  "
    "91   0   0   0\n";
constexpr const char* kActiveTime =
    "--procs-- -----------------------memory---------------------- ---swap-- -----io---- -system-- "
    "----------cpu---------- -----timestamp-----\n"
    "   r    b         swpd         free        inact       active   si   so    bi    bo   in   cs  us  sy  "
    "id  wa  st  gu                 UTC\n"
    "   2    0            0        22755          351          546    0    0   629   634   81  160   7   2  "
    "91   0   0   0 2026-11-23 02:08:23\n"
    "   3    0            0        22755          351          546    0    0     0     0   76  138   1   0 "
    "100   0   0   0 2026-11-23 02:08:24\n";
// 4.0.6 prints gu in the narrow mode too.
constexpr const char* kNewNarrow =
    "procs -----------memory---------- ---swap-- -----io---- -system-- -------cpu-------\n"
    " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st gu\n"
    " 1  0    512 123456   7600  99999    1    2     3     4    5    6  7  8 85  0  0  0\n";

std::vector<VmstatRow> rows_of(VmstatParser& parser, std::string_view text) {
  std::vector<VmstatRow> rows;
  LineSplitter lines;
  const auto take = [&](std::string_view line) {
    if (parser.line(line) == Kind::row) rows.push_back(parser.row());
  };
  lines.feed(text, take);
  lines.finish(take);
  return rows;
}

TEST(VmstatInput, ReadsNarrowRows) {
  VmstatParser parser;
  const auto rows = rows_of(parser, kNarrow);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1][Column::free], 23177360u);
  EXPECT_EQ(rows[1][Column::buff], 7600u);
  EXPECT_EQ(rows[1][Column::bo], 2276u);
  EXPECT_EQ(rows[1][Column::st], 0u);
  EXPECT_FALSE(rows[1][Column::gu]);
  EXPECT_FALSE(rows[1][Column::active]);
  EXPECT_EQ(parser.unknown_lines(), 0u);
}

TEST(VmstatInput, ReadsWideRowsAndTheNewColumns) {
  VmstatParser wide, fresh;
  EXPECT_EQ(rows_of(wide, kWide).at(0)[Column::gu], 0u);
  const auto rows = rows_of(fresh, kNewNarrow);
  EXPECT_EQ(rows.at(0)[Column::swpd], 512u);
  EXPECT_EQ(rows.at(0)[Column::id], 85u);
  EXPECT_EQ(rows.at(0)[Column::gu], 0u);
}

TEST(VmstatInput, ReadsActiveMemoryAndTimestamps) {
  VmstatParser parser;
  const auto rows = rows_of(parser, kActiveTime);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0][Column::inact], 351u);
  EXPECT_EQ(rows[0][Column::active], 546u);
  EXPECT_FALSE(rows[0][Column::buff]);
  // date -u -d "2026-11-23 02:08:23" +%s
  EXPECT_EQ(rows[0].wall_ns, 1795399703LL * kNanosecondsPerSecond);
  EXPECT_EQ(*rows[1].wall_ns - *rows[0].wall_ns, kNanosecondsPerSecond);
}

TEST(VmstatInput, FollowsHeadersThatRepeatAndChange) {
  VmstatParser parser;
  const auto rows = rows_of(parser, std::string(kNarrow) + kActiveTime + "\n" + kNarrow);
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(rows[3][Column::active], 546u);
  EXPECT_EQ(rows[5][Column::buff], 7600u);
  EXPECT_EQ(parser.unknown_lines(), 0u);
}

TEST(VmstatInput, KnowsTheUsualColumnsWithoutAHeader) {
  VmstatParser parser;
  const auto rows = rows_of(
      parser, " 3  0      0 23177360   7600 1013012    0    0   630   634   81  161  7  2 91  0  0\n");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0][Column::free], 23177360u);
}

TEST(VmstatInput, CountsWhatItDoesNotUnderstand) {
  VmstatParser parser;
  const std::string hostile =
      std::string(kNarrow) +
      "free -1 nan 1e99\n"
      " 1  0      0 99999999999999999999   7600 1013012    0    0   630   634   81  161  7  2 91  0  0\n"
      " 1  0      0 5   7600\n"
      " 1  0 -5 23177360   7600 1013012    0    0   630   634   81  161  7  2 91  0  0\n"
      "r r r r free free\n"
      "\x1b[2J\x01\xff\xfe binary\n";
  EXPECT_EQ(rows_of(parser, hostile).size(), 2u);
  EXPECT_EQ(parser.unknown_lines(), 6u);
  EXPECT_EQ(parser.first_unknown(), "free -1 nan 1e99");
}

TEST(VmstatInput, BoundsLines) {
  VmstatParser parser;
  LineSplitter lines;
  int count = 0;
  std::size_t longest = 0;
  const auto take = [&](std::string_view line) {
    ++count;
    longest = std::max(longest, line.size());
    parser.line(line);
  };
  const std::string piece(1 << 20, '7');
  for (int i = 0; i < 20; ++i) lines.feed(piece, take);
  lines.feed("\n", take);
  lines.finish(take);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(longest, LineSplitter::kLineLimit);
  EXPECT_EQ(parser.unknown_lines(), 1u);
}

TEST(VmstatInput, LinesMayComeInPieces) {
  VmstatParser whole, pieces;
  const auto expected = rows_of(whole, kWide);
  LineSplitter lines;
  std::vector<VmstatRow> rows;
  for (const char c : std::string_view(kWide))
    lines.feed({&c, 1}, [&](std::string_view line) {
      if (pieces.line(line) == Kind::row) rows.push_back(pieces.row());
    });
  ASSERT_EQ(rows.size(), expected.size());
  EXPECT_EQ(rows[0].values, expected[0].values);
}

TEST(VmstatInput, AbsurdTimesAreNoTimes) {
  for (const char* time :
       {"0000-00-00 00:00:00", "2026-13-01 00:00:00", "2026-11-23 24:00:00", "9999-01-01 00:00:00"}) {
    VmstatParser parser;
    rows_of(parser, kActiveTime);
    const std::string line = std::string(
                                 "   3    0            0        22755          351          546    0    0    "
                                 " 0     0   76  138   1   0 100   0   0   0 ") +
                             time;
    EXPECT_EQ(parser.line(line), Kind::unknown) << time;
  }
}

double shown(const record::SeriesTable& table, const record::Sample& sample, std::string_view key) {
  const auto id = table.find(key);
  if (!id || sample.find(*id) == nullptr) return -1;
  return record::derive(table.at(*id).metric, nullptr, *sample.find(*id), 0).value_or(-2);
}

TEST(VmstatSeries, ScalesByTheUnitAndComputesUsedMemory) {
  VmstatParser parser;
  const VmstatRow row = rows_of(parser, kNarrow).at(1);
  record::SeriesTable table;
  VmstatSeries series(table, 1024, std::uint64_t{24684096} * 1024);
  record::Sample sample;
  series.put(row, false, sample);
  EXPECT_DOUBLE_EQ(shown(table, sample, "memory_free_bytes"), 23177360.0 * 1024);
  EXPECT_DOUBLE_EQ(shown(table, sample, "memory_used_bytes"),
                   (24684096.0 - 23177360 - 7600 - 1013012) * 1024);
  EXPECT_DOUBLE_EQ(shown(table, sample, "paging_out_bytes"), 2276.0 * 1024);
  EXPECT_DOUBLE_EQ(shown(table, sample, "cpu_user_ratio"), 0.47);
  // -S m scales memory and swap, never bi and bo.
  record::SeriesTable other;
  VmstatSeries megabytes(other, 1e6, std::nullopt);
  record::Sample scaled;
  megabytes.put(row, false, scaled);
  EXPECT_DOUBLE_EQ(shown(other, scaled, "memory_free_bytes"), 23177360.0 * 1e6);
  EXPECT_DOUBLE_EQ(shown(other, scaled, "paging_out_bytes"), 2276.0 * 1024);
  EXPECT_FALSE(other.find("memory_used_bytes"));
}

TEST(VmstatSeries, TheFirstRowHasNoRates) {
  VmstatParser parser;
  const auto rows = rows_of(parser, kNarrow);
  record::SeriesTable table;
  VmstatSeries series(table, 1024, std::nullopt);
  record::Sample first;
  series.put(rows[0], true, first);
  EXPECT_EQ(shown(table, first, "cpu_user_ratio"), -2);
  EXPECT_GT(shown(table, first, "memory_free_bytes"), 0);
}

TEST(VmstatSeries, AnotherMachinesMemoryGivesNoUsedMemory) {
  VmstatParser parser;
  const auto rows = rows_of(parser, kNarrow);
  record::SeriesTable table;
  VmstatSeries series(table, 1024, std::uint64_t{1} << 30);
  record::Sample sample;
  series.put(rows[0], true, sample);
  EXPECT_EQ(series.rows_beyond_total(), 1u);
  EXPECT_FALSE(table.find("memory_used_bytes"));
}

TEST(VmstatSeries, NoticesMemoryThatStandsStill) {
  VmstatParser parser;
  const auto rows = rows_of(parser, kNarrow);
  record::SeriesTable table;
  VmstatSeries series(table, 1024, std::nullopt);
  record::Sample sample;
  for (int i = 0; i < 20; ++i) series.put(rows[0], false, sample);
  EXPECT_FALSE(series.looks_frozen());
  series.put(rows[0], false, sample);
  EXPECT_TRUE(series.looks_frozen());
}

}  // namespace
}  // namespace isotach::command

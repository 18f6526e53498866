#include "kernel/ksm_trace.h"

#include <gtest/gtest.h>

namespace isotach::kernel {
namespace {

constexpr std::string_view kStart =
    "            ksmd-37      [000] .....  2267.330287: ksm_start_scan: seq 0 rmap size 0";
constexpr std::string_view kMerge =
    "            ksmd-37      [000] .....  2267.850339: ksm_merge_with_ksm_page: ksm pfn 6290 rmap_item "
    "0000000092ed5f9c mm 00000000f0ac1b3d error 0";

TEST(KsmTrace, ReadsTheKernelsLines) {
  const auto start = parse_ksm_event(kStart);
  ASSERT_TRUE(start);
  EXPECT_EQ(start->kind, KsmEventKind::scan_started);
  EXPECT_EQ(start->monotonic_ns, 2'267'330'287'000);
  EXPECT_EQ(parse_ksm_event(kMerge)->kind, KsmEventKind::merged);
  std::string failed(kMerge);
  failed.back() = '1';
  EXPECT_EQ(parse_ksm_event(failed)->kind, KsmEventKind::merge_failed);
  EXPECT_EQ(parse_ksm_event("x-1 [000] ..... 1.000001: ksm_stop_scan: seq 1 rmap size 2")->kind,
            KsmEventKind::scan_ended);
}

TEST(KsmTrace, OtherLinesAreNoEvents) {
  for (const char* line : {"", "# tracer: nop", ": ksm_", ": ksm_start_scan:", "x: ksm_start_scan: a",
                           "x 1.5.5: ksm_start_scan: a", "x 99999999999999999999.1: ksm_start_scan: a",
                           "x 1.1: ksm_enter: mm 1", "x 1.1: sched_switch: ksm", "x -1.1: ksm_stop_scan: a"})
    EXPECT_FALSE(parse_ksm_event(line)) << line;
  EXPECT_EQ(parse_lost_events("CPU:1 [LOST 321 EVENTS]"), 321U);
  EXPECT_FALSE(parse_lost_events("CPU:1 [LOST EVENTS]"));
}

TEST(KsmTrace, PiecesMayEndAnywhere) {
  std::string text = std::string(kStart) + '\n' + std::string(kMerge) + "\nCPU:0 [LOST 5 EVENTS]\n" +
                     "y [0] 2268.5: ksm_merge_one_page: pfn 1 error 0\n" + std::string(9000, 'x') + '\n' +
                     "y [0] 2267.9: ksm_merge_one_page: pfn 1 error -16\n" +
                     "y [0] 2269.5: ksm_stop_scan: seq 1\n";
  for (const std::size_t size : {text.size(), std::size_t{1}, std::size_t{7}}) {
    KsmTraceLog log;
    for (std::size_t at = 0; at < text.size(); at += size) log.feed(std::string_view(text).substr(at, size));
    EXPECT_EQ(log.merged(), 2U);
    EXPECT_EQ(log.failed(), 1U);
    EXPECT_EQ(log.lost(), 5U);
    EXPECT_EQ(log.first_merge_ns(), 2'267'850'339'000);
    EXPECT_EQ(log.last_merge_ns(), 2'268'500'000'000);
    EXPECT_EQ(log.scans_ended_ns(), std::vector<std::int64_t>{2'269'500'000'000});
  }
}

}  // namespace
}  // namespace isotach::kernel

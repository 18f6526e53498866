// Recordings: parsed in pieces of every size, damaged in every byte, packed, chosen from, summed up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "instrument/filter.h"
#include "instrument/summary.h"
#include "instrument/trace_file.h"
#include "instrument/trace_fixture.h"
#include "instrument/trace_parser.h"

namespace isotach::instrument {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Listener final : public TraceSink {
 public:
  void executed(const TraceProgram&, std::uint32_t thread, std::uint32_t first, std::uint32_t count,
                std::int64_t time_ns) override {
    lines.push_back("x " + std::to_string(thread) + " " + std::to_string(first) + "+" +
                    std::to_string(count) + " @" + std::to_string(time_ns));
  }
  void access(const TraceProgram&, const TraceAccess& access) override {
    lines.push_back(std::string(access.written ? "w " : "r ") + std::to_string(access.instruction) + " " +
                    std::to_string(access.address) + " " + std::string(access.written ? access.before : "") +
                    ">" + std::string(access.value) + (access.readable ? "" : "?") + " @" +
                    std::to_string(access.time_ns));
  }
  std::vector<std::string> lines;
};

std::vector<std::string> parse_in_pieces(const std::string& bytes, std::size_t piece) {
  Listener listener;
  TraceParser parser(listener);
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    EXPECT_TRUE(parser.feed(std::string_view(bytes).substr(at, piece)));
  EXPECT_TRUE(parser.finish());
  EXPECT_EQ(parser.bytes(), bytes.size());
  return listener.lines;
}

TEST(TraceParser, GivesEventsInOrderWithTheirTimes) {
  const std::string bytes = little_trace().bytes();
  const auto lines = parse_in_pieces(bytes, bytes.size());
  EXPECT_THAT(lines, ElementsAre("x 0 1+1 @0", "r 1 140720308490232 >abcdefgh @250000", "x 0 2+2 @500000",
                                 "w 2 6291456 " + std::string(8, '\0') + ">abcdefgh @750000",
                                 "r 3 6295548 >12345678 @3000000", "r 3 16 >? @3500000"));
  for (const std::size_t piece : {1u, 7u, 31u, 100u}) EXPECT_EQ(parse_in_pieces(bytes, piece), lines);
}

TEST(TraceParser, KnowsTheProgram) {
  Listener listener;
  TraceParser parser(listener);
  ASSERT_TRUE(parser.feed(little_trace().bytes()));
  const TraceProgram& program = parser.program();
  EXPECT_THAT(program.head.command, ElementsAre("ls", "-l"));
  EXPECT_EQ(program.head.pid, 4711u);
  EXPECT_EQ(program.image_name(2), "libc.so.6");
  EXPECT_EQ(program.routine_name(program.instructions[1]), "main");
  EXPECT_EQ(program.routine_name(program.instructions[3]), ".text");
  ASSERT_EQ(program.instructions[1].operands.size(), 1u);
  EXPECT_TRUE(program.end.seen);
  EXPECT_EQ(program.end.not_recorded, 3u);
  ASSERT_EQ(program.threads.size(), 1u);
  EXPECT_EQ(program.threads[0].os_id, 4711u);
}

TEST(TraceParser, SaysWhatIsWrong) {
  const std::string whole = little_trace().bytes();
  const auto message_of = [](const std::string& bytes) {
    Listener listener;
    TraceParser parser(listener);
    const auto fed = parser.feed(bytes);
    if (!fed) return fed.error().message();
    const auto finished = parser.finish();
    return finished ? std::string("good") : finished.error().message();
  };
  EXPECT_EQ(message_of(whole), "good");
  EXPECT_EQ(message_of(""), "the recording is empty");
  EXPECT_EQ(message_of("iso"), "the recording ends in its head");
  EXPECT_THAT(message_of("#!/bin/sh\n"), HasSubstr("no recording of isotach inspect"));
  EXPECT_THAT(message_of(whole.substr(0, whole.size() - 3)), HasSubstr("cut short"));
  std::string later = whole;
  later[8] = 2;
  EXPECT_THAT(message_of(later), HasSubstr("has version 2"));
  // An access of an instruction that was never described.
  TraceFixture unknown;
  unknown.begin_events(0, 0, 1);
  unknown.read(9, 0x10, "x");
  unknown.end_events();
  EXPECT_THAT(message_of(unknown.bytes()), HasSubstr("damaged at byte"));
  // A frame of a kind that this version does not know is skipped.
  TraceFixture newer;
  newer.open_frame(77);
  newer.put<std::uint64_t>(1);
  newer.close_frame(5);
  EXPECT_EQ(message_of(newer.bytes()), "good");
}

TEST(TraceParser, SurvivesDamage) {
  const std::string whole = little_trace().bytes();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char value : {'\0', '\x7f', '\xff'}) {
      std::string damaged = whole;
      damaged[at] = value;
      TraceSummary summary;
      TraceParser parser(summary);
      static_cast<void>(parser.feed(damaged));
      static_cast<void>(summary.touched(parser.program(), 4));
      static_cast<void>(summary.routines(parser.program()));
    }
  }
}

TEST(TraceFile, PackedAndPlainAreTheSame) {
  char folder[] = "/tmp/instrument_test_XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/t";
  std::string bytes;
  for (int i = 0; i < 20000; ++i) bytes += little_trace().bytes();
  for (const bool packed : {false, true}) {
    auto writer = TraceWriter::create(path, packed);
    ASSERT_TRUE(writer);
    for (std::size_t at = 0; at < bytes.size(); at += 70000)
      ASSERT_TRUE((*writer)->write(std::string_view(bytes).substr(at, 70000)));
    ASSERT_TRUE((*writer)->finish());
    if (packed) {
      EXPECT_LT((*writer)->written_bytes(), bytes.size() / 10);
    }
    auto reader = TraceReader::open(path);
    ASSERT_TRUE(reader);
    std::string all, piece;
    for (;;) {
      const auto more = (*reader)->next(piece);
      ASSERT_TRUE(more);
      if (!*more) break;
      all += piece;
    }
    EXPECT_TRUE(all == bytes);
  }
  // One that was cut short says so.
  ASSERT_EQ(truncate(path.c_str(), 100), 0);
  auto reader = TraceReader::open(path);
  ASSERT_TRUE(reader);
  std::string piece;
  Result<bool> more = true;
  while (more && *more) more = (*reader)->next(piece);
  ASSERT_FALSE(more);
  EXPECT_THAT(more.error().message(), HasSubstr("cut short"));
  EXPECT_FALSE(TraceReader::open("/no/such/file"));
  EXPECT_FALSE(TraceWriter::create("/no/such/folder/file", false));
  unlink(path.c_str());
  rmdir(folder);
}

TEST(TraceFilter, ChoosesByCodeAndData) {
  const auto lines_of = [](TraceChoice choice) {
    Listener listener;
    TraceFilter filter(std::move(choice), listener);
    TraceParser parser(filter);
    EXPECT_TRUE(parser.feed(little_trace().bytes()));
    EXPECT_EQ(listener.lines.size() + filter.left_out() >= 6, true);
    return listener.lines.size();
  };
  EXPECT_EQ(lines_of({}), 6u);
  EXPECT_EQ(lines_of({.images = {"ls"}}), 2u);
  EXPECT_EQ(lines_of({.images = {"libc.so"}}), 4u);
  EXPECT_EQ(lines_of({.images = {"nosuch"}}), 0u);
  EXPECT_EQ(lines_of({.images = {"/bin/ls", "libc.so.6"}}), 6u);
  EXPECT_EQ(lines_of({.routines = {"memcpy"}}), 2u);
  EXPECT_EQ(lines_of({.addresses = {{0x601000, 0x601001}}, .instructions = false}), 1u);
  EXPECT_EQ(lines_of({.instructions = false, .reads = false}), 1u);
  EXPECT_EQ(lines_of({.at_most = 3}), 3u);
}

TEST(TraceFilter, ReadsRangesAndNames) {
  const auto range = parse_address_range("0x1000+4Ki");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->low, 0x1000u);
  EXPECT_EQ(range->high, 0x2000u);
  ASSERT_TRUE(parse_address_range("16-0x20"));
  for (const char* const bad : {"", "0x", "5", "9-3", "0x10-", "a-b", "1+", "0xffffffffffffffff+2"})
    EXPECT_FALSE(parse_address_range(bad)) << bad;
  EXPECT_TRUE(is_image_named("/lib/libc.so.6", "libc.so.6"));
  EXPECT_TRUE(is_image_named("/lib/libc.so.6", "libc.so"));
  EXPECT_FALSE(is_image_named("/lib/libc.so.6", "libc"));
  EXPECT_FALSE(is_image_named("/bin/xls", "ls"));
}

TEST(TraceSummary, SumsUpCodeAndData) {
  TraceSummary summary;
  TraceParser parser(summary);
  ASSERT_TRUE(parser.feed(little_trace().bytes()));
  const TraceProgram& program = parser.program();
  EXPECT_EQ(summary.instructions(), 3u);
  EXPECT_EQ(summary.total().reads, 3u);
  EXPECT_EQ(summary.total().read_bytes, 24u);
  EXPECT_EQ(summary.total().written_bytes, 8u);
  EXPECT_EQ(summary.unreadable(), 1u);
  const auto images = summary.images(program);
  ASSERT_EQ(images.size(), 2u);
  EXPECT_EQ(images[0].name, "/lib/libc.so.6");
  EXPECT_EQ(images[0].use.instructions, 2u);
  const auto routines = summary.routines(program);
  ASSERT_EQ(routines.size(), 3u);
  EXPECT_EQ(routines[0].name, ".text");
  const auto regions = summary.regions(program);
  ASSERT_EQ(regions.size(), 2u);
  EXPECT_EQ(regions[0].name, "anonymous memory");
  EXPECT_EQ(regions[0].pages, 3u);
  EXPECT_EQ(regions[1].name, "[stack]");
  // Half of the read at the end of a page belongs to the next one.
  const auto pages = summary.busiest_pages(program, 10);
  ASSERT_EQ(pages.size(), 4u);
  EXPECT_EQ(pages[0].page, 0x600u);
  EXPECT_EQ(pages[0].counts.bytes(), 12u);
  EXPECT_EQ(pages.back().page, 0x601u);
  EXPECT_EQ(pages.back().counts.bytes(), 4u);
  EXPECT_EQ(summary.touched(program, 1).size(), 3u);
  EXPECT_EQ(summary.slices().size(), 4u);
}

TEST(TraceSummary, SlicesGrowWithTheRecording) {
  TraceFixture trace;
  trace.instruction(1, 0, 0, 0x1000, "push rax");
  for (std::int64_t ms = 0; ms < 5000; ms += 5) {
    trace.begin_events(0, ms * 1'000'000, ms * 1'000'000);
    trace.read(1, static_cast<std::uint64_t>(ms) * 4096, "a");
    trace.end_events();
  }
  TraceSummary summary;
  TraceParser parser(summary);
  ASSERT_TRUE(parser.feed(trace.bytes()));
  EXPECT_LE(summary.slices().size(), TraceSummary::kMostSlices);
  EXPECT_EQ(summary.slice_ns(), 64'000'000);
  std::size_t pages = 0;
  for (const TimeSlice& slice : summary.slices()) pages += slice.pages.size();
  EXPECT_EQ(pages, 1000u);
}

}  // namespace
}  // namespace isotach::instrument

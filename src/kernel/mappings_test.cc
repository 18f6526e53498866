#include "kernel/mappings.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace isotach::kernel {
namespace {

constexpr std::string_view kSmaps =
    "558d8ba89000-558d8ba8c000 r--p 00001000 fe:00 248030                     /usr/bin/a b (deleted)\n"
    "Size:                 12 kB\n"
    "KernelPageSize:        4 kB\n"
    "MMUPageSize:           4 kB\n"
    "Rss:                  12 kB\n"
    "Pss:                   6 kB\n"
    "Pss_Dirty:             5 kB\n"
    "Anonymous:             8 kB\n"
    "KSM:                   4 kB\n"
    "Swap:                 16 kB\n"
    "SwapPss:              15 kB\n"
    "Locked:                0 kB\n"
    "THPeligible:           0\n"
    "VmFlags: rd mr mw me mg sd xx \n"
    "7ffd0000-7ffe0000 rw-s 00000000 00:00 0 \n"
    "Size:                 64 kB\n"
    "VmFlags: rd wr sh ms um\n";

std::vector<Mapping> parse(std::string_view text, std::size_t piece_size = 1u << 20) {
  MappingParser parser;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, piece_size);
    parser.feed(piece);
    text.remove_prefix(piece.size());
  }
  return parser.take();
}

TEST(Mappings, ReadsSmapsHoweverItIsCut) {
  for (const std::size_t piece_size : {1, 2, 7, 64, 100000}) {
    const auto mappings = parse(kSmaps, piece_size);
    ASSERT_EQ(mappings.size(), 2u) << piece_size;
    const Mapping& first = mappings[0];
    EXPECT_EQ(first.start, 0x558d8ba89000u);
    EXPECT_EQ(first.end, 0x558d8ba8c000u);
    EXPECT_TRUE(first.readable);
    EXPECT_FALSE(first.writable);
    EXPECT_FALSE(first.shared);
    EXPECT_EQ(first.offset_bytes, 0x1000u);
    EXPECT_EQ(first.inode, 248030u);
    EXPECT_EQ(first.name, "/usr/bin/a b (deleted)");
    EXPECT_TRUE(first.flags_known);
    EXPECT_TRUE(first.has(MappingFlag::mergeable));
    EXPECT_TRUE(first.has(MappingFlag::soft_dirty));
    EXPECT_FALSE(first.has(MappingFlag::shared));
    EXPECT_EQ(first[MappingField::page_size], Value::of(4));
    EXPECT_EQ(first[MappingField::resident], Value::of(12));
    EXPECT_EQ(first[MappingField::proportional], Value::of(6));
    EXPECT_EQ(first[MappingField::anonymous], Value::of(8));
    EXPECT_EQ(first[MappingField::ksm], Value::of(4));
    EXPECT_EQ(first[MappingField::swap], Value::of(16));
    EXPECT_EQ(first[MappingField::proportional_swap], Value::of(15));
    // This kernel does not say it: missing, not 0.
    EXPECT_TRUE(first[MappingField::lazily_free].is_missing());
    EXPECT_TRUE(mappings[1].shared);
    EXPECT_TRUE(mappings[1].name.empty());
    EXPECT_TRUE(mappings[1].has(MappingFlag::shared));
    EXPECT_TRUE(mappings[1].has(MappingFlag::may_share));
    EXPECT_TRUE(mappings[1].has(MappingFlag::userfault_missing));
  }
}

TEST(Mappings, ReadsMapsWithoutFlags) {
  const auto mappings = parse("1000-2000 ---p 00000000 00:00 0 [heap]\n2000-3000 r-xp 00000000 00:00 0");
  ASSERT_EQ(mappings.size(), 2u);
  EXPECT_EQ(mappings[0].name, "[heap]");
  EXPECT_FALSE(mappings[0].flags_known);
  EXPECT_FALSE(mappings[0].readable);
  EXPECT_TRUE(mappings[1].executable);
  EXPECT_TRUE(mappings[0][MappingField::resident].is_missing());
}

TEST(Mappings, LeavesOutWhatItCannotUnderstand) {
  EXPECT_TRUE(parse("").empty());
  EXPECT_TRUE(parse("\n\n\n").empty());
  EXPECT_TRUE(parse("Rss: 4 kB\nVmFlags: mg\n").empty());
  EXPECT_TRUE(parse("2000-1000 rw-p 00000000 00:00 0\n").empty());
  EXPECT_TRUE(parse("1000-1000 rw-p 00000000 00:00 0\n").empty());
  EXPECT_TRUE(parse("10000000000000000-20000000000000000 rw-p 0 00:00 0\n").empty());
  EXPECT_TRUE(parse("1000-2000 rw-p zz 00:00 0\n1000-2000 rw 0 00:00 0\n1000-2000\n").empty());
  // Fields of a head that was left out belong to no mapping.
  const auto mappings = parse("1000-2000 rw-p 0 00:00 0 a\nbad head\nRss: 4 kB\nRss: x kB\n");
  ASSERT_EQ(mappings.size(), 1u);
  EXPECT_TRUE(mappings[0][MappingField::resident].is_missing());
}

TEST(Mappings, SaysWhatIsMalformed) {
  const auto mappings = parse("1000-2000 rw-p 0 00:00 0 a\nRss: x kB\nPss: 99999999999999999999 kB\n");
  ASSERT_EQ(mappings.size(), 1u);
  EXPECT_EQ(mappings[0][MappingField::resident], Value(Missing::malformed));
  EXPECT_EQ(mappings[0][MappingField::proportional], Value(Missing::malformed));
}

TEST(Mappings, CutsALineWithoutEnd) {
  std::string text = "1000-2000 rw-p 00000000 00:00 7 /";
  text.append(1u << 20, 'x');
  text += "\n2000-3000 rw-p 00000000 00:00 0\n";
  for (const std::size_t piece_size : {std::size_t{4096}, text.size()}) {
    const auto mappings = parse(text, piece_size);
    ASSERT_EQ(mappings.size(), 2u);
    EXPECT_LE(mappings[0].name.size(), 8192u);
    EXPECT_EQ(mappings[1].start, 0x2000u);
  }
}

TEST(Mappings, FindsAMappingOfThisProcess) {
  constexpr std::size_t kBytes = 3 * 65536;
  void* const at = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(at, MAP_FAILED);
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  for (const MappingDetail detail : {MappingDetail::ranges, MappingDetail::full}) {
    const auto mappings = read_mappings(SystemRoot(), static_cast<unsigned>(::getpid()), detail);
    ASSERT_TRUE(mappings) << mappings.error().message();
    const auto found = std::find_if(mappings->begin(), mappings->end(), [&](const Mapping& mapping) {
      return mapping.start <= address && address < mapping.end;
    });
    ASSERT_NE(found, mappings->end());
    EXPECT_TRUE(found->shared);
    EXPECT_GE(found->size_bytes(), kBytes);
    EXPECT_TRUE(found->writable);
  }
  ::munmap(at, kBytes);
}

TEST(Mappings, SaysThatAProcessIsGone) {
  const auto mappings = read_mappings(SystemRoot("/nonexistent"), 1, MappingDetail::full);
  ASSERT_FALSE(mappings);
  EXPECT_EQ(mappings.error().errno_value, ENOENT);
}

}  // namespace
}  // namespace isotach::kernel

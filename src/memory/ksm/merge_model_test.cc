#include "memory/ksm/merge_model.h"

#include <gtest/gtest.h>

#include <numeric>

namespace isotach::memory {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kZero = 7;  // the hash of zeros in these tests

std::vector<PageRecord> copies(std::uint64_t hash, std::uint32_t owner, std::size_t count,
                               std::uint32_t frame = 0) {
  return std::vector<PageRecord>(count, PageRecord{hash, owner, frame});
}

void append(std::vector<PageRecord>& records, const std::vector<PageRecord>& more) {
  records.insert(records.end(), more.begin(), more.end());
}

std::vector<std::uint32_t> each_alone(std::size_t owners) {
  std::vector<std::uint32_t> groups(owners);
  std::iota(groups.begin(), groups.end(), 0u);
  return groups;
}

MergeResult result_of(std::vector<PageRecord> records, MergeWhatIf what_if = {}) {
  const ContentGroups groups(records, kZero);
  return merge_result(groups.summary(), what_if, kPage);
}

TEST(MergeModel, EqualPagesFillFramesToTheLimit) {
  // As measured: 131072 equal pages gave 512 shared and 130560 sharing.
  const MergeResult result = result_of(copies(1, 0, 131072));
  EXPECT_EQ(result.pages_shared, 512u);
  EXPECT_EQ(result.pages_sharing, 130560u);
  EXPECT_EQ(result.pages_unshared, 0u);
  EXPECT_EQ(result.freed_frames, 130560u);
  EXPECT_EQ(result.general_profit_bytes, 130560 * 4096ll - 131072 * 64ll);
  EXPECT_EQ(result.net_bytes, result.general_profit_bytes);
}

TEST(MergeModel, OnePlaceLeftOverStaysUnmerged) {
  EXPECT_EQ(frames_after(257, 256), 2u);
  const MergeResult result = result_of(copies(1, 0, 257));
  EXPECT_EQ(result.pages_shared, 1u);
  EXPECT_EQ(result.pages_sharing, 255u);
  EXPECT_EQ(result.pages_unshared, 1u);
  const MergeResult pairs = result_of(copies(1, 0, 5), {2, false});
  EXPECT_EQ(pairs.pages_shared, 2u);
  EXPECT_EQ(pairs.pages_sharing, 2u);
  EXPECT_EQ(pairs.pages_unshared, 1u);
}

TEST(MergeModel, UniquePagesCostMemory) {
  std::vector<PageRecord> records;
  for (std::uint64_t i = 0; i < 1000; ++i) records.push_back({100 + i, 0, 0});
  const MergeResult result = result_of(records);
  EXPECT_EQ(result.pages_sharing, 0u);
  EXPECT_EQ(result.pages_unshared, 1000u);
  EXPECT_EQ(result.net_bytes, -64000);
}

TEST(MergeModel, ZerosGoToTheZeroPageWhenAsked) {
  const MergeResult without = result_of(copies(kZero, 0, 512));
  EXPECT_EQ(without.pages_shared, 2u);
  EXPECT_EQ(without.pages_sharing, 510u);
  EXPECT_EQ(without.zero_pages, 0u);
  const MergeResult with = result_of(copies(kZero, 0, 512), {256, true});
  EXPECT_EQ(with.pages_shared, 0u);
  EXPECT_EQ(with.pages_sharing, 0u);
  EXPECT_EQ(with.zero_pages, 512u);
  EXPECT_EQ(with.freed_frames, 512u);
  // No record is kept of them.
  EXPECT_EQ(with.general_profit_bytes, 512 * 4096);
  EXPECT_EQ(result_of(copies(kZero, 0, 1), {256, true}).zero_pages, 1u);
}

TEST(MergeModel, WhatForkSharesIsLeftAlone) {
  // 10 frames, each in three processes, all contents different.
  std::vector<PageRecord> records;
  for (std::uint32_t page = 0; page < 10; ++page)
    for (std::uint32_t owner = 0; owner < 3; ++owner) records.push_back({100 + page, owner, page + 1});
  const MergeResult result = result_of(records);
  EXPECT_EQ(result.pages_sharing, 0u);
  EXPECT_EQ(result.freed_frames, 0u);
  EXPECT_EQ(result.pages_unshared, 30u);
}

TEST(MergeModel, WhatForkSharesMergesPlaceByPlaceWithACopyElsewhere) {
  std::vector<PageRecord> records = copies(1, 0, 1, 5);
  append(records, copies(1, 1, 1, 5));
  append(records, copies(1, 2, 1));
  const MergeResult result = result_of(records);
  EXPECT_EQ(result.pages_shared, 1u);
  EXPECT_EQ(result.pages_sharing, 2u);  // the kernel counts places
  EXPECT_EQ(result.freed_frames, 1u);   // of two frames one is left
}

TEST(MergeModel, WhatIsMergedAlreadyFreesNothingMore) {
  // 300 places: 256 and 44 on two frames.
  std::vector<PageRecord> records = copies(1, 0, 256, 11);
  append(records, copies(1, 0, 44, 12));
  const MergeResult result = result_of(records);
  EXPECT_EQ(result.pages_shared, 2u);
  EXPECT_EQ(result.pages_sharing, 298u);
  EXPECT_EQ(result.freed_frames, 0u);
}

TEST(MergeModel, WhatIsMergedToOneFrameStaysMerged) {
  // Twice in one process: that was not fork().
  const MergeResult twice = result_of(copies(1, 0, 8, 5));
  EXPECT_EQ(twice.pages_shared, 1u);
  EXPECT_EQ(twice.pages_sharing, 7u);
  EXPECT_EQ(twice.freed_frames, 0u);
  // In two processes it is known by its flag only.
  std::vector<PageRecord> records = copies(1, 0, 1, 5 | kMergedFrame);
  append(records, copies(1, 1, 1, 5 | kMergedFrame));
  EXPECT_EQ(result_of(records).pages_sharing, 1u);
  for (PageRecord& record : records) record.frame = 5;
  EXPECT_EQ(result_of(records).pages_sharing, 0u);
}

TEST(MergeModel, SharesAddUpToTheWhole) {
  std::vector<PageRecord> records = copies(1, 0, 30);
  append(records, copies(1, 1, 10));
  append(records, copies(2, 1, 1));
  append(records, copies(kZero, 2, 4));
  const ContentGroups groups(records, kZero);
  const MergeWhatIf what_if;
  const auto shares = groups.shares(each_alone(3), 3, what_if);
  ASSERT_EQ(shares.size(), 3u);
  EXPECT_EQ(shares[0].places, 30u);
  EXPECT_EQ(shares[0].merged_places, 30u);
  EXPECT_EQ(shares[1].places, 11u);
  EXPECT_EQ(shares[1].merged_places, 10u);
  EXPECT_EQ(shares[2].zero_places, 4u);
  EXPECT_NEAR(shares[0].freed_frames, 39 * 0.75, 1e-9);
  EXPECT_NEAR(shares[1].freed_frames, 39 * 0.25, 1e-9);
  const double sum = shares[0].freed_frames + shares[1].freed_frames + shares[2].freed_frames;
  EXPECT_NEAR(sum, static_cast<double>(merge_result(groups.summary(), what_if, kPage).freed_frames), 1e-9);
  // Processes 0 and 1 as one group.
  const std::vector<std::uint32_t> together = {0, 0, 1};
  const auto grouped = groups.shares(together, 2, what_if);
  EXPECT_EQ(grouped[0].merged_places, 40u);
}

TEST(MergeModel, ThePlaceLeftOverIsNotMergedInItsProcess) {
  std::vector<PageRecord> records = copies(1, 0, 9);
  const ContentGroups groups(records, kZero);
  EXPECT_EQ(groups.shares(each_alone(1), 1, {4, false})[0].merged_places, 8u);
}

TEST(MergeModel, CrossMatrixAddsUpToMergingTwoTogether) {
  // Owner 0: a a b c; owner 1: a b b d; owner 2: e.
  std::vector<PageRecord> records = copies(1, 0, 2);
  append(records, copies(2, 0, 1));
  append(records, copies(3, 0, 1));
  append(records, copies(1, 1, 1));
  append(records, copies(2, 1, 2));
  append(records, copies(4, 1, 1));
  append(records, copies(5, 2, 1));
  const ContentGroups groups(records, kZero);
  const CrossMatrix matrix = groups.cross(each_alone(3), {1, 0, 2});
  EXPECT_EQ(matrix.at(0, 0), 1u);  // b twice
  EXPECT_EQ(matrix.at(1, 1), 1u);  // a twice
  EXPECT_EQ(matrix.at(0, 1), 2u);  // a and b
  EXPECT_EQ(matrix.at(1, 0), 2u);
  EXPECT_EQ(matrix.at(2, 2), 0u);
  EXPECT_EQ(matrix.at(0, 2), 0u);
  // 8 pages of 4 contents: merging both together frees 4.
  EXPECT_EQ(merge_result(groups.summary(), {}, kPage).freed_frames,
            matrix.at(0, 0) + matrix.at(1, 1) + matrix.at(0, 1));
}

TEST(MergeModel, NothingIsNothing) {
  const MergeResult result = result_of({});
  EXPECT_EQ(result.net_bytes, 0);
  EXPECT_EQ(result.pages_unshared, 0u);
}

}  // namespace
}  // namespace isotach::memory

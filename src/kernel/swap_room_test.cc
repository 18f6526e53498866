#include "kernel/swap_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isotach::kernel {
namespace {

constexpr std::uint64_t kMi = std::uint64_t{1} << 20;

MemoryGroup group(std::uint64_t limit, std::uint64_t usage, std::uint64_t file, std::uint64_t swap) {
  MemoryGroup made;
  made.path = "/db";
  made.limit_bytes = limit;
  made.usage_bytes = Value::of(usage);
  made.file_bytes = Value::of(file);
  made.swap_bytes = Value::of(swap);
  return made;
}

TEST(SwapRoom, RefusesWhereAGroupWouldOverflow) {
  SwapRoom room{160 * kMi, 0, 8192 * kMi, {group(256 * kMi, 250 * kMi, 0, 150 * kMi)}};
  const auto refused = why_not_switch_off("/swapfile", room);
  ASSERT_TRUE(refused);
  EXPECT_THAT(refused->message(), testing::HasSubstr("control group /db"));
  // Just as much as fits.
  room.groups = {group(400 * kMi, 250 * kMi, 0, 150 * kMi)};
  EXPECT_FALSE(why_not_switch_off("/swapfile", room));
  // Page cache goes first.
  room.groups = {group(256 * kMi, 250 * kMi, 150 * kMi, 150 * kMi)};
  EXPECT_FALSE(why_not_switch_off("/swapfile", room));
}

TEST(SwapRoom, RefusesWhereTheMachineHasNoRoom) {
  SwapRoom room{1024 * kMi, 0, 1023 * kMi, {}};
  EXPECT_TRUE(why_not_switch_off("/swapfile", room));
  room.available_bytes = 1024 * kMi;
  EXPECT_FALSE(why_not_switch_off("/swapfile", room));
  room.available_bytes = std::nullopt;
  EXPECT_FALSE(why_not_switch_off("/swapfile", room)) << "nothing speaks against it";
}

TEST(SwapRoom, WhatFitsIntoAnotherAreaDoesNoHarm) {
  const SwapRoom room{160 * kMi, 160 * kMi, kMi, {group(256 * kMi, 256 * kMi, 0, 160 * kMi)}};
  EXPECT_FALSE(why_not_switch_off("/swapfile", room));
}

TEST(SwapRoom, AGroupWithoutNumbersIsNoReason) {
  MemoryGroup unknown;
  unknown.path = "/x";
  unknown.limit_bytes = 1;
  EXPECT_FALSE(why_not_switch_off("/swapfile", {kMi, 0, std::nullopt, {unknown}}));
}

}  // namespace
}  // namespace isotach::kernel

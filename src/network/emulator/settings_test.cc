#include "network/emulator/settings.h"

#include <gtest/gtest.h>

namespace isotach::emulator {
namespace {

TEST(LinkSettings, WordsChangeTheLinkAndDirectionThatTheyName) {
  PathSettings path(3);
  ASSERT_TRUE(apply_words(path, "2 ab rate=2.5gbit delay=10ms loss=0.1%"));
  EXPECT_EQ(path[1].ways[kAToB].rate_bps, 2.5e9);
  EXPECT_EQ(path[1].ways[kAToB].delay_ns, 10e6);
  EXPECT_DOUBLE_EQ(path[1].ways[kAToB].loss, 0.001);
  EXPECT_EQ(path[1].ways[kBToA].rate_bps, 0);
  EXPECT_EQ(path[0].ways[kAToB].rate_bps, 0);
  ASSERT_TRUE(apply_words(path, "all both queue=50ms"));
  for (const LinkSettings& link : path)
    for (const WaySettings& way : link.ways) EXPECT_EQ(way.queue_ns, 50e6);
}

TEST(LinkSettings, EveryKindOfValueIsUnderstood) {
  PathSettings path(1);
  ASSERT_TRUE(apply_words(
      path,
      "1 both jitter=250us order=free queue=100p overhead=38 mtu=1400 blackhole=on lose-every=7 "
      "bursts=1%,20% reorder=2% reorder-by=5ms duplicate=0.5 police=50mbit police-burst=64k mark=5ms "
      "bleach=both cross-rate=60mbit cross-size=mixed cross-burst=20ms half-duplex=on"));
  const WaySettings& way = path[0].ways[kBToA];
  EXPECT_EQ(way.queue_bytes, 150000);
  EXPECT_EQ(way.burst_enter, 0.01);
  EXPECT_EQ(way.burst_leave, 0.2);
  EXPECT_EQ(way.police_bytes, 64000);
  EXPECT_EQ(way.cross.model, CrossModel::poisson);
  EXPECT_EQ(way.cross.size_bytes, 0);
  EXPECT_TRUE(way.black_hole);
  EXPECT_FALSE(way.keeps_order);
  EXPECT_TRUE(path[0].half_duplex);
  ASSERT_TRUE(apply_words(path, "1 both queue=5000"));
  EXPECT_EQ(path[0].ways[0].queue_bytes, 5000);
}

TEST(LinkSettings, WhatIsNotUnderstoodChangesNothing) {
  PathSettings path(2);
  for (const char* words : {"", "1 ab", "3 ab loss=1%", "0 ab loss=1%", "1 up loss=1%", "1 ab los=1%",
                            "1 ab loss", "1 ab loss=101%", "1 ab loss=-1", "1 ab rate=fast", "1 ab rate=nan",
                            "1 ab delay=10", "1 ab mtu=10", "1 ab rate=1mbit loss=x", "1 ab cross=tcp",
                            "1 ab cross-size=1", "1 ab bursts=1%", "1 ab queue=9999999999p"}) {
    EXPECT_FALSE(apply_words(path, words)) << words;
    EXPECT_EQ(path[0].ways[0].rate_bps, 0) << words;
  }
  EXPECT_EQ(apply_words(path, "1 ab los=1%").error().remedy, "did you mean: loss?");
}

}  // namespace
}  // namespace isotach::emulator

#include "kernel/links.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace isotach::kernel {
namespace {

class LinksTest : public testing::Test {
 protected:
  LinksTest() : prefix_(testing::TempDir() + "links_" + std::to_string(::getpid())) {
    for (const char* folder : {"", "/proc", "/sys", "/sys/class", "/sys/class/net"}) make(folder);
  }
  void make(const std::string& folder) { ::mkdir((prefix_ + folder).c_str(), 0755); }
  void set(const std::string& interface, const std::string& attribute, const std::string& text) {
    make("/sys/class/net/" + interface);
    ASSERT_TRUE(replace_file(prefix_ + "/sys/class/net/" + interface + '/' + attribute, text));
  }
  static std::vector<InterfaceReading> named(std::initializer_list<const char*> names) {
    std::vector<InterfaceReading> interfaces;
    for (const char* name : names) interfaces.push_back({name, {}});
    return interfaces;
  }

  std::string prefix_;
  std::vector<LinkReading> links_;
};

TEST_F(LinksTest, ReadsWhatTheKernelTells) {
  set("wire", "operstate", "up\n");
  set("wire", "flags", "0x1003\n");
  set("wire", "speed", "1000\n");
  set("wire", "duplex", "half\n");
  make("/sys/class/net/wire/device");
  LinkReader reader{SystemRoot(prefix_)};
  reader.read(named({"wire"}), links_);
  ASSERT_EQ(links_.size(), 1U);
  EXPECT_EQ(links_[0].up, Value::of(1));
  EXPECT_EQ(links_[0].enabled, Value::of(1));
  EXPECT_EQ(links_[0].physical, Value::of(1));
  EXPECT_EQ(links_[0].speed_mbit_s, Value::of(1000));
  EXPECT_EQ(links_[0].full_duplex, Value::of(0));
}

TEST_F(LinksTest, UnknownIsMissingNeverWrong) {
  set("vague", "operstate", "unknown\n");
  set("vague", "flags", "0xzz\n");
  set("vague", "speed", "-1\n");
  set("vague", "duplex", "unknown\n");
  set("old", "speed", "4294967295\n");
  LinkReader reader{SystemRoot(prefix_)};
  reader.read(named({"vague", "old", "absent", "../vague", ".."}), links_);
  ASSERT_EQ(links_.size(), 5U);
  for (const LinkReading& link : links_) {
    EXPECT_TRUE(link.up.is_missing()) << link.interface;
    EXPECT_TRUE(link.enabled.is_missing()) << link.interface;
    EXPECT_TRUE(link.speed_mbit_s.is_missing()) << link.interface;
    EXPECT_TRUE(link.full_duplex.is_missing()) << link.interface;
  }
  EXPECT_EQ(links_[0].physical, Value::of(0));
  EXPECT_TRUE(links_[2].physical.is_missing());
  EXPECT_TRUE(links_[3].physical.is_missing());
}

TEST_F(LinksTest, AsksForTheSpeedAgainWhenTheCarrierHasChanged) {
  set("cable", "operstate", "up\n");
  set("cable", "carrier_changes", "1\n");
  set("cable", "speed", "1000\n");
  LinkReader reader{SystemRoot(prefix_)};
  reader.read(named({"cable"}), links_);
  set("cable", "speed", "100\n");
  reader.read(named({"cable"}), links_);
  EXPECT_EQ(links_[0].speed_mbit_s, Value::of(1000)) << "the driver was asked without need";
  set("cable", "carrier_changes", "3\n");
  reader.read(named({"cable"}), links_);
  EXPECT_EQ(links_[0].speed_mbit_s, Value::of(100));
}

TEST_F(LinksTest, AsksForTheSpeedAgainAfterAWhile) {
  set("bond", "operstate", "up\n");
  set("bond", "speed", "2000\n");
  LinkReader reader{SystemRoot(prefix_)};
  reader.read(named({"bond"}), links_);
  set("bond", "speed", "1000\n");
  for (int i = 0; i < 40; ++i) reader.read(named({"bond"}), links_);
  EXPECT_EQ(links_[0].speed_mbit_s, Value::of(1000));
}

TEST_F(LinksTest, ManyLinksAreBounded) {
  std::vector<InterfaceReading> interfaces(LinkReader::kLimit + 5);
  LinkReader reader{SystemRoot(prefix_)};
  reader.read(interfaces, links_);
  EXPECT_EQ(links_.size(), LinkReader::kLimit);
}

}  // namespace
}  // namespace isotach::kernel

#include "memory/swap/fstab.h"

#include <gtest/gtest.h>

namespace isotach::memory {
namespace {

constexpr const char* kFstab =
    "# <file system> <mount point> <type> <options> <dump> <pass>\n"
    "UUID=1234  /      ext4\tdefaults,noatime  0 1\n"
    "\n"
    "   # a comment that speaks of /swapfile none swap sw 0 0\n"
    "/dev/sdb1 none swap sw,pri=5,discard=once 0 0\n"
    "tmpfs /swap\\040dir tmpfs rw";  // no newline at the end

TEST(Fstab, AddsALineAndLeavesAllOthers) {
  const std::string with = with_fstab_swap(kFstab, "/swapfile", 10);
  EXPECT_EQ(with, std::string(kFstab) + "\n/swapfile none swap sw,pri=10,nofail 0 0\n");
  EXPECT_EQ(with_fstab_swap(with, "/swapfile", 10), with);
  EXPECT_EQ(without_fstab_swap(with, "/swapfile"), std::string(kFstab) + "\n");
  EXPECT_EQ(with_fstab_swap("", "/swapfile", std::nullopt), "/swapfile none swap sw,nofail 0 0\n");
}

TEST(Fstab, ALineThatIsThereKeepsItsPlaceAndItsOptions) {
  const std::string text = "/a none  swap\tdefaults,discard 0 0  # mine\n/b / ext4 rw 0 0\n";
  EXPECT_EQ(with_fstab_swap(text, "/a", 7),
            "/a none  swap\tdefaults,discard,pri=7 0 0  # mine\n/b / ext4 rw 0 0\n");
  EXPECT_EQ(with_fstab_swap(text, "/a", std::nullopt), text);
  EXPECT_EQ(with_fstab_swap("/a none swap pri=3,sw 0 0\n", "/a", std::nullopt), "/a none swap sw 0 0\n");
  EXPECT_EQ(with_fstab_swap("/a none swap pri=3\r\n", "/a", 4), "/a none swap sw,pri=4\r\n");
  EXPECT_EQ(with_fstab_swap("/a none swap\n", "/a", 4), "/a none swap sw,pri=4\n");
  EXPECT_EQ(with_fstab_swap("/a none swap sw 0 0\n/a none swap sw 0 0\n", "/a", std::nullopt),
            "/a none swap sw 0 0\n");
}

TEST(Fstab, NamesWithBlanksAreEscaped) {
  const std::string path = "/my \t#\\swap\n";
  EXPECT_EQ(escape_fstab(path), "/my\\040\\011#\\134swap\\012");
  EXPECT_EQ(unescape_fstab(escape_fstab(path)), path);
  EXPECT_EQ(escape_fstab("#x"), "\\043x");
  const std::string with = with_fstab_swap("", path, 1);
  EXPECT_EQ(with_fstab_swap(with, path, 1), with);
  EXPECT_EQ(without_fstab_swap(with, path), "");
  EXPECT_EQ(unescape_fstab("\\"), "\\");
  EXPECT_EQ(unescape_fstab("\\04"), "\\04");
  EXPECT_EQ(unescape_fstab("\\999"), "\\999");
}

TEST(Fstab, ALineThatOnlyLooksAlikeStays) {
  const std::string text =
      "/swapfile /mnt ext4 loop 0 0\n#/swapfile none swap sw 0 0\n/swapfile2 none swap sw 0 0\n";
  EXPECT_EQ(without_fstab_swap(text, "/swapfile"), text);
  EXPECT_EQ(with_fstab_swap(text, "/swapfile", std::nullopt), text + "/swapfile none swap sw,nofail 0 0\n");
}

TEST(Fstab, TellsWhatIsSwitchedOnAtAStart) {
  const auto swaps =
      parse_fstab_swaps(std::string(kFstab) + "\nLABEL=x none swap noauto 0 0\n/c none swap\n");
  ASSERT_EQ(swaps.size(), 3u);
  EXPECT_EQ(swaps[0].source, "/dev/sdb1");
  EXPECT_EQ(swaps[0].priority(), 5);
  EXPECT_EQ(swaps[0].discard(), "once");
  EXPECT_TRUE(swaps[1].off_at_boot);
  EXPECT_EQ(swaps[1].priority(), std::nullopt);
  EXPECT_EQ(swaps[2].source, "/c");
  EXPECT_EQ(parse_fstab_swaps("/a none swap discard 0 0")[0].discard(), "both");
  EXPECT_EQ(parse_fstab_swaps("/a none swap pri=x 0 0")[0].priority(), std::nullopt);
}

}  // namespace
}  // namespace isotach::memory

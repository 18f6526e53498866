#include "kernel/change/undo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/fd.h"
#include "kernel/change/journal.h"

namespace isotach::kernel {
namespace {

class Undo : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "undo-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + '/' + name; }
  std::string make_file(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }
  static std::string content(const std::string& path) { return read_file(path).value_or("(none)"); }

  std::string folder_;
};

TEST(StepText, ComesBackWhateverTheFieldsHold) {
  const std::vector<UndoStep> steps = {
      {UndoKind::attribute, {"/sys/a b/%25", ""}},
      undo_ksm("/sys/kernel/mm/ksm", {{"pages_to_scan", "100"}, {"run", "0"}}),
      undo_swap_on("/swap\nfile"),
      undo_swap_off("/dev/sda2", -2, "once"),
      undo_created_file("/tmp/\xff\x01", 5, 99),
      undo_moved_file("/a", "/b"),
      undo_replaced_file("/etc/fstab", "/etc/fstab.isotach", "# head\n/swap none swap\tsw 0 0\n"),
      undo_made_folder("/sys/fs/cgroup/memory/isotach"),
      undo_link(
          {"eth0", "4:4026531840", 2, "02:fc:00:00:00:01", "modes", "on 1000 full 2ef", "off 100 full 0"}),
  };
  for (const UndoStep& step : steps) {
    const std::string line = write_step(step);
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    const auto back = read_step(line);
    ASSERT_TRUE(back) << line;
    EXPECT_EQ(*back, step) << line;
  }
}

TEST(StepText, RefusesWhatWouldDoSomethingElse) {
  for (const char* line :
       {"", "swap-on", "swap-on relative", "swap-on /a /b", "swap-on /a%0", "swap-on /a%zz", "swap-on /a%00b",
        "swap-off /a", "swap-off /a 99999 %", "swap-off /a x %", "created-file /a 1 x", "attribute /a",
        "ksm /a name", "format-disk /dev/sda", "moved-file /a b", "attribute  /a b",
        "link /sys/class/net/a 4:1 x % mtu 1500 9000", "link /sys/class/net/a 4:1 2 % mtu 1500",
        "link /sys/class/net/a 4:1 2 % modes on off%20100%20full%200"})
    EXPECT_FALSE(read_step(line)) << line;
}

TEST_F(Undo, GivesAnAttributeItsValueBack) {
  const std::string file = make_file("pages_to_scan", "100\n");
  const auto step = undo_attribute(file);
  ASSERT_TRUE(step);
  make_file("pages_to_scan", "5000\n");
  ASSERT_TRUE(take_back(*step));
  EXPECT_EQ(content(file).substr(0, 3), "100");
  std::filesystem::remove(file);
  EXPECT_TRUE(take_back(*step)) << "what is gone needs nothing";
}

TEST_F(Undo, TakesTheMarkedOfSeveralChoices) {
  const auto step = undo_attribute(make_file("advisor_mode", "none [scan-time]\n"));
  ASSERT_TRUE(step);
  EXPECT_EQ(step->fields[1], "scan-time");
}

TEST_F(Undo, RemovesOnlyTheFileThatWasMade) {
  const std::string file = make_file("swapfile", "ours");
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  const UndoStep step = undo_created_file(file, status.st_dev, status.st_ino);

  // Somebody else's file in its place stays. Both exist at once, so that their inodes differ.
  const std::string other = make_file("other", "theirs");
  std::filesystem::rename(file, path("aside"));
  std::filesystem::rename(other, file);
  ASSERT_TRUE(take_back(step));
  EXPECT_EQ(content(file), "theirs");

  std::filesystem::rename(path("aside"), file);
  ASSERT_TRUE(take_back(step));
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_TRUE(take_back(step)) << "twice";
}

TEST_F(Undo, GivesAFileItsNameBackButNeverOverwrites) {
  const std::string aside = make_file("aside", "content");
  const UndoStep step = undo_moved_file(path("name"), aside);
  make_file("name", "another");
  EXPECT_FALSE(take_back(step));
  EXPECT_EQ(content(path("name")), "another");
  std::filesystem::remove(path("name"));
  ASSERT_TRUE(take_back(step));
  EXPECT_EQ(content(path("name")), "content");
  EXPECT_TRUE(take_back(step));
}

TEST_F(Undo, PutsTheEarlierContentBackUnlessItWasEdited) {
  const std::string file = make_file("fstab", "new\n");
  const std::string backup = make_file("fstab.before", "old\n");
  const UndoStep step = undo_replaced_file(file, backup, "new\n");
  make_file("fstab", "new\nand an editor's line\n");
  ASSERT_TRUE(take_back(step));
  EXPECT_EQ(content(file), "new\nand an editor's line\n");
  EXPECT_EQ(content(backup), "old\n") << "the backup is kept for the user";

  make_file("fstab", "new\n");
  ASSERT_TRUE(take_back(step));
  EXPECT_EQ(content(file), "old\n");
  EXPECT_FALSE(std::filesystem::exists(backup));
  EXPECT_TRUE(take_back(step));
}

TEST_F(Undo, GivesKsmItsSettingsBackWithRunLast) {
  make_file("run", "1\n");
  make_file("pages_to_scan", "5000\n");
  ASSERT_TRUE(take_back(undo_ksm(folder_, {{"run", "0"}, {"pages_to_scan", "100"}})));
  EXPECT_EQ(content(path("run")).substr(0, 1), "0");
  EXPECT_EQ(content(path("pages_to_scan")).substr(0, 3), "100");
}

TEST_F(Undo, RemovesAFolder) {
  std::filesystem::create_directory(path("group"));
  ASSERT_TRUE(take_back(undo_made_folder(path("group"))));
  EXPECT_FALSE(std::filesystem::exists(path("group")));
  EXPECT_TRUE(take_back(undo_made_folder(path("group"))));
}

TEST_F(Undo, GoesOnAfterAStepThatFails) {
  const std::string aside = make_file("aside", "x");
  make_file("name", "y");
  const std::string file = make_file("value", "2");
  std::vector<UndoStep> steps = {{UndoKind::attribute, {file, "1"}}, undo_moved_file(path("name"), aside)};
  std::vector<std::string> done;
  std::vector<Error> errors;
  take_back_all(steps, done, errors);
  EXPECT_EQ(content(file), "1");
  EXPECT_EQ(errors.size(), 1U);
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].kind, UndoKind::moved_file);
}

}  // namespace
}  // namespace isotach::kernel

#include "view/web/uploads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace isotach::view {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class UploadsTest : public ::testing::Test {
 protected:
  UploadsTest() : parent_(testing::TempDir() + "uploads-" + std::to_string(::getpid())) {
    std::filesystem::remove_all(parent_);
    std::filesystem::create_directory(parent_);
  }
  ~UploadsTest() override { std::filesystem::remove_all(parent_); }

  std::unique_ptr<Uploads> open(std::uint64_t limit_bytes = 1000) {
    auto opened = Uploads::open(parent_, limit_bytes);
    EXPECT_TRUE(opened);
    return std::move(*opened);
  }
  // The text, then what `end` is: 0 for the end, or a failure.
  static BodyReader body(std::string text, Result<std::size_t> end = std::size_t{0}) {
    return [text, end, sent = false](std::span<char> target) mutable -> Result<std::size_t> {
      if (std::exchange(sent, true) || text.empty()) return end;
      return text.copy(target.data(), target.size());
    };
  }
  static std::vector<std::string> names(Uploads& uploads) {
    std::vector<std::string> names;
    const auto list = uploads.shelf().list();
    for (const ShelfFile& file : list->files) names.push_back(file.name);
    return names;
  }
  [[nodiscard]] std::vector<std::string> left() const {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(parent_))
      paths.push_back(entry.path());
    return paths;
  }

  const std::string parent_;
};

TEST_F(UploadsTest, AreKeptUntilTheServerEnds) {
  {
    const auto uploads = open();
    ASSERT_TRUE(uploads->take("a.html", body("<title>one</title>")));
    ASSERT_TRUE(uploads->take("a.html", body("<title>two</title>")));
    EXPECT_THAT(names(*uploads), ElementsAre("a.html"));
    EXPECT_EQ(**uploads->shelf().report("a.html"), "<title>two</title>");
    EXPECT_EQ(std::filesystem::status(uploads->shelf().folder()).permissions(),
              std::filesystem::perms::owner_all);
  }
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(UploadsTest, TheOldestGoesForTheNext) {
  const auto uploads = open();
  for (std::size_t i = 0; i <= Uploads::kFileLimit; ++i) {
    const std::string name = std::to_string(i) + ".html";
    ASSERT_TRUE(uploads->take(name, body("x")));
    const timespec times[2] = {{static_cast<time_t>(1000 + i), 0}, {static_cast<time_t>(1000 + i), 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (uploads->shelf().folder() + "/" + name).c_str(), times, 0), 0);
  }
  EXPECT_THAT(names(*uploads), ElementsAre("4.html", "3.html", "2.html", "1.html"));
}

TEST_F(UploadsTest, WhatIsOfNoUseLeavesNothing) {
  const auto uploads = open(10);
  for (const char* name : {"a.isotach", "a.inspect", "a.zst"}) {
    const auto taken = uploads->take(name, body("no"));
    ASSERT_FALSE(taken) << name;
    EXPECT_THAT(taken.error().message(), HasSubstr("is not what its name says"));
  }
  for (const char* name : {"", "a.txt", "../a.html", "b/a.html", ".a.html", "a.html/"})
    EXPECT_FALSE(uploads->take(name, body("no"))) << name;
  EXPECT_FALSE(uploads->take(std::string(300, 'a') + ".html", body("no")));
  EXPECT_FALSE(uploads->take("a.html", body("no", failure(ErrorKind::failed, "the file broke off"))));
  EXPECT_FALSE(uploads->take("a.html", body("more than ten bytes")));
  EXPECT_THAT(left(), ElementsAre(uploads->shelf().folder()));
}

TEST_F(UploadsTest, WhatAKilledServerLeftIsRemovedByTheNext) {
  const std::string abandoned = parent_ + "/isotach-web-abcdef";
  const std::string others = parent_ + "/something-else";
  for (const std::string& folder : {abandoned, others}) {
    std::filesystem::create_directory(folder);
    std::ofstream(folder + "/a.isotach") << "x";
  }
  const auto first = open();
  EXPECT_FALSE(std::filesystem::exists(abandoned));
  EXPECT_TRUE(std::filesystem::exists(others + "/a.isotach"));
  ASSERT_TRUE(first->take("a.html", body("x")));
  const auto second = open();
  EXPECT_THAT(names(*first), ElementsAre("a.html")) << "who lives is left alone";
}

}  // namespace
}  // namespace isotach::view

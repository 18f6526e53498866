#include "command/experiment/inherited.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace isotach::command {
namespace {

TEST(Inherited, ZipIsAsPythonWritesIt) {
  // Compared once with zipfile.ZipFile(...).writestr(ZipInfo("a.py"), "x = 1\n"), byte by byte but for the
  // version of the writer.
  const std::string zip = zip_of("a.py", "x = 1\n");
  ASSERT_EQ(zip.size(), 30 + 4 + 6 + 46 + 4 + 22u);
  EXPECT_EQ(zip.substr(0, 4), "PK\3\4");
  EXPECT_EQ(zip.substr(30, 10), "a.pyx = 1\n");
  EXPECT_EQ(zip.substr(40, 4), "PK\1\2");
  EXPECT_EQ(zip.substr(90, 4), "PK\5\6");
  // CRC-32 of "123456789" is the check value of the algorithm.
  EXPECT_EQ(zip_of("a", "123456789").substr(14, 4), std::string("\x26\x39\xf4\xcb"));
}

TEST(Inherited, MemoryFilesCanBeReadByTheirPath) {
  const auto file = make_memory_file("test", "content");
  ASSERT_TRUE(file);
  EXPECT_EQ(*read_file(inherited_path(*file)), "content");
}

TEST(Inherited, TheEnvironmentIsPutBack) {
  ::setenv("ISOTACH_TEST_SET", "before", 1);
  ::unsetenv("ISOTACH_TEST_UNSET");
  {
    ScopedEnvironment environment;
    environment.set("ISOTACH_TEST_SET", "during");
    environment.set("ISOTACH_TEST_SET", "later");
    environment.set("ISOTACH_TEST_UNSET", "during");
    EXPECT_STREQ(std::getenv("ISOTACH_TEST_UNSET"), "during");
  }
  EXPECT_STREQ(std::getenv("ISOTACH_TEST_SET"), "before");
  EXPECT_EQ(std::getenv("ISOTACH_TEST_UNSET"), nullptr);
}

}  // namespace
}  // namespace isotach::command

#include "kernel/filesystem_kind.h"

#include <gtest/gtest.h>

namespace isotach::kernel {
namespace {

TEST(FilesystemKind, SaysHowASwapFileIsMadeThere) {
  EXPECT_EQ(filesystem_kind(0xef53).method, SwapFileMethod::preallocate);
  EXPECT_EQ(filesystem_kind(0x9123683e).method, SwapFileMethod::no_copy_on_write);
  EXPECT_EQ(filesystem_kind(0xf2f52010).method, SwapFileMethod::write);
}

TEST(FilesystemKind, WhereItIsImpossibleItSaysWhyAndWhatElse) {
  for (const std::uint64_t magic : {0x01021994, 0x794c7630, 0x6969, 0x65735546, 0x2fc12fc1, 0x4d44}) {
    const FilesystemKind kind = filesystem_kind(magic);
    EXPECT_EQ(kind.method, SwapFileMethod::impossible) << kind.name;
    EXPECT_FALSE(kind.why_not.empty()) << kind.name;
    EXPECT_FALSE(kind.instead.empty()) << kind.name;
  }
}

TEST(FilesystemKind, OneThatIsNotKnownIsWrittenAndTried) {
  const FilesystemKind kind = filesystem_kind(0x1234abcd);
  EXPECT_EQ(kind.name, "0x1234abcd");
  EXPECT_EQ(kind.method, SwapFileMethod::write);
}

TEST(FilesystemKind, OfAPathThatIsNotThereIsAnError) {
  const auto state = filesystem_of("/no/such/folder");
  ASSERT_FALSE(state);
  EXPECT_FALSE(state.error().remedy.empty());
  const auto proc = filesystem_of("/proc/self");
  ASSERT_TRUE(proc);
  EXPECT_EQ(proc->kind.name, "proc");
}

}  // namespace
}  // namespace isotach::kernel

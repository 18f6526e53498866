#include "kernel/confinement.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "base/fd.h"

namespace isotach::kernel {
namespace {

// What `run` returns in a child that is shut in, or -1 where a signal ended it.
int in_confinement(const std::function<int()>& run) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(confine({.memory_bytes = std::uint64_t{1} << 29, .cpu_seconds = 20}) ? run() : 99);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class ConfinementTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_confinement_whole()) GTEST_SKIP() << "a sanitizer needs what confinement takes away";
  }
};

TEST_F(ConfinementTest, OpensNothingStartsNothingConnectsToNobody) {
  EXPECT_EQ(in_confinement([] { return ::open("/etc/passwd", O_RDONLY) < 0 && errno == EPERM ? 0 : 1; }), 0);
  EXPECT_EQ(in_confinement([] { return ::fork() < 0 && errno == EPERM ? 0 : 1; }), 0);
  EXPECT_EQ(in_confinement([] { return ::socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM ? 0 : 1; }),
            0);
  EXPECT_EQ(in_confinement([] { return ::kill(::getppid(), 0) < 0 && errno == EPERM ? 0 : 1; }), 0);
  EXPECT_EQ(in_confinement([] {
              char* const words[] = {nullptr};
              return ::execv("/bin/true", words) < 0 && errno == EPERM ? 0 : 1;
            }),
            0);
}

TEST_F(ConfinementTest, ReadsAndWritesWhatIsOpen) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const Fd reading(ends[0]);
  const Fd writing(ends[1]);
  EXPECT_EQ(in_confinement([&] { return ::write(ends[1], "yes", 3) == 3 ? 0 : 1; }), 0);
  char text[4] = {};
  EXPECT_EQ(::read(ends[0], text, 3), 3);
  EXPECT_STREQ(text, "yes");
}

TEST_F(ConfinementTest, MemoryHasAnEnd) {
  EXPECT_EQ(in_confinement([] {
              const auto map = [](std::size_t bytes) {
                return ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              };
              return map(std::size_t{1} << 20) != MAP_FAILED && map(std::size_t{1} << 30) == MAP_FAILED ? 0
                                                                                                        : 1;
            }),
            0);
}

}  // namespace
}  // namespace isotach::kernel

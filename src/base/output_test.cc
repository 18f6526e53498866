#include "base/output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

#include "base/fd.h"

namespace isotach {
namespace {

struct Pipe {
  Fd reading, writing;
};

Pipe make_pipe(int flags = 0) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | flags), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 4096> piece;
  for (ssize_t got = 0; (got = ::read(fd, piece.data(), piece.size())) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(got));
  return text;
}

class OutputTest : public ::testing::Test {
 protected:
  void SetUp() override { ::signal(SIGPIPE, SIG_IGN); }
  void TearDown() override { ::signal(SIGPIPE, SIG_DFL); }
};

TEST_F(OutputTest, WritesWhatWasBufferedInOrder) {
  Pipe pipe = make_pipe();
  {
    Output out(pipe.writing.get());
    out.write("a");
    out.write("b\n");
    EXPECT_TRUE(out.is_open());
  }  // the destructor flushes
  pipe.writing.reset();
  EXPECT_EQ(read_to_end(pipe.reading.get()), "ab\n");
}

TEST_F(OutputTest, AReaderWhoLeftIsNoError) {
  Pipe pipe = make_pipe();
  pipe.reading.reset();
  Output out(pipe.writing.get());
  out.write("x");
  out.flush();
  EXPECT_FALSE(out.is_open());
  EXPECT_TRUE(out.reader_gone());
  EXPECT_FALSE(out.error());
  out.write("y");  // goes nowhere, does no harm
  out.flush();
}

TEST_F(OutputTest, AFullDiskIsAnErrorThatStays) {
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full.is_open());
  Output out(full.get());
  out.write("x");
  EXPECT_TRUE(out.is_open());  // nothing was written yet
  out.flush();
  EXPECT_FALSE(out.is_open());
  EXPECT_FALSE(out.reader_gone());
  ASSERT_TRUE(out.error());
  EXPECT_EQ(out.error()->errno_value, ENOSPC);
  EXPECT_EQ(out.error()->message(), "cannot write the output: No space left on device");
}

TEST_F(OutputTest, ALongTextIsWrittenBeforeTheFlush) {
  Pipe pipe = make_pipe();
  std::string got;
  std::thread reader([&] { got = read_to_end(pipe.reading.get()); });
  {
    Output out(pipe.writing.get());
    for (int i = 0; i < 100; ++i) out.write(std::string(4096, 'x'));
  }
  pipe.writing.reset();
  reader.join();
  EXPECT_EQ(got.size(), 409600u);
}

TEST_F(OutputTest, ANonBlockingPipeThatIsFullIsWaitedFor) {
  Pipe pipe = make_pipe(O_NONBLOCK);
  ::fcntl(pipe.reading.get(), F_SETFL, 0);
  std::string got;
  std::thread reader([&] { got = read_to_end(pipe.reading.get()); });
  EXPECT_TRUE(write_all(pipe.writing.get(), std::string(1 << 20, 'x')));
  pipe.writing.reset();
  reader.join();
  EXPECT_EQ(got.size(), std::size_t{1} << 20);
}

TEST(ReadFile, SaysWhatIsWrong) {
  const std::string folder = ::testing::TempDir();
  EXPECT_EQ(read_file(folder + "no-such-file").error().errno_value, ENOENT);
  EXPECT_EQ(read_file(folder).error().errno_value, EISDIR);
  EXPECT_EQ(read_file("/dev/zero", 100'000).error().errno_value, EFBIG);
}

TEST(ReplaceFile, TakesOverWhatAKilledRunOfTheSameProcessIdLeft) {
  const std::string path = ::testing::TempDir() + "isotach_replace_file_left_test";
  const std::string left = path + ".new." + std::to_string(::getpid());
  ASSERT_TRUE(write_all(Fd(::open(left.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)).get(), "half"));
  ASSERT_TRUE(replace_file(path, "whole"));
  EXPECT_EQ(read_file(path).value_or(""), "whole");
  EXPECT_NE(::access(left.c_str(), F_OK), 0);
  ::unlink(path.c_str());
}

TEST(ReplaceFile, LeavesTheOldContentWhenItCannotWrite) {
  const std::string path = ::testing::TempDir() + "isotach_replace_file_test";
  ASSERT_TRUE(replace_file(path, "old"));
  EXPECT_EQ(read_file(path).value(), "old");
  ASSERT_TRUE(replace_file(path, "new"));
  EXPECT_EQ(read_file(path).value(), "new");
  EXPECT_FALSE(replace_file(path + "/below/a/file", "x"));
  EXPECT_EQ(read_file(path).value(), "new");
  ::unlink(path.c_str());
}

TEST(Fd, HasOneOwner) {
  Fd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = first.get();
  Fd second(std::move(first));
  EXPECT_FALSE(first.is_open());  // NOLINT(bugprone-use-after-move): that is the point
  EXPECT_EQ(second.get(), number);
  second.reset();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST(Error, PermissionAndSupportAreToldApart) {
  EXPECT_EQ(system_failure(EACCES, "open x").value().kind, ErrorKind::not_permitted);
  EXPECT_EQ(system_failure(EPERM, "open x").value().kind, ErrorKind::not_permitted);
  EXPECT_EQ(system_failure(ENOSYS, "open x").value().kind, ErrorKind::not_supported);
  EXPECT_EQ(system_failure(ENOENT, "open x").value().message(), "cannot open x: No such file or directory");
  EXPECT_EQ(failure(ErrorKind::usage, "no such thing").value().message(), "no such thing");
}

}  // namespace
}  // namespace isotach

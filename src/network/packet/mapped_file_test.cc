#include "network/packet/mapped_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "network/packet/capture_fixture.h"

namespace isotach::network {
namespace {

class TemporaryFile {
 public:
  explicit TemporaryFile(const Bytes& bytes) {
    char name[] = "/tmp/isotach-mapped-XXXXXX";
    fd_ = Fd(::mkstemp(name));
    name_ = name;
    EXPECT_EQ(::write(fd_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  ~TemporaryFile() { ::unlink(name_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }
  void cut(off_t size) const { EXPECT_EQ(::ftruncate(fd_.get(), size), 0); }

 private:
  Fd fd_;
  std::string name_;
};

TEST(MappedFile, WindowsBeginAnywhere) {
  Bytes bytes;
  for (std::uint32_t i = 0; i < 3'000'000; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 7));
  const TemporaryFile file(bytes);
  auto mapped = MappedFile::open(file.name());
  ASSERT_TRUE(mapped.has_value());
  EXPECT_EQ(mapped->size(), bytes.size());
  for (const std::uint64_t offset : {0u, 1u, 4095u, 4097u, 2'999'999u}) {
    const auto window = mapped->window(offset, 100'000);
    ASSERT_TRUE(window.has_value());
    const auto size = static_cast<std::size_t>(window->end - window->begin);
    EXPECT_GE(size, std::min<std::size_t>(100'000, bytes.size() - offset));
    EXPECT_TRUE(std::equal(window->begin, window->end, bytes.begin() + static_cast<std::ptrdiff_t>(offset)));
  }
  EXPECT_FALSE(mapped->was_cut());
}

TEST(MappedFile, WhatIsNoPlainFileIsLeftToOthers) {
  EXPECT_FALSE(MappedFile::open("/dev/null").has_value());
  EXPECT_FALSE(MappedFile::open("/tmp").has_value());
  EXPECT_FALSE(MappedFile::open("/nowhere/at/all").has_value());
  EXPECT_FALSE(MappedFile::open("/proc/self/maps").has_value());
}

TEST(MappedFile, AFileThatIsCutReadsAsZeros) {
  const TemporaryFile file(Bytes(100'000, 1));
  auto mapped = MappedFile::open(file.name());
  ASSERT_TRUE(mapped.has_value());
  const auto window = mapped->window(0, 100'000);
  ASSERT_TRUE(window.has_value());
  file.cut(5000);
  EXPECT_EQ(window->begin[4999], 1);
  EXPECT_EQ(window->begin[50'000], 0);
  EXPECT_TRUE(mapped->was_cut());
  const auto other = MappedFile::open(file.name());
  ASSERT_TRUE(other.has_value());
  EXPECT_FALSE(other->was_cut());
}

// Frames that lie across two windows, and the same file through a buffer.
TEST(MappedFile, ACaptureHasTheSameFramesMappedAndRead) {
  Bytes bytes = pcap_head();
  const Bytes frame(1000, 3);
  constexpr std::uint32_t kFrames = 5000;
  for (std::uint32_t i = 0; i < kFrames; ++i) append_record(bytes, i, 0, frame);
  const TemporaryFile file(bytes);
  auto mapped = CaptureReader::open(file.name());
  ASSERT_TRUE(mapped.has_value());
  const auto read = read_bytes(bytes);
  std::vector<std::shared_ptr<const void>> held;
  std::vector<const std::uint8_t*> data;
  Frame one;
  Frame two;
  while (read->next(two)) {
    ASSERT_TRUE((*mapped)->next(one));
    EXPECT_EQ(one.time_ns, two.time_ns);
    ASSERT_EQ(one.captured, two.captured);
    held.push_back((*mapped)->hold());
    data.push_back(one.data);
  }
  EXPECT_FALSE((*mapped)->next(one));
  EXPECT_EQ((*mapped)->frames(), kFrames);
  EXPECT_EQ((*mapped)->damage(), "");
  for (const std::uint8_t* bytes_of_frame : data)
    ASSERT_TRUE(std::equal(frame.begin(), frame.end(), bytes_of_frame));
}

}  // namespace
}  // namespace isotach::network

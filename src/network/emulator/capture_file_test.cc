#include "network/emulator/capture_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "network/packet/capture_reader.h"

namespace isotach::emulator {
namespace {

TEST(CaptureFile, TheReaderFindsHeadsLengthsAndTimes) {
  const std::string path = testing::TempDir() + "isotach_capture_" + std::to_string(::getpid());
  constexpr std::int64_t kTimeNs = 1'700'000'000'123'456'789;
  {
    auto file = CaptureFile::create(path);
    ASSERT_TRUE(file);
    const std::vector<std::uint8_t> small(60, 7), large(1514, 9);
    file->add(small.data(), small.size(), kTimeNs);
    file->add(large.data(), large.size(), kTimeNs + 1);
    file->flush();
    EXPECT_EQ(file->lost(), 0U);
  }
  auto reader = network::CaptureReader::open(path);
  ASSERT_TRUE(reader);
  network::Frame frame;
  ASSERT_TRUE((*reader)->next(frame));
  EXPECT_EQ(frame.captured, 60U);
  EXPECT_EQ(frame.data[59], 7);
  EXPECT_EQ(frame.time_ns, kTimeNs);
  ASSERT_TRUE((*reader)->next(frame));
  EXPECT_EQ(frame.captured, CaptureFile::kHeadBytes);
  EXPECT_EQ(frame.wire_length, 1514U);
  EXPECT_EQ(frame.time_ns, kTimeNs + 1);
  EXPECT_FALSE((*reader)->next(frame));
  EXPECT_EQ((*reader)->damage(), "");
  ::unlink(path.c_str());
}

TEST(CaptureFile, WhatAFullDiskDoesNotTakeIsCounted) {
  auto file = CaptureFile::create("/dev/full");
  ASSERT_TRUE(file);
  const std::vector<std::uint8_t> frame(60, 1);
  for (int i = 0; i < 3; ++i) file->add(frame.data(), frame.size(), 0);
  file->flush();
  file->add(frame.data(), frame.size(), 0);
  file->flush();
  EXPECT_EQ(file->lost(), 4U);
  EXPECT_FALSE(CaptureFile::create("/nowhere/a.pcap"));
}

}  // namespace
}  // namespace isotach::emulator

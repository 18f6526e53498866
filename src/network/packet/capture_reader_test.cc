#include "network/packet/capture_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "network/packet/capture_fixture.h"

namespace isotach::network {
namespace {

const Bytes kFrame = {1, 2, 3, 4, 5};

std::string text_of(const Frame& frame) {
  return {frame.data, frame.data + frame.captured};
}

// Every 32- and 16-bit number of the head and of one record turned around.
Bytes little_endian(std::uint32_t magic) {
  const auto little = [](Bytes& bytes, std::uint32_t value, int size) {
    for (int i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  Bytes file;
  little(file, magic, 4);
  little(file, 2, 2);
  little(file, 4, 2);
  for (const std::uint32_t word : {0u, 0u, 65535u, 1u, 100u, 7u, 5u, 9u}) little(file, word, 4);
  append(file, kFrame);
  return file;
}

TEST(CaptureReader, ReadsBothByteOrders) {
  Bytes big = pcap_head();
  append_record(big, 100, 7, kFrame, 9);
  for (const Bytes& file : {big, little_endian(0xa1b2c3d4)}) {
    const auto reader = read_bytes(file);
    Frame frame;
    ASSERT_TRUE(reader->next(frame));
    EXPECT_EQ(frame.time_ns, 100'000'007'000);
    EXPECT_EQ(frame.captured, 5u);
    EXPECT_EQ(frame.wire_length, 9u);
    EXPECT_EQ(text_of(frame), "\1\2\3\4\5");
    EXPECT_FALSE(reader->next(frame));
    EXPECT_EQ(reader->damage(), "");
  }
}

TEST(CaptureReader, ReadsNanoseconds) {
  const auto reader = read_bytes(little_endian(0xa1b23c4d));
  Frame frame;
  ASSERT_TRUE(reader->next(frame));
  EXPECT_EQ(frame.time_ns, 100'000'000'007);
}

TEST(CaptureReader, TakesFractionsThatAreNoMicrosecondsForNanoseconds) {
  Bytes file = pcap_head();
  append_record(file, 100, 999'999'999, kFrame);
  append_record(file, 101, 5, kFrame);
  const auto reader = read_bytes(file);
  Frame frame;
  ASSERT_TRUE(reader->next(frame));
  EXPECT_EQ(frame.time_ns, 100'999'999'999);
  ASSERT_TRUE(reader->next(frame));
  EXPECT_EQ(frame.time_ns, 101'000'000'005);
}

TEST(CaptureReader, TurnsTheLengthsOfOldFilesAround) {
  Bytes file = pcap_head();
  file[7] = 2;  // version 2.2
  append32(file, 1);
  append32(file, 0);
  append32(file, 60);  // on the wire
  append32(file, 5);   // captured
  append(file, kFrame);
  const auto reader = read_bytes(file);
  Frame frame;
  ASSERT_TRUE(reader->next(frame));
  EXPECT_EQ(frame.captured, 5u);
  EXPECT_EQ(frame.wire_length, 60u);
}

TEST(CaptureReader, SaysWhereAFileIsCutShort) {
  Bytes file = pcap_head();
  append_record(file, 1, 0, kFrame);
  append_record(file, 2, 0, kFrame);
  for (const std::size_t cut : {1u, 4u, 6u, 20u}) {
    const Bytes shorter(file.begin(), file.end() - static_cast<std::ptrdiff_t>(cut));
    const auto reader = read_bytes(shorter);
    Frame frame;
    ASSERT_TRUE(reader->next(frame));
    EXPECT_FALSE(reader->next(frame));
    EXPECT_THAT(reader->damage(), ::testing::EndsWith("frame 2"));
    EXPECT_FALSE(reader->next(frame));
  }
}

TEST(CaptureReader, RefusesAnImpossibleLength) {
  Bytes file = pcap_head();
  append_record(file, 1, 0, kFrame);
  file[24 + 8] = 0x7f;
  const auto reader = read_bytes(file);
  Frame frame;
  EXPECT_FALSE(reader->next(frame));
  EXPECT_THAT(reader->damage(), ::testing::HasSubstr("damaged"));
}

TEST(CaptureReader, RefusesWhatIsNoCapture) {
  for (const std::string text : {"", "abc", "root:x:0:0:root:/root:/bin/bash and more of it"}) {
    const Bytes file(text.begin(), text.end());
    EXPECT_FALSE(CaptureReader::over(memory_byte_source(file.data(), file.size())).has_value()) << text;
  }
}

TEST(CaptureReader, ReadsMoreThanItsBufferHolds) {
  Bytes file = pcap_head();
  const Bytes large(3000, 7);
  for (std::uint32_t i = 0; i < 1000; ++i) append_record(file, i, 0, large);
  append_record(file, 1000, 0, Bytes(900'000, 8));
  const auto reader = read_bytes(file);
  Frame frame;
  std::uint32_t seen = 0;
  while (reader->next(frame)) {
    EXPECT_EQ(frame.time_ns, seen * 1'000'000'000ll);
    EXPECT_EQ(frame.captured, seen < 1000 ? 3000u : 900'000u);
    ++seen;
  }
  EXPECT_EQ(seen, 1001u);
  EXPECT_EQ(reader->damage(), "");
}

// A pcapng file with two sections of different byte order, the second with an interface whose times are in
// 2^-10 s and moved by 1000 s.
void block(Bytes& file, std::uint32_t type, Bytes body, bool big) {
  while (body.size() % 4 != 0) body.push_back(0);
  const auto length = static_cast<std::uint32_t>(body.size() + 12);
  const auto put = [&](std::uint32_t value) { append32(file, big ? value : __builtin_bswap32(value)); };
  put(type);
  put(length);
  append(file, body);
  put(length);
}

Bytes words(std::initializer_list<std::uint32_t> values, bool big) {
  Bytes bytes;
  for (const std::uint32_t value : values) append32(bytes, big ? value : __builtin_bswap32(value));
  return bytes;
}

TEST(CaptureReader, ReadsSectionsAndInterfacesOfPcapng) {
  Bytes file;
  block(file, 0x0a0d0d0a, words({0x1a2b3c4d, 0x00000001, 0xffffffff, 0xffffffff}, false), false);
  block(file, 1, {1, 0, 0, 0, 0, 0, 0, 0}, false);
  block(file, 0x0bad, {1, 2, 3, 4}, false);  // nobody knows this one
  Bytes packet = words({0, 0, 1'500'000, 5, 60}, false);
  append(packet, kFrame);
  block(file, 6, packet, false);
  block(file, 0x0a0d0d0a, words({0x1a2b3c4d, 0x00010000, 0xffffffff, 0xffffffff}, true), true);
  block(file, 1, {0, 101, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1,    0x8a, 0, 0, 0,
                  0, 14,  0, 8, 0, 0, 0, 0, 0, 0, 3, 0xe8, 0,    0, 0, 0},
        true);
  packet = words({0, 0, 1024 + 512, 5, 5}, true);
  append(packet, kFrame);
  block(file, 6, packet, true);
  const auto reader = read_bytes(file);
  Frame frame;
  ASSERT_TRUE(reader->next(frame));
  EXPECT_EQ(frame.time_ns, 1'500'000'000);
  EXPECT_EQ(frame.link_type, 1u);
  EXPECT_EQ(frame.wire_length, 60u);
  ASSERT_TRUE(reader->next(frame));
  EXPECT_EQ(frame.time_ns, 1'001'500'000'000);
  EXPECT_EQ(frame.link_type, 101u);
  EXPECT_FALSE(reader->next(frame));
  EXPECT_EQ(reader->damage(), "");
}

TEST(CaptureReader, RefusesPacketsOfInterfacesThatDoNotExist) {
  Bytes file;
  block(file, 0x0a0d0d0a, words({0x1a2b3c4d, 0x00000001, 0xffffffff, 0xffffffff}, false), false);
  block(file, 6, words({0, 0, 0, 0, 0}, false), false);
  const auto reader = read_bytes(file);
  Frame frame;
  EXPECT_FALSE(reader->next(frame));
  EXPECT_THAT(reader->damage(), ::testing::HasSubstr("frame 1"));
}

Bytes gzip(const Bytes& plain) {
  Bytes packed(plain.size() + 1000);
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes input = plain;
  stream.next_in = input.data();
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  return packed;
}

Bytes zstd(const Bytes& plain) {
  Bytes packed(::ZSTD_compressBound(plain.size()));
  packed.resize(::ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 3));
  return packed;
}

TEST(CaptureReader, UnpacksSeveralMembers) {
  Bytes file = pcap_head();
  for (std::uint32_t i = 0; i < 500; ++i) append_record(file, i, 0, Bytes(400, static_cast<std::uint8_t>(i)));
  const auto middle = file.begin() + 70'001;
  for (const auto pack : {gzip, zstd}) {
    Bytes packed = pack(Bytes(file.begin(), middle));
    append(packed, pack(Bytes(middle, file.end())));
    const auto reader = read_bytes(packed);
    Frame frame;
    while (reader->next(frame)) {
    }
    EXPECT_EQ(reader->frames(), 500u);
    EXPECT_EQ(reader->damage(), "");
    packed.resize(packed.size() - 9);
    const auto cut = read_bytes(packed);
    while (cut->next(frame)) {
    }
    EXPECT_NE(cut->damage(), "");
  }
}

// Frames that lie across two buffers, all of which are held to the end.
TEST(CaptureReader, WhatIsHeldStays) {
  Bytes bytes = pcap_head();
  constexpr std::uint32_t kFrames = 2000;
  for (std::uint32_t i = 0; i < kFrames; ++i)
    append_record(bytes, i, 0, Bytes(1000, static_cast<std::uint8_t>(i)));
  const auto reader = read_bytes(bytes);
  std::vector<std::shared_ptr<const void>> held;
  std::vector<const std::uint8_t*> data;
  Frame frame;
  while (reader->next(frame)) {
    held.push_back(reader->hold());
    data.push_back(frame.data);
  }
  ASSERT_EQ(data.size(), kFrames);
  for (std::uint32_t i = 0; i < kFrames; ++i)
    ASSERT_EQ(std::count(data[i], data[i] + 1000, static_cast<std::uint8_t>(i)), 1000) << i;
}

// A buffer that nobody looks into any more takes what is read next.
TEST(CaptureReader, BuffersAreUsedAgain) {
  Bytes bytes = pcap_head();
  for (std::uint32_t i = 0; i < 5000; ++i) append_record(bytes, i, 0, Bytes(1000, 7));
  const auto reader = read_bytes(bytes);
  std::set<const void*> buffers;
  std::shared_ptr<const void> held;
  Frame frame;
  while (reader->next(frame)) buffers.insert((held = reader->hold()).get());
  EXPECT_EQ(reader->frames(), 5000u);
  EXPECT_LE(buffers.size(), 2u);
}

}  // namespace
}  // namespace isotach::network

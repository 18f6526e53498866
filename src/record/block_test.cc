#include "record/block.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "record/block_seal.h"
#include "record/recording_fixture.h"
#include "record/recording_format.h"
#include "record/varint.h"

namespace isotach::record {
namespace {

std::vector<Sample> decode_all(const BlockHeader& header, std::string_view raw,
                               std::size_t series_limit = 1000) {
  BlockDecoder decoder;
  decoder.begin(header, raw, series_limit);
  std::vector<Sample> samples;
  Sample sample;
  for (;;) {
    const auto got = decoder.next(sample);
    EXPECT_TRUE(got) << got.error().message();
    if (!got || !*got) return samples;
    samples.push_back(sample);
  }
}

// The message of the first error, or an empty text.
std::string decode_error(const BlockHeader& header, std::string_view raw, std::size_t series_limit = 1000) {
  BlockDecoder decoder;
  decoder.begin(header, raw, series_limit);
  Sample sample;
  for (;;) {
    const auto got = decoder.next(sample);
    if (!got) return got.error().message();
    if (!*got) return {};
  }
}

BlockEncoder encode(const std::vector<Sample>& samples) {
  BlockEncoder encoder;
  encoder.begin(1, 0);
  for (const Sample& sample : samples) encoder.append(sample);
  return encoder;
}

void expect_round_trip(const std::vector<Sample>& samples) {
  const BlockEncoder encoder = encode(samples);
  const std::vector<Sample> decoded = decode_all(encoder.header(), encoder.raw());
  ASSERT_EQ(decoded.size(), samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i)
    EXPECT_TRUE(equal(decoded[i], samples[i])) << "sample " << i;
}

TEST(Varint, RoundTripsTheEdges) {
  for (int bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t value :
         {std::uint64_t{1} << bit, (std::uint64_t{1} << bit) - 1, ~std::uint64_t{0} >> bit}) {
      std::string text;
      put_varint(text, value);
      EXPECT_LE(text.size(), kVarintLimitBytes);
      std::string_view in = text;
      std::uint64_t back = 0;
      ASSERT_TRUE(take_varint(in, back));
      EXPECT_EQ(back, value);
      EXPECT_TRUE(in.empty());
      EXPECT_EQ(unzigzag(zigzag(value)), value);
      std::string_view cut = std::string_view(text).substr(0, text.size() - 1);
      EXPECT_FALSE(take_varint(cut, back));
    }
  }
}

TEST(Varint, RefusesWhatDoesNotFit64Bits) {
  std::uint64_t value = 0;
  std::string_view too_large = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02";
  EXPECT_FALSE(take_varint(too_large, value));
  std::string_view endless = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
  EXPECT_FALSE(take_varint(endless, value));
}

TEST(Block, KeepsExtremeValuesExactly) {
  const auto max = std::numeric_limits<std::uint64_t>::max();
  const double odd_nan = std::bit_cast<double>(std::uint64_t{0x7ff8000000001234});
  const std::vector<std::vector<Value>> columns = {
      {Value::of(0), Value::of(max), Value::of(0), Value::of(max - 1), Value::of(max)},
      {Value::of_signed(std::numeric_limits<std::int64_t>::min()),
       Value::of_signed(std::numeric_limits<std::int64_t>::max()), Value::of_signed(-1), Value::of_signed(0),
       Value::of_signed(std::numeric_limits<std::int64_t>::min())},
      {Value::of_real(-0.0), Value::of_real(0.1), Value::of_real(std::numeric_limits<double>::denorm_min()),
       Value::of_real(-std::numeric_limits<double>::infinity()), Value::of_real(odd_nan)},
      {Value(Missing::not_supported), Value(Missing::not_permitted), Value(Missing::vanished),
       Value(Missing::malformed), Value::of(max)},
      {Value::of(7), Value(Missing::vanished), Value::of_signed(-7), Value::of_real(7.5), Value::of(8)},
  };
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < 5; ++i) {
    Sample sample;
    sample.time = {static_cast<std::int64_t>(i) * 1000, static_cast<std::int64_t>(i) * 1001};
    for (SeriesId id = 0; id < columns.size(); ++id) sample.points.push_back({id, columns[id][i]});
    samples.push_back(sample);
  }
  expect_round_trip(samples);
}

TEST(Block, KeepsSeriesThatComeAndGo) {
  std::vector<Sample> samples;
  for (std::uint64_t i = 0; i < 50; ++i) {
    Sample sample = test_sample(i, 20);
    if (i % 3 == 0) sample.points.erase(sample.points.begin() + static_cast<std::ptrdiff_t>(i % 20));
    if (i % 7 == 0) sample.points.push_back({500 + static_cast<SeriesId>(i), Value::of(i)});
    if (i % 11 == 0) sample.points.clear();
    samples.push_back(sample);
  }
  expect_round_trip(samples);
}

TEST(Block, KeepsClocksThatJump) {
  std::vector<Sample> samples(4);
  const auto max = std::numeric_limits<std::int64_t>::max();
  const auto min = std::numeric_limits<std::int64_t>::min();
  samples[0].time = {-5, max};
  samples[1].time = {-5, min};
  samples[2].time = {0, 3};
  samples[3].time = {max, -1};
  expect_round_trip(samples);
}

TEST(Block, OrdersPointsAndKeepsTheFirstOfASeries) {
  Sample sample;
  sample.points = {{3, Value::of(30)}, {1, Value::of(10)}, {3, Value::of(31)}};
  const BlockEncoder encoder = encode({sample});
  const auto decoded = decode_all(encoder.header(), encoder.raw());
  ASSERT_EQ(decoded.size(), 1u);
  ASSERT_EQ(decoded[0].points.size(), 2u);
  EXPECT_EQ(decoded[0].points[0].series, 1u);
  EXPECT_EQ(decoded[0].points[1].value, Value::of(30));
}

TEST(Block, RandomSamplesRoundTrip) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 50; ++round) {
    std::vector<Sample> samples;
    std::int64_t now_ns = 0;
    for (int i = 0; i < 40; ++i) {
      Sample sample;
      now_ns += static_cast<std::int64_t>(random() % 3'000'000'000);
      sample.time = {now_ns, static_cast<std::int64_t>(random())};
      for (SeriesId id = 0; id < 30; ++id) {
        if (random() % 8 == 0) continue;
        const std::uint64_t bits = random() >> (random() % 64);
        switch (random() % 4) {
          case 0:
            sample.points.push_back({id, Value::of(bits)});
            break;
          case 1:
            sample.points.push_back({id, Value::of_signed(static_cast<std::int64_t>(bits))});
            break;
          case 2:
            sample.points.push_back({id, Value::of_real(std::bit_cast<double>(bits))});
            break;
          default:
            sample.points.push_back({id, Value(static_cast<Missing>(random() % 4))});
            break;
        }
      }
      samples.push_back(sample);
    }
    expect_round_trip(samples);
  }
}

TEST(Block, SteadyValuesTakeOneByte) {
  const BlockEncoder one = encode({test_sample(0, 100)});
  const BlockEncoder two = encode({test_sample(0, 100), test_sample(0, 100)});
  EXPECT_EQ(two.raw().size() - one.raw().size(), 103u);  // time, drift, layout, values
}

TEST(Block, DamageIsToldAndNothingElse) {
  const BlockEncoder encoder = encode({test_sample(0, 5), test_sample(1, 5), test_sample(2, 5)});
  const BlockHeader header = encoder.header();
  EXPECT_EQ(decode_error(header, encoder.raw()), "");
  EXPECT_EQ(decode_error(header, encoder.raw(), 4), "a sample has more points than there are series");
  EXPECT_EQ(decode_error(header, encoder.raw() + '\0'), "it goes on after its last sample");
  for (std::size_t size = 0; size < encoder.raw().size(); ++size)
    EXPECT_NE(decode_error(header, encoder.raw().substr(0, size)), "") << "cut to " << size;
  BlockHeader wrong = header;
  wrong.last.monotonic_ns += 1;
  EXPECT_EQ(decode_error(wrong, encoder.raw()), "its last sample has another time than its head says");
  wrong.last.monotonic_ns -= 2;
  EXPECT_EQ(decode_error(wrong, encoder.raw()), "its times do not ascend");
}

TEST(Block, HandMadeNonsenseIsRefused) {
  BlockHeader header;
  header.sample_count = 1;
  const auto coded = [](std::initializer_list<std::uint64_t> numbers) {
    std::string raw;
    for (const std::uint64_t number : numbers) put_varint(raw, number);
    return raw;
  };
  EXPECT_EQ(decode_error(header, coded({0, 0, 0})), "its first sample has no layout");
  EXPECT_EQ(decode_error(header, coded({0, 0, 2, 0, 0x10, 0})), "");
  EXPECT_EQ(decode_error(header, coded({0, 0, 2, 1000, 0x10, 0})),
            "a point refers to a series that does not exist");
  EXPECT_EQ(decode_error(header, coded({0, 0, 2, ~std::uint64_t{0}, 0x10, 0})),
            "a point refers to a series that does not exist");
  EXPECT_EQ(decode_error(header, coded({0, 0, 2, 0, 0x40, 0})), "a point has an unknown type");
  EXPECT_EQ(decode_error(header, coded({0, 0, 2, 0, 0x31, 0})), "a point has an unknown type");
  EXPECT_EQ(decode_error(header, coded({0, 0, std::uint64_t{1} << 40, 0, 0})),
            "a sample has more points than there are series");
  EXPECT_EQ(decode_error(header, coded({~std::uint64_t{0}, 0, 1})), "its times do not ascend");
}

TEST(BlockSeal, RoundTripsAndRefusesWhatIsNotAsSealed) {
  const BlockEncoder encoder = encode({test_sample(0, 200), test_sample(1, 200)});
  BlockCompressor compressor;
  const std::string data(compressor.compress(encoder.raw()));
  const BlockHeader header = encoder.header();
  const std::uint64_t checksum = block_checksum(header, data);
  BlockDecompressor decompressor;
  const auto raw = decompressor.decompress(header, data, checksum);
  ASSERT_TRUE(raw);
  EXPECT_EQ(*raw, encoder.raw());

  EXPECT_FALSE(decompressor.decompress(header, data, checksum ^ 1));
  std::string flipped = data;
  flipped[flipped.size() / 2] ^= 1;
  EXPECT_FALSE(decompressor.decompress(header, flipped, checksum));
  for (const int field : {0, 1, 2, 3, 4}) {
    BlockHeader other = header;
    if (field == 0) ++other.number;
    if (field == 1) ++other.first_sample;
    if (field == 2) ++other.sample_count;
    if (field == 3) ++other.last.wall_ns;
    if (field == 4) ++other.raw_bytes;
    EXPECT_FALSE(decompressor.decompress(other, data, checksum)) << "field " << field;
  }
}

TEST(BlockSeal, AZipBombTakesNoMemory) {
  BlockCompressor compressor;
  const std::string bomb(compressor.compress(std::string(std::size_t{32} << 20, '\0')));
  EXPECT_LT(bomb.size(), std::size_t{64} << 10);
  BlockDecompressor decompressor;
  BlockHeader honest;
  honest.raw_bytes = std::uint32_t{32} << 20;
  const auto too_large = decompressor.decompress(honest, bomb, block_checksum(honest, bomb));
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().message(), "it would be too large once decompressed");
  BlockHeader lying;
  lying.raw_bytes = 1000;
  EXPECT_FALSE(decompressor.decompress(lying, bomb, block_checksum(lying, bomb)));
}

}  // namespace
}  // namespace isotach::record

#include "view/export/json_writer.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "base/text.h"

namespace isotach::view {
namespace {

std::string string_json(std::string_view value) {
  JsonWriter json;
  json.string(value);
  return json.take();
}

std::string real_json(double value) {
  JsonWriter json;
  json.real(value);
  return json.take();
}

TEST(JsonWriter, NestsObjectsAndArrays) {
  JsonWriter json;
  json.begin_object();
  json.key("a").begin_array().integer(-1).unsigned_integer(2).begin_object().end_object().end_array();
  json.key("b").begin_object().key("c").boolean(true).key("d").null().end_object();
  json.key("e").begin_array().end_array();
  json.key("f").string("x");
  json.end_object();
  EXPECT_EQ(json.text(), R"({"a":[-1,2,{}],"b":{"c":true,"d":null},"e":[],"f":"x"})");
}

TEST(JsonWriter, WritesALoneValue) {
  EXPECT_EQ(string_json("x"), "\"x\"");
  EXPECT_EQ(real_json(0.5), "0.5");
}

TEST(JsonWriter, EscapesWhatJsonAndTerminalsActOn) {
  EXPECT_EQ(string_json("a\"b\\c\n\t\r"), R"("a\"b\\c\n\t\u000d")");
  EXPECT_EQ(string_json(std::string_view("\0\x1b[2J\x7f", 6)), R"("\u0000\u001b[2J\u007f")");
  EXPECT_EQ(string_json("\xc2\x9b"
                        "2J"),
            R"("\u009b2J")");
  EXPECT_EQ(string_json("é日😀/"), "\"é日😀/\"");
}

TEST(JsonWriter, KeysAreEscapedToo) {
  JsonWriter json;
  json.begin_object().key("a\"\n\xff").null().end_object();
  EXPECT_EQ(json.text(), "{\"a\\\"\\n\uFFFD\":null}");
}

TEST(JsonWriter, InvalidUtf8BecomesReplacementCharacters) {
  EXPECT_EQ(string_json("\xff\xfe"), "\"\uFFFD\uFFFD\"") << "bytes that never occur";
  EXPECT_EQ(string_json("\x80"), "\"\uFFFD\"") << "a continuation without its start";
  EXPECT_EQ(string_json("\xc3"), "\"\uFFFD\"") << "cut at the end";
  EXPECT_EQ(string_json("\xe6\x97x"), "\"\uFFFD\uFFFDx\"") << "cut in the middle";
  EXPECT_EQ(string_json("\xc0\xaf"), "\"\uFFFD\uFFFD\"") << "overlong";
  EXPECT_EQ(string_json("\xe0\x80\xaf"), "\"\uFFFD\uFFFD\uFFFD\"") << "overlong";
  EXPECT_EQ(string_json("\xed\xa0\x80"), "\"\uFFFD\uFFFD\uFFFD\"") << "a surrogate";
  EXPECT_EQ(string_json("\xf4\x90\x80\x80"), "\"\uFFFD\uFFFD\uFFFD\uFFFD\"") << "past U+10FFFF";
  EXPECT_EQ(string_json("\xf0\x9f\x98"), "\"\uFFFD\uFFFD\uFFFD\"") << "cut";
}

TEST(JsonWriter, AnyBytesGiveOneStringOfValidUtf8) {
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 12, ' ');
    for (char& byte : bytes) byte = static_cast<char>(random());
    const std::string json = string_json(bytes);
    ASSERT_GE(json.size(), 2u);
    ASSERT_EQ(json.front(), '"');
    ASSERT_EQ(json.back(), '"');
    for (std::string_view rest = std::string_view(json).substr(1, json.size() - 2); !rest.empty();) {
      const std::size_t length = utf8_length(rest);
      ASSERT_GT(length, 0u) << round;
      ASSERT_NE(rest[0], '"') << round;
      ASSERT_GE(static_cast<unsigned char>(rest[0]), 0x20) << round;
      rest.remove_prefix(rest[0] == '\\' ? 2 : length);
    }
  }
}

TEST(JsonWriter, RealsReadBackEqual) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 20000; ++round) {
    const std::uint64_t bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    const std::string text = real_json(value);
    double back = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_EQ(error, std::errc{}) << text;
    ASSERT_EQ(end, text.data() + text.size()) << text;
    ASSERT_EQ(back, value) << text;
  }
  EXPECT_EQ(real_json(1), "1");
  EXPECT_EQ(real_json(1e300), "1e+300");
}

TEST(JsonWriter, ThereIsNoNaN) {
  EXPECT_EQ(real_json(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(real_json(-std::numeric_limits<double>::infinity()), "null");
  JsonWriter json;
  json.begin_array().real(std::optional<double>()).real(std::optional<double>(2)).end_array();
  EXPECT_EQ(json.text(), "[null,2]");
}

TEST(JsonWriter, ValuesKeepTheirTypeAndMissingOnesAreNull) {
  JsonWriter json;
  json.begin_array()
      .value(Value::of(18446744073709551615u))
      .value(Value::of_signed(std::numeric_limits<std::int64_t>::min()))
      .value(Value::of_real(0.25))
      .value(Value::of_real(std::numeric_limits<double>::infinity()))
      .value(Value(Missing::vanished))
      .value(Value::of(0))
      .end_array();
  EXPECT_EQ(json.text(), "[18446744073709551615,-9223372036854775808,0.25,null,null,0]");
}

TEST(JsonWriter, TakeLetsALongDocumentBeWrittenAsItGrows) {
  JsonWriter json;
  std::string whole;
  json.begin_array();
  for (int i = 0; i < 3; ++i) {
    json.integer(i);
    whole += json.take();
  }
  json.end_array();
  whole += json.take();
  EXPECT_EQ(whole, "[0,1,2]");
}

TEST(JsonWriterDeathTest, UnbalancedCallsAreBugs) {
  EXPECT_DEATH(JsonWriter().end_object(), "closer");
  EXPECT_DEATH(JsonWriter().begin_array().end_object(), "closer");
  EXPECT_DEATH(JsonWriter().begin_object().string("value without a key"), "closer");
  EXPECT_DEATH(JsonWriter().begin_object().key("a").end_object(), "after_key_");
  EXPECT_DEATH(JsonWriter().begin_object().key("a").key("b"), "after_key_");
  EXPECT_DEATH(JsonWriter().key("a"), "levels_");
}

}  // namespace
}  // namespace isotach::view

#include "base/json_reader.h"

#include <gtest/gtest.h>

#include <limits>

namespace isotach {
namespace {

TEST(JsonReader, readsEveryType) {
  const auto json =
      parse_json(R"( {"a": [1, -2.5e1, true, false, null, "x"], "b": {"c": 18014398509481985}} )");
  ASSERT_TRUE(json.has_value());
  const JsonValue* a = json->find("a");
  ASSERT_NE(a, nullptr);
  ASSERT_EQ(a->elements().size(), 6u);
  EXPECT_EQ(a->elements()[0].integer(), 1);
  EXPECT_EQ(a->elements()[1].real(), -25.0);
  EXPECT_EQ(a->elements()[1].integer(), -25);
  EXPECT_EQ(a->elements()[2].boolean(), true);
  EXPECT_EQ(a->elements()[3].boolean(), false);
  EXPECT_EQ(a->elements()[4].type(), JsonValue::Type::null);
  EXPECT_EQ(*a->elements()[5].string(), "x");
  // Beyond 2^53, where a double would round.
  EXPECT_EQ(json->find("b")->find("c")->integer(), 18014398509481985);
}

TEST(JsonReader, isAbsentWhereTheTypeIsWrong) {
  const auto json = parse_json(R"({"number": 1, "text": "1", "half": 0.5, "huge": 1e300})");
  ASSERT_TRUE(json.has_value());
  EXPECT_EQ(json->find("number")->string(), nullptr);
  EXPECT_FALSE(json->find("number")->boolean());
  EXPECT_FALSE(json->find("text")->integer());
  EXPECT_FALSE(json->find("text")->real());
  EXPECT_FALSE(json->find("half")->integer());
  EXPECT_FALSE(json->find("huge")->integer());
  EXPECT_TRUE(json->find("number")->elements().empty());
  EXPECT_EQ(json->find("absent"), nullptr);
  EXPECT_EQ(json->find("number")->find("a"), nullptr);
}

TEST(JsonReader, readsTheWholeUnsignedRange) {
  const auto json = parse_json("[18446744073709551615, 7, -7, 18446744073709551616]");
  ASSERT_TRUE(json.has_value());
  EXPECT_EQ(json->elements()[0].unsigned_integer(), ~std::uint64_t{0});
  EXPECT_FALSE(json->elements()[0].integer());
  EXPECT_EQ(json->elements()[1].unsigned_integer(), 7u);
  EXPECT_FALSE(json->elements()[2].unsigned_integer());
  EXPECT_FALSE(json->elements()[3].unsigned_integer());
}

TEST(JsonReader, readsEscapes) {
  const auto json = parse_json(R"("\"\\\/\b\f\n\r\tA\u00e9\u20ac\ud83d\ude00")");
  ASSERT_TRUE(json.has_value());
  EXPECT_EQ(*json->string(), "\"\\/\b\f\n\r\tA\u00e9\u20ac\U0001f600");
}

TEST(JsonReader, refusesWhatIsNoJson) {
  for (const char* text :
       {"",    " ",      "{",        "[1,]",  "{\"a\" 1}", "{a:1}",       "01",          "1.",          "1e",
        "-",   "+1",     "tru",      "\"",    "\"\\x\"",   "\"\\ud800\"", "\"\\udc00\"", "\"\\u12g4\"", "1 2",
        "nul", "\"\n\"", "\"\xff\"", "1e999", "[1 2]"})
    EXPECT_FALSE(parse_json(text).has_value()) << text;
}

TEST(JsonReader, isBounded) {
  const std::string deep(4000, '[');
  EXPECT_NE(parse_json(deep).error().doing.find("nested too deeply"), std::string::npos);
  std::string many = "[0";
  for (int i = 0; i < 20000; ++i) many += ",0";
  EXPECT_NE(parse_json(many + "]").error().doing.find("too many values"), std::string::npos);
}

TEST(JsonReader, quotesWhatItReads) {
  for (const std::string text : {"plain", "with \"quotes\" and \\", "\n\t\x01", "\u20ac"})
    EXPECT_EQ(*parse_json(json_quoted(text))->string(), text);
  EXPECT_EQ(*parse_json(json_quoted("a\xff"))->string(), "a\ufffd");
}

}  // namespace
}  // namespace isotach

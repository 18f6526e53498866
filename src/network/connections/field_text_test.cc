#include "network/connections/field_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "network/connections/fields.h"
#include "network/connections/talk_fixture.h"

namespace isotach::network {
namespace {

std::string text_of(const FieldValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* count = std::get_if<std::uint64_t>(&value)) return fmt::format("{}", *count);
  if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
  return "";
}

std::string expected_text(const Connection& one) {
  std::string text;
  for (const DirectionField& field : direction_fields())
    for (const Direction& direction : one.directions) text += ',' + text_of(field.value(one, direction));
  return text.substr(1);
}

std::string written_text(const Connection& one) {
  std::vector<char> room(most_field_text());
  return {room.data(), write_field_texts(room.data(), one)};
}

void exchange(Talk& talk) {
  talk.open();
  for (std::uint32_t i = 0; i < 5; ++i) {
    talk.a(20 + i * i, {.sequence = 1000 + i * 100, .ack = 5000, .flags = kTcpAck | kTcpPsh, .data = 100});
    talk.b(22 + i * i, {.sequence = 5000, .ack = 1100 + i * 100});
  }
}

TEST(FieldText, IsThatOfTheValuesWhereThereIsNoTrouble) {
  Talk talk;
  exchange(talk);
  const Connection& one = talk.end();
  ASSERT_EQ(one.a().trouble, nullptr);
  ASSERT_EQ(one.b().trouble, nullptr);
  EXPECT_EQ(written_text(one), expected_text(one));
  EXPECT_EQ(field_text_count(), direction_fields().size() * 2);
}

TEST(FieldText, IsThatOfTheValuesOfTroubles) {
  Talk talk;
  exchange(talk);
  talk.a(900, {.sequence = 1300, .ack = 5000, .data = 100});
  talk.a(2900, {.sequence = 1300, .ack = 5000, .data = 100});
  talk.b(2950, {.sequence = 5000, .ack = 1500, .window = 0});
  talk.b(4950, {.sequence = 5000, .ack = 1500, .window = 100});
  const Connection& one = talk.end();
  ASSERT_NE(one.a().trouble, nullptr);
  ASSERT_NE(one.b().trouble, nullptr);
  EXPECT_EQ(written_text(one), expected_text(one));
}

TEST(FieldText, OfNothingAndOfNumbersThatAreLarge) {
  Connection one;
  EXPECT_EQ(written_text(one), expected_text(one));
  Direction& a = one.directions[0];
  one.first_ns = 1;
  one.last_ns = 3;
  a.packets = a.syns = a.fins = a.data_packets = 0xffff'ffff;
  a.wire_bytes = a.unique_bytes = a.data_bytes = a.outstanding_total = ~std::uint64_t{0};
  a.outstanding_count = 1;
  a.rtt.count = 2;
  a.rtt.least = a.rtt.most = std::uint64_t{1} << 62;
  a.rtt.sum = 1e300;
  a.rtt.sum_of_squares = 1e308;
  a.last_data_ns = -77'000'000'001;
  a.troubles().zero_window_ns = 1;
  EXPECT_EQ(written_text(one), expected_text(one));
  EXPECT_LE(written_text(one).size(), most_field_text());
}

}  // namespace
}  // namespace isotach::network

#include "network/connections/condition.h"

#include <gtest/gtest.h>

#include <string>

namespace isotach::network {
namespace {

// 25 retransmissions from a, 6 s, 40 ms mean round trip from a, b is 10.1.2.3:443; reset.
Connection some_connection() {
  Connection one;
  one.key.ip_version = 4;
  one.key.source_port = 40000;
  one.key.destination_port = 443;
  one.key.destination[0] = 10;
  one.key.destination[1] = 1;
  one.key.destination[2] = 2;
  one.key.destination[3] = 3;
  one.last_ns = 6'000'000'000;
  one.directions[0].packets = 500;
  one.directions[0].troubles().retransmitted_packets = 25;
  one.directions[0].rtt.add(40e6);
  one.directions[0].unique_bytes = 3000;
  one.directions[1].unique_bytes = 1000;
  one.directions[1].resets = 1;
  return one;
}

bool holds(const std::string& text, const LimitShares* limits = nullptr) {
  const Connection connection = some_connection();
  const auto condition = Condition::parse(text);
  EXPECT_TRUE(condition.has_value()) << text << ": " << condition.error().message();
  return condition && condition->holds({connection, 4, limits, nullptr, "www.example.com"});
}

std::string error_of(const std::string& text) {
  const auto condition = Condition::parse(text);
  if (condition) return "no error";
  EXPECT_EQ(condition.error().kind, ErrorKind::usage);
  return condition.error().message() + " | " + condition.error().remedy;
}

TEST(Condition, ComparesNumbers) {
  EXPECT_TRUE(holds("retransmits>10 && duration>5s"));
  EXPECT_FALSE(holds("retransmits > 10 and duration > 7s"));
  EXPECT_TRUE(holds("retransmits>100 || duration>5"));
  EXPECT_TRUE(holds("duration < 1m and duration >= 6000ms"));
  EXPECT_TRUE(holds("bytes = 4000 and bytes < 4Ki and bytes == 4K"));
  EXPECT_TRUE(holds("not (packets != 500)"));
  EXPECT_TRUE(holds("!(packets > 500)"));
  EXPECT_TRUE(holds("conn = 5"));
}

TEST(Condition, TimesHaveTheUnitOfTheFieldOrTheirOwn) {
  EXPECT_TRUE(holds("rtt = 40"));
  EXPECT_TRUE(holds("RTT_avg = 40ms"));
  EXPECT_TRUE(holds("RTT_avg > 0.039s and RTT_avg < 41000us"));
}

TEST(Condition, DirectionsAreEitherBothOrOne) {
  EXPECT_TRUE(holds("rexmt_data_pkts > 10"));
  EXPECT_TRUE(holds("a2b.rexmt_data_pkts > 10"));
  EXPECT_FALSE(holds("b2a.rexmt_data_pkts > 10"));
  EXPECT_FALSE(holds("both.rexmt_data_pkts > 10"));
  EXPECT_TRUE(holds("c_rexmt_data_pkts > 10 and s_rexmt_data_pkts = 0"));
  EXPECT_TRUE(holds("b_unique_bytes_sent >= 1000"));
  EXPECT_TRUE(holds("rexmt_data_pkts_a2b > 10 and rexmt_data_pkts_b2a = 0"));
  EXPECT_TRUE(holds("port_b = 443 and port_a != 443 and host_b = 10.1.2.3 and host_a != 10.1.2.3"));
  EXPECT_NE(error_of("rexmt_data_pkts_b > 10").find("there is no field"), std::string::npos);
  EXPECT_TRUE(holds("a2b.unique_bytes_sent > 2 * b2a.unique_bytes_sent"));
}

TEST(Condition, MissingValuesFulfilNothing) {
  EXPECT_FALSE(holds("b2a.rtt > 0"));
  EXPECT_FALSE(holds("b2a.rtt <= 0"));
  EXPECT_FALSE(holds("packets / (conn - 5) > 0"));
}

TEST(Condition, ComparesTexts) {
  EXPECT_TRUE(holds("state = reset"));
  EXPECT_TRUE(holds("name ~ example.com"));
  EXPECT_TRUE(holds("state != 'complete'"));
  EXPECT_TRUE(holds("host = 10.1.2.3 and port = 443"));
  EXPECT_TRUE(holds("host ~ 10.1. and b2a.port = 443"));
  EXPECT_FALSE(holds("limit = loss"));
  LimitShares shares;
  shares.has_data = shares.answered = true;
  shares.time_ns[static_cast<std::size_t>(Limit::loss)] = 5;
  EXPECT_TRUE(holds("limit = loss", &shares));
  EXPECT_TRUE(Condition::parse("limit = loss")->needs_limits());
  EXPECT_FALSE(holds("limit = 'slow start'", &shares));
  EXPECT_TRUE(Condition::parse("limit ~ 'receiver '").has_value());
  EXPECT_FALSE(Condition::parse("packets = 1")->needs_limits());
}

TEST(Condition, SaysWhatIsWrong) {
  EXPECT_EQ(
      error_of("retransmit > 5"),
      "the condition is wrong at character 1: there is no field 'retransmit' | did you mean retransmits? "
      "--fields lists all names");
  EXPECT_NE(error_of("packets >").find("character 10: it ends where a name or a number is expected"),
            std::string::npos);
  EXPECT_NE(error_of("(packets > 5").find("character 1: the parenthesis is not closed"), std::string::npos);
  EXPECT_NE(error_of("packets > 5x").find("'5x' is no number with a unit"), std::string::npos);
  EXPECT_NE(error_of("packets").find("a comparison is missing"), std::string::npos);
  EXPECT_NE(error_of("state > reset").find("texts can be compared only by"), std::string::npos);
  EXPECT_NE(error_of("packets = 'x'").find("a number and a text"), std::string::npos);
  EXPECT_NE(error_of("packets > 5 retransmits > 3").find("an operator such as && is expected"),
            std::string::npos);
  EXPECT_NE(error_of("packets > 5 && 7").find("behind it a comparison is missing"), std::string::npos);
  EXPECT_NE(error_of("x.rtt > 5").find("'x.' is no direction"), std::string::npos);
  EXPECT_NE(error_of("").find("it ends where"), std::string::npos);
  EXPECT_NE(error_of("rtt > 5 ms").find("a unit stands right behind its number: 5s"), std::string::npos);
  EXPECT_NE(error_of("state = rest").find("never 'rest' | write one of: complete, reset, incomplete"),
            std::string::npos);
  EXPECT_NE(error_of("'foo' != a2b.limit").find("never 'foo' | write one of: sender_application"),
            std::string::npos);
  EXPECT_NE(error_of(std::string(2000, '(')).find("nested too deeply"), std::string::npos);
  EXPECT_NE(error_of(std::string(2000, '!')).find("nested too deeply"), std::string::npos);
  EXPECT_NE(error_of(std::string(5000, 'a')).find("longer than"), std::string::npos);
}

TEST(Condition, EveryNameIsUnderstood) {
  for (const ConditionName& one : condition_names())
    EXPECT_TRUE(Condition::parse(one.name + " = 1") || Condition::parse(one.name + " ~ x")) << one.name;
}

}  // namespace
}  // namespace isotach::network

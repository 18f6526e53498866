#include "view/web/access.h"

#include <gtest/gtest.h>

#include "view/web/http_server.h"

namespace isotach::view {
namespace {

TEST(HostIsOurs, TakesTheNodeNameOnlyBeyondLoopback) {
  EXPECT_TRUE(host_is_ours("db1:4747", "0.0.0.0", "db1"));
  EXPECT_TRUE(host_is_ours("DB1.example.com", "0.0.0.0", "db1"));
  EXPECT_FALSE(host_is_ours("db10.example.com", "0.0.0.0", "db1"));
  EXPECT_FALSE(host_is_ours("db1", "127.0.0.1", "db1"));
  EXPECT_FALSE(host_is_ours("example.com", "0.0.0.0", ""));
  EXPECT_TRUE(host_is_ours("monitor.example:80", "monitor.example", "db1"));
  EXPECT_TRUE(host_is_ours("192.0.2.7:80", "0.0.0.0", "db1"));
}

TEST(Loopback, IsRecognised) {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost", "x.localhost"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* host :
       {"128.0.0.1", "::2", "0.0.0.0", "::", "notlocalhost", "127.0.0.1.example", "", ".localhost"})
    EXPECT_FALSE(is_loopback_host(host)) << host;
}

TEST(IsAddress, TakesAddressesOnly) {
  for (const char* text : {"1.2.3.4", "::", "fe80::1%eth0", "::ffff:1.2.3.4"})
    EXPECT_TRUE(is_address(text)) << text;
  for (const char* text : {"", "1.2.3", "1.2.3.4%eth0", "fe80::1%", "fe80::1%a]b", "host", "%eth0"})
    EXPECT_FALSE(is_address(text)) << text;
  EXPECT_FALSE(is_address(std::string_view("127.0.0.1\0.evil", 15)));
  EXPECT_FALSE(is_loopback_host(std::string_view("127.0.0.1\0.evil", 15)));
}

TEST(ConstantTimeEquality, ComparesTheWhole) {
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  for (const char* wrong : {"", "s", "secre", "secret ", "secretsecret", "Secret"})
    EXPECT_FALSE(equal_in_constant_time("secret", wrong)) << wrong;
}

TEST(CookieValue, FindsTheWholeNameOnly) {
  EXPECT_EQ(cookie_value("a=1; isotach_1=x; b=2", "isotach_1"), "x");
  EXPECT_EQ(cookie_value("isotach_11=x", "isotach_1"), "");
  EXPECT_EQ(cookie_value("", "isotach_1"), "");
}

struct ListenCase {
  const char* text;
  const char* address;
  int port;
  bool loopback;
};

TEST(ListenAddress, TakesWhatPeopleType) {
  for (const ListenCase& one : {ListenCase{"8080", "127.0.0.1", 8080, true},
                                {":8080", "127.0.0.1", 8080, true},
                                {"localhost", "localhost", 4747, true},
                                {"127.0.0.1:0", "127.0.0.1", 0, true},
                                {"[::1]:8080", "::1", 8080, true},
                                {"::1", "::1", 4747, true},
                                {"[::1]", "::1", 4747, true},
                                {"*:80", "0.0.0.0", 80, false},
                                {"0.0.0.0", "0.0.0.0", 4747, false},
                                {"db1.example:9", "db1.example", 9, false}}) {
    const auto parsed = parse_listen_address(one.text, 4747);
    ASSERT_TRUE(parsed) << one.text;
    EXPECT_EQ(parsed->address, one.address) << one.text;
    EXPECT_EQ(parsed->port, one.port) << one.text;
    EXPECT_EQ(parsed->loopback, one.loopback) << one.text;
  }
}

TEST(ListenAddress, RefusesTheRest) {
  for (const char* text :
       {"", ":", "70000", "-1", "localhost:", "localhost:x", "[::1", "[::1]x", "[localhost]:1", "a b",
        "1.2.3", "1.2.3.4.5", "::1:x", "http://localhost:80", "\x1b[2J", "[]:1"}) {
    const auto parsed = parse_listen_address(text, 4747);
    EXPECT_FALSE(parsed) << text;
    if (!parsed) {
      EXPECT_EQ(parsed.error().kind, ErrorKind::usage);
    }
  }
}

}  // namespace
}  // namespace isotach::view

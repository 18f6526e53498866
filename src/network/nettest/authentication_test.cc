#include "network/nettest/authentication.h"

#include <gtest/gtest.h>

namespace isotach::nettest {
namespace {

TEST(Authentication, ReadsTheTextOfATokenWhateverThePasswordHolds) {
  for (const std::string password : {"secret", "", "a\npwd:  b", "ts:   7", "a,b{c}"}) {
    const auto read = read_token_text(token_text({{"mario", password}, 1700000000}));
    ASSERT_TRUE(read) << password;
    EXPECT_EQ(read->credentials.user, "mario");
    EXPECT_EQ(read->credentials.password, password);
    EXPECT_EQ(read->time_s, 1700000000);
  }
  for (const char* bad : {"", "user: ", "user: a\npwd:  b", "user: a\npwd:  b\nts:   ",
                          "user: a\npwd:  b\nts:   -1", "user: a\nts:   5", "user: a\nts:   5\npwd:  b"})
    EXPECT_FALSE(read_token_text(bad)) << bad;
}

TEST(Authentication, ReadsBase64AndNothingElse) {
  EXPECT_EQ(read_base64("TWFu"), "Man");
  EXPECT_EQ(read_base64("TWE="), "Ma");
  EXPECT_EQ(read_base64("TQ=="), "M");
  for (const char* bad : {"", "=", "TWF", "TW=u", "T===", "TWF!", "TW F"})
    EXPECT_FALSE(read_base64(bad)) << bad;
}

TEST(Authentication, FindsAUserByTheHashOfNameAndPassword) {
  // echo -n "{mario}rossi" | sha256sum
  constexpr std::string_view kUsers =
      "# name,hash\nluigi,00\nmario,bf7a49a846d44b454a5d11e7acfaf13d138bbe0b7483aa3e050879700572709b\r\n";
  EXPECT_TRUE(is_listed(kUsers, {"mario", "rossi"}));
  EXPECT_FALSE(is_listed(kUsers, {"mario", "rossi2"}));
  EXPECT_FALSE(is_listed(kUsers, {"luigi", "rossi"}));
  EXPECT_FALSE(is_listed("", {"mario", "rossi"}));
}

}  // namespace
}  // namespace isotach::nettest

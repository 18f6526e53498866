#include "memory/ksm/meaning.h"

#include <gtest/gtest.h>

namespace isotach::memory {
namespace {

std::vector<kernel::KsmFile> files(const std::vector<std::pair<std::string, std::int64_t>>& numbers) {
  std::vector<kernel::KsmFile> all;
  for (const auto& [name, number] : numbers)
    all.push_back({name, std::to_string(number),
                   number < 0 ? Value::of_signed(number) : Value::of(static_cast<std::uint64_t>(number)),
                   false});
  return all;
}

bool has(const KsmMeaning& meaning, const std::string& id) {
  for (const KsmProblem& problem : meaning.problems)
    if (problem.id == id) return true;
  return false;
}

// 512 MiB of equal pages, merged: measured.
TEST(KsmMeaning, TheKernelsProfitFollowsFromTheOtherNumbers) {
  const KsmMeaning meaning = meaning_of_ksm(files({{"run", 1},
                                                   {"pages_to_scan", 1000},
                                                   {"sleep_millisecs", 20},
                                                   {"pages_shared", 512},
                                                   {"pages_sharing", 130560},
                                                   {"pages_unshared", 0},
                                                   {"pages_volatile", 0},
                                                   {"ksm_zero_pages", 0},
                                                   {"full_scans", 5},
                                                   {"general_profit", 526385152}}),
                                            4096);
  EXPECT_EQ(meaning.merged_pages, 131072);
  EXPECT_EQ(meaning.saved_bytes, 130560.0 * 4096);
  EXPECT_EQ(meaning.profit_difference_bytes, 0);
  EXPECT_EQ(meaning.wanted_pages_per_second, 50000);
  EXPECT_TRUE(meaning.problems.empty());
  ASSERT_GE(meaning.sentences.size(), 2U);
  EXPECT_NE(meaning.sentences[0].find("each stands for 256.0"), std::string::npos) << meaning.sentences[0];
}

TEST(KsmMeaning, UniquePagesAreALoss) {
  const KsmMeaning meaning = meaning_of_ksm(files({{"run", 1},
                                                   {"pages_to_scan", 1000},
                                                   {"sleep_millisecs", 20},
                                                   {"pages_unshared", 131072},
                                                   {"full_scans", 5},
                                                   {"general_profit", -8388608}}),
                                            4096);
  EXPECT_TRUE(has(meaning, "loss"));
  EXPECT_TRUE(has(meaning, "mostly-unique"));
  EXPECT_EQ(meaning.profit_difference_bytes, 0);
  // Not before it has had the time to find equal pages.
  EXPECT_FALSE(has(meaning_of_ksm(files({{"run", 1}, {"pages_unshared", 131072}, {"full_scans", 1}}), 4096),
                   "mostly-unique"));
}

TEST(KsmMeaning, SeesSettingsThatCannotBeMeant) {
  EXPECT_TRUE(has(meaning_of_ksm(files({{"run", 1}, {"pages_to_scan", 0}, {"sleep_millisecs", 20}}), 4096),
                  "scans-nothing"));
  EXPECT_TRUE(has(meaning_of_ksm(files({{"run", 1}, {"pages_to_scan", 100}, {"sleep_millisecs", 0}}), 4096),
                  "never-sleeps"));
  EXPECT_TRUE(
      has(meaning_of_ksm(files({{"run", 1}, {"pages_to_scan", 1000000}, {"sleep_millisecs", 20}}), 4096),
          "runaway"));
  EXPECT_TRUE(has(meaning_of_ksm(files({{"run", 0}, {"pages_shared", 1}, {"pages_sharing", 9}}), 4096),
                  "stopped-with-merged"));
  // None of them matters while ksmd is stopped.
  EXPECT_TRUE(meaning_of_ksm(files({{"run", 0}, {"pages_to_scan", 0}, {"sleep_millisecs", 0}}), 4096)
                  .problems.empty());
}

TEST(KsmMeaning, ReadsTheModeOfTheAdvisor) {
  const std::vector<kernel::KsmFile> chosen = {
      {"advisor_mode", "none [scan-time]", Missing::malformed, true}};
  EXPECT_EQ(KsmNumbers(chosen).advisor(), "scan-time");
  EXPECT_EQ(KsmNumbers({}).advisor(), "");
}

}  // namespace
}  // namespace isotach::memory

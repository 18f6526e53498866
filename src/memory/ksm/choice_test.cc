#include "memory/ksm/choice.h"

#include <gtest/gtest.h>

namespace isotach::memory {
namespace {

const kernel::KsmValues& now() {
  return ksm_defaults();
}

std::string refusal(const std::vector<std::string>& words, const kernel::KsmValues& held = ksm_defaults()) {
  const auto read = read_ksm_choice(words, held, KsmForce::no);
  return read ? "" : read.error().doing + "; " + read.error().remedy;
}

TEST(KsmChoice, TakesWhatTheLabAsksFor) {
  const auto read =
      read_ksm_choice({"run=1", "pages_to_scan=1000", "sleep_millisecs=020", "max_page_sharing=1000000"},
                      now(), KsmForce::no);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, (kernel::KsmValues{{"run", "1"},
                                      {"pages_to_scan", "1000"},
                                      {"sleep_millisecs", "20"},
                                      {"max_page_sharing", "1000000"}}));
}

TEST(KsmChoice, RefusesWhatHarmsTheMachineUnlessForced) {
  for (const char* word : {"pages_to_scan=0", "pages_to_scan=1000001", "sleep_millisecs=0",
                           "sleep_millisecs=60001", "max_page_sharing=15", "max_page_sharing=1000001",
                           "advisor_max_cpu=0", "advisor_min_pages_to_scan=0"}) {
    EXPECT_NE(refusal({word}).find("--force"), std::string::npos) << word << ": " << refusal({word});
    EXPECT_TRUE(read_ksm_choice({word}, now(), KsmForce::yes)) << word;
  }
  for (const char* word : {"pages_to_scan=1", "pages_to_scan=1000000", "sleep_millisecs=1",
                           "max_page_sharing=16", "max_page_sharing=1000000"})
    EXPECT_EQ(refusal({word}), "") << word;
}

TEST(KsmChoice, RefusesWhatTheKernelWouldNotTakeEvenWhenForced) {
  for (const char* word : {"run=3", "run=", "run=-1", "pages_to_scan=4294967296", "max_page_sharing=1",
                           "smart_scan=2", "advisor_mode=always", "advisor_max_cpu=101", "pages_to_scan=1e3"})
    EXPECT_FALSE(read_ksm_choice({word}, now(), KsmForce::yes)) << word;
}

TEST(KsmChoice, NamesWhatWasMeant) {
  EXPECT_NE(refusal({"page_to_scan=1"}).find("did you mean: pages_to_scan?"), std::string::npos);
  EXPECT_NE(refusal({"run"}).find("NAME=VALUE"), std::string::npos);
  EXPECT_NE(refusal({"=1"}).find("NAME=VALUE"), std::string::npos);
  EXPECT_NE(refusal({"run=1", "run=0"}).find("twice"), std::string::npos);
  EXPECT_NE(refusal({}).find("nothing to set"), std::string::npos);
  const kernel::KsmValues old = {{"run", "0"}, {"pages_to_scan", "100"}};
  EXPECT_NE(refusal({"smart_scan=1"}, old).find("this kernel has no setting"), std::string::npos);
  // A counter is no setting.
  EXPECT_NE(refusal({"pages_sharing=1"}), "");
}

TEST(KsmChoice, TheAdvisorOwnsTheRate) {
  kernel::KsmValues advised = now();
  for (auto& [name, value] : advised)
    if (name == "advisor_mode") value = "scan-time";
  EXPECT_NE(refusal({"pages_to_scan=1000"}, advised).find("advisor_mode=none"), std::string::npos);
  EXPECT_EQ(refusal({"pages_to_scan=1000", "advisor_mode=none"}, advised), "");
  EXPECT_NE(refusal({"pages_to_scan=1000", "advisor_mode=scan-time"}), "");
  EXPECT_NE(refusal({"advisor_min_pages_to_scan=40000"}), "");
}

TEST(KsmChoice, WarnsOfWhatIsUnwise) {
  EXPECT_TRUE(warn_of_ksm_choice(now(), {{"run", "1"}, {"pages_to_scan", "1000"}}).empty());
  EXPECT_EQ(warn_of_ksm_choice(now(), {{"run", "1"}, {"pages_to_scan", "20000"}}).size(), 1U);
  EXPECT_TRUE(warn_of_ksm_choice(now(), {{"pages_to_scan", "20000"}}).empty());  // ksmd does not run
  EXPECT_EQ(
      warn_of_ksm_choice(now(), {{"max_page_sharing", "1000000"}, {"advisor_mode", "scan-time"}}).size(), 2U);
}

TEST(KsmChoice, SaysWhatIsInTheWayAndWhatToType) {
  const Error error = ksm_is_merged("max_page_sharing", {"max_page_sharing=1000"}, {2, 510, 0}, 4096);
  EXPECT_NE(error.doing.find("2 pages stand for 512"), std::string::npos) << error.doing;
  EXPECT_NE(error.doing.find("run=0"), std::string::npos);
  EXPECT_NE(error.remedy.find("isotach ksm set --unmerge max_page_sharing=1000"), std::string::npos);
}

}  // namespace
}  // namespace isotach::memory

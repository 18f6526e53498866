#include "kernel/kernel_config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace isotach::kernel {
namespace {

// printf 'CONFIG_KSM=y\n' | gzip -n
constexpr unsigned char kPacked[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x73,
                                     0xf6, 0xf7, 0x73, 0xf3, 0x74, 0x8f, 0xf7, 0x0e, 0xf6, 0xb5, 0xad,
                                     0xe4, 0x02, 0x00, 0xa8, 0xa3, 0x63, 0x9f, 0x0d, 0x00, 0x00, 0x00};

std::string_view packed() {
  return {reinterpret_cast<const char*>(kPacked), sizeof kPacked};
}

TEST(KernelConfig, FindsTheOptionAndNoOther) {
  const std::string_view text =
      "CONFIG_KSM_EXTRA=m\n# CONFIG_NUMA is not set\nCONFIG_KSM=y\nCONFIG_HOST=\"db 1\"\n";
  EXPECT_EQ(config_value(text, "CONFIG_KSM"), "y");
  EXPECT_EQ(config_value(text, "CONFIG_NUMA"), "n");
  EXPECT_EQ(config_value(text, "CONFIG_HOST"), "db 1");
  EXPECT_EQ(config_value(text, "CONFIG_K"), std::nullopt);
  EXPECT_EQ(config_value("", "CONFIG_KSM"), std::nullopt);
}

TEST(KernelConfig, UnpacksAndRefusesDamage) {
  EXPECT_EQ(gunzip(packed()).value(), "CONFIG_KSM=y\n");
  EXPECT_FALSE(gunzip(packed().substr(0, 20)));
  EXPECT_FALSE(gunzip("no gzip file"));
  EXPECT_FALSE(gunzip(""));
}

TEST(KernelConfig, TellsWhatEachPlaceSaid) {
  const std::string folder = ::testing::TempDir() + "isotach_config_" + std::to_string(::getpid());
  std::filesystem::create_directories(folder + "/proc");
  std::filesystem::create_directories(folder + "/boot");
  std::filesystem::create_directories(folder + "/usr/lib/ostree-boot");
  std::ofstream(folder + "/proc/config.gz") << packed();
  std::ofstream(folder + "/boot/config-6.1") << "CONFIG_SWAP=y\n";
  std::ofstream(folder + "/usr/lib/ostree-boot/config-6.1-abc") << "# CONFIG_KSM is not set\n";
  const auto answers = look_up_config(SystemRoot(folder), "6.1", "CONFIG_KSM");
  ASSERT_EQ(answers.size(), 5U);
  EXPECT_EQ(answers[0].value, "y");
  EXPECT_EQ(answers[1].value, std::nullopt);
  EXPECT_EQ(answers[1].why, "does not name CONFIG_KSM");
  EXPECT_EQ(answers[2].why, "no such file");
  EXPECT_EQ(answers[4].value, "n");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace isotach::kernel

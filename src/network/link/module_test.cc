#include "network/link/module.h"

#include <gtest/gtest.h>

namespace isotach::network {
namespace {

std::string memory(char identifier, std::size_t size) {
  std::string bytes(size, ' ');
  bytes[0] = identifier;
  return bytes;
}

void put(std::string& bytes, std::size_t offset, const std::string& text) {
  bytes.replace(offset, text.size(), text);
}

TEST(Module, Sfp) {
  std::string bytes = memory(0x03, 128);
  put(bytes, 20, "FINISAR CORP.");
  put(bytes, 40, "FTLX8571D3BCL");
  put(bytes, 56, "A");
  put(bytes, 68, "AK20L6H");
  const auto module = parse_module(bytes);
  ASSERT_TRUE(module);
  EXPECT_EQ(module->kind, "SFP");
  EXPECT_EQ(module->vendor, "FINISAR CORP.");
  EXPECT_EQ(module->part, "FTLX8571D3BCL");
  EXPECT_EQ(module->revision, "A");
  EXPECT_EQ(module->serial, "AK20L6H");
}

TEST(Module, QsfpAndCmisKeepThemInTheUpperHalf) {
  std::string qsfp = memory(0x11, 256);
  put(qsfp, 148, "Mellanox");
  put(qsfp, 196, "MT1234");
  EXPECT_EQ(parse_module(qsfp)->vendor, "Mellanox");
  EXPECT_EQ(parse_module(qsfp)->serial, "MT1234");
  std::string cmis = memory(0x18, 256);
  put(cmis, 129, "Acme");
  put(cmis, 166, "S1");
  EXPECT_EQ(parse_module(cmis)->kind, "QSFP-DD");
  EXPECT_EQ(parse_module(cmis)->vendor, "Acme");
  EXPECT_EQ(parse_module(cmis)->serial, "S1");
}

TEST(Module, HostileBytes) {
  EXPECT_FALSE(parse_module(""));
  EXPECT_FALSE(parse_module(memory(0x7f, 256))) << "an unknown kind";
  EXPECT_FALSE(parse_module(memory(0x03, 83))) << "one byte too short";
  EXPECT_TRUE(parse_module(memory(0x03, 84)));
  EXPECT_FALSE(parse_module(memory(0x11, 128))) << "only the lower half";
  std::string bytes = memory(0x03, 128);
  put(bytes, 20, "a\x1b[2Jb");
  EXPECT_EQ(parse_module(bytes)->vendor, "a?[2Jb");
}

}  // namespace
}  // namespace isotach::network

#include "kernel/swap_area.h"

#include <gtest/gtest.h>

namespace isotach::kernel {
namespace {

SwapHeader example(std::uint32_t page_bytes) {
  SwapHeader header;
  header.page_bytes = page_bytes;
  header.last_page = 65535;
  header.label = "fifteen letters";
  header.uuid = {0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x41, 0xd0,
                 0xa7, 0x65, 0x00, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6};
  return header;
}

TEST(SwapHeader, IsReadBackAsItWasWritten) {
  for (const std::uint32_t page_bytes : {4096u, 8192u, 16384u, 65536u}) {
    const SwapHeader written = example(page_bytes);
    const std::string page = write_swap_header(written);
    ASSERT_EQ(page.size(), page_bytes);
    SwapHeader read;
    EXPECT_EQ(parse_swap_header(page, read), SwapSignature::swap);
    EXPECT_EQ(read, written);
  }
}

TEST(SwapHeader, HasTheLayoutOfTheKernel) {
  const std::string page = write_swap_header(example(4096));
  EXPECT_EQ(page.substr(4086), "SWAPSPACE2");
  EXPECT_EQ(page.substr(0, 1024), std::string(1024, '\0'));  // a boot loader may live there
  EXPECT_EQ(static_cast<unsigned char>(page[1036]), 0xf8);
  EXPECT_EQ(page.substr(1052, 15), "fifteen letters");
}

TEST(SwapHeader, AMachineOfTheOtherByteOrderIsUnderstood) {
  std::string page = write_swap_header(example(4096));
  for (const std::size_t offset : {1024, 1028, 1032}) {
    std::swap(page[offset], page[offset + 3]);
    std::swap(page[offset + 1], page[offset + 2]);
  }
  SwapHeader read;
  EXPECT_EQ(parse_swap_header(page, read), SwapSignature::swap);
  EXPECT_EQ(read.last_page, 65535u);
}

TEST(SwapHeader, WhatIsNoneIsNone) {
  SwapHeader header;
  EXPECT_EQ(parse_swap_header("", header), SwapSignature::none);
  EXPECT_EQ(parse_swap_header("SWAPSPACE2", header), SwapSignature::none);
  EXPECT_EQ(parse_swap_header(std::string(65536, '\0'), header), SwapSignature::none);
  std::string page = write_swap_header(example(4096));
  EXPECT_EQ(parse_swap_header(page.substr(1), header), SwapSignature::none);
  page.replace(4086, 10, "SWAP-SPACE");
  EXPECT_EQ(parse_swap_header(page, header), SwapSignature::old_swap);
}

TEST(SwapHeader, AHibernatedMachineIsSeen) {
  for (const char* magic : {"S1SUSPEND", "S2SUSPEND", "ULSUSPEND", "LINHIB0001"}) {
    std::string page(4096, '\0');
    page.replace(4086, std::string_view(magic).size(), magic);
    SwapHeader header;
    EXPECT_EQ(parse_swap_header(page, header), SwapSignature::hibernated) << magic;
  }
}

TEST(Uuid, IsOfVersion4AndNeverTheSame) {
  const auto one = make_uuid();
  const auto other = make_uuid();
  ASSERT_TRUE(one && other);
  EXPECT_NE(*one, *other);
  const std::string text = uuid_text(*one);
  EXPECT_EQ(text.size(), 36u);
  EXPECT_EQ(text[14], '4');
  EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
  EXPECT_EQ(uuid_text(example(4096).uuid), "f81d4fae-7dec-41d0-a765-00a0c91e6bf6");
}

}  // namespace
}  // namespace isotach::kernel

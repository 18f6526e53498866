#include "kernel/pagemap.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace isotach::kernel {
namespace {

// Private memory of this process, given back at the end.
class Pages {
 public:
  explicit Pages(std::size_t count) : bytes_(count * page_size_bytes()) {
    at_ = static_cast<char*>(
        ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    ::madvise(at_, bytes_, MADV_NOHUGEPAGE);
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() { ::munmap(at_, bytes_); }

  [[nodiscard]] std::uint64_t address(std::size_t page) const {
    return reinterpret_cast<std::uintptr_t>(at_) + page * page_size_bytes();
  }
  void write(std::size_t page) { at_[page * page_size_bytes()] = 1; }

 private:
  std::size_t bytes_;
  char* at_ = nullptr;
};

Pagemap own_map() {
  auto map = Pagemap::open(SystemRoot(), static_cast<unsigned>(::getpid()));
  EXPECT_TRUE(map);
  return std::move(*map);
}

TEST(PageEntry, SplitsItsBits) {
  const PageEntry present((std::uint64_t{1} << 63) | (std::uint64_t{1} << 56) | 0x1234);
  EXPECT_TRUE(present.present());
  EXPECT_TRUE(present.exclusive());
  EXPECT_FALSE(present.swapped());
  EXPECT_FALSE(present.file_or_shared());
  EXPECT_EQ(present.frame(), 0x1234u);
  EXPECT_EQ(present.swap_offset(), 0u);
  const PageEntry swapped((std::uint64_t{1} << 62) | (std::uint64_t{1} << 55) | (77u << 5) | 3);
  EXPECT_TRUE(swapped.swapped());
  EXPECT_TRUE(swapped.soft_dirty());
  EXPECT_EQ(swapped.swap_type(), 3u);
  EXPECT_EQ(swapped.swap_offset(), 77u);
  EXPECT_EQ(swapped.frame(), 0u);
  EXPECT_FALSE(PageEntry().present());
  EXPECT_TRUE(PageEntry(std::uint64_t{1} << 58).guard());
  EXPECT_TRUE(PageEntry(~std::uint64_t{0}).userfault_protected());
}

TEST(Pagemap, ShowsWhichPagesAreThere) {
  Pages pages(4);
  pages.write(1);
  pages.write(3);
  std::array<PageEntry, 4> entries;
  const auto got = own_map().read(pages.address(0), entries);
  ASSERT_TRUE(got);
  ASSERT_EQ(*got, 4u);
  EXPECT_FALSE(entries[0].present());
  EXPECT_TRUE(entries[1].present());
  EXPECT_FALSE(entries[1].file_or_shared());
  EXPECT_FALSE(entries[2].present());
  EXPECT_TRUE(entries[3].present());
}

TEST(Pagemap, SkipsHolesOfASparseMapping) {
  constexpr std::size_t kPages = std::size_t{1} << 22;  // 16 GiB of addresses
  Pages pages(kPages);
  pages.write(5);
  pages.write(6);
  pages.write(kPages - 1);
  Pagemap map = own_map();
  const AddressRange whole{pages.address(0), pages.address(kPages)};
  const std::vector<AddressRange> expected = {{pages.address(5), pages.address(7)},
                                              {pages.address(kPages - 1), pages.address(kPages)}};
  std::vector<AddressRange> found;
  ASSERT_TRUE(map.find_populated(whole, found));
  EXPECT_EQ(found, expected);
  // The same without the call, in a part that is quick to read.
  map.forget_scan_call();
  const AddressRange part{pages.address(0), pages.address(20000)};
  ASSERT_TRUE(map.find_populated(part, found));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0], expected[0]);
}

TEST(Pagemap, TakesThePageOfZerosForAHole) {
  Pages pages(10);
  for (std::size_t page = 0; page < 10; ++page)
    static_cast<void>(*reinterpret_cast<volatile const char*>(pages.address(page)));
  pages.write(4);
  Pagemap map = own_map();
  std::vector<AddressRange> found;
  const std::vector<AddressRange> expected = {{pages.address(4), pages.address(5)}};
  ASSERT_TRUE(map.find_populated({pages.address(0), pages.address(10)}, found));
  if (found.size() != 1 && ::geteuid() != 0) GTEST_SKIP() << "before Linux 6.7 frames must be seen for it";
  EXPECT_EQ(found, expected);
  if (::geteuid() != 0) return;
  map.forget_scan_call();
  ASSERT_TRUE(map.find_populated({pages.address(0), pages.address(10)}, found));
  EXPECT_EQ(found, expected);
}

TEST(Pagemap, GoesOnAfterManyParts) {
  constexpr std::size_t kPages = 5000;
  Pages pages(kPages);
  for (std::size_t page = 0; page < kPages; page += 2) pages.write(page);
  for (const bool by_call : {true, false}) {
    Pagemap map = own_map();
    if (!by_call) map.forget_scan_call();
    std::uint64_t at = pages.address(0);
    std::size_t parts = 0;
    std::vector<AddressRange> found;
    for (int round = 0; round < 100; ++round) {
      ASSERT_TRUE(map.find_populated({at, pages.address(kPages)}, found));
      if (found.empty()) break;
      EXPECT_LE(found.size(), Pagemap::kRangeLimit);
      parts += found.size();
      at = found.back().end;
    }
    EXPECT_EQ(parts, kPages / 2) << by_call;
  }
}

TEST(Pagemap, FindsNothingInAnEmptyRange) {
  Pages pages(2);
  Pagemap map = own_map();
  std::vector<AddressRange> found = {{1, 2}};
  ASSERT_TRUE(map.find_populated({pages.address(1), pages.address(1)}, found));
  EXPECT_TRUE(found.empty());
  ASSERT_TRUE(map.find_populated({pages.address(0), pages.address(2)}, found));
  EXPECT_TRUE(found.empty());
}

TEST(Pagemap, KnowsThePageOfZeros) {
  const std::uint64_t frame = zero_page_frame();
  if (::geteuid() != 0) {
    EXPECT_EQ(frame, 0u);
    return;
  }
  Pages pages(1);
  static_cast<void>(*reinterpret_cast<volatile const char*>(pages.address(0)));
  std::array<PageEntry, 1> entries;
  ASSERT_TRUE(own_map().read(pages.address(0), entries));
  EXPECT_EQ(entries[0].frame(), frame);
}

}  // namespace
}  // namespace isotach::kernel

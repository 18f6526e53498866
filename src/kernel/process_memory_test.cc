#include "kernel/process_memory.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "kernel/pagemap.h"

namespace isotach::kernel {
namespace {

ProcessMemory own_memory() {
  auto memory = ProcessMemory::open(static_cast<unsigned>(::getpid()));
  EXPECT_TRUE(memory);
  return std::move(*memory);
}

TEST(ProcessMemory, ReadsScatteredPagesAndTellsWhichItCould) {
  const std::size_t page = page_size_bytes();
  constexpr std::size_t kPages = 5000;  // more parts than one call takes
  void* const at = ::mmap(nullptr, kPages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(at, MAP_FAILED);
  auto* const bytes = static_cast<char*>(at);
  for (std::size_t i = 0; i < kPages; ++i) std::memcpy(bytes + i * page, &i, sizeof i);
  // One is gone, one is protected against its own process.
  ::munmap(bytes + 8 * page, page);
  ::mprotect(bytes + 10 * page, page, PROT_NONE);
  std::vector<std::uint64_t> addresses;
  for (std::size_t i = 0; i < kPages; i += 2)
    addresses.push_back(reinterpret_cast<std::uintptr_t>(bytes + i * page));
  constexpr std::size_t kEach = 64;
  std::vector<char> buffer(addresses.size() * kEach);
  std::vector<bool> readable;
  for (const auto way : {ProcessMemory::Way::pinning, ProcessMemory::Way::copying}) {
    const auto count = own_memory().read(way, addresses, kEach, buffer, readable);
    ASSERT_TRUE(count) << count.error().message();
    EXPECT_EQ(*count, addresses.size() - 1);
    ASSERT_EQ(readable.size(), addresses.size());
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      EXPECT_EQ(readable[i], i != 4) << i;
      if (!readable[i]) continue;
      std::size_t read = 0;
      std::memcpy(&read, buffer.data() + i * kEach, sizeof read);
      EXPECT_EQ(read, 2 * i);
    }
  }
  ::munmap(at, kPages * page);
}

TEST(ProcessMemory, ReadsNothingWhereNothingIsAskedFor) {
  std::vector<bool> readable = {true};
  std::vector<char> buffer;
  const auto count = own_memory().read(ProcessMemory::Way::pinning, {}, 4096, buffer, readable);
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, 0u);
  EXPECT_TRUE(readable.empty());
}

TEST(ProcessMemory, CopyingLeavesSharedPagesShared) {
  const std::size_t page = page_size_bytes();
  void* const at = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(at, MAP_FAILED);
  std::memset(at, 5, page);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0)
    for (;;) ::pause();
  auto memory = ProcessMemory::open(static_cast<unsigned>(child));
  if (memory) {
    const std::uint64_t address = reinterpret_cast<std::uintptr_t>(at);
    std::vector<char> buffer(page);
    std::vector<bool> readable;
    ASSERT_TRUE(memory->read(ProcessMemory::Way::copying, std::span(&address, 1), page, buffer, readable));
    EXPECT_EQ(buffer[0], 5);
    const auto map = Pagemap::open(SystemRoot(), static_cast<unsigned>(child));
    ASSERT_TRUE(map);
    PageEntry entry;
    ASSERT_TRUE(map->read(address, std::span(&entry, 1)));
    EXPECT_TRUE(entry.present());
    EXPECT_FALSE(entry.exclusive());
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::munmap(at, page);
}

TEST(ProcessMemory, SaysThatAProcessHasEnded) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const auto memory = ProcessMemory::open(static_cast<unsigned>(child));
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().errno_value, ESRCH);
}

}  // namespace
}  // namespace isotach::kernel

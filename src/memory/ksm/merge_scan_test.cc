#include "memory/ksm/merge_scan.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "kernel/process_memory.h"

namespace isotach::memory {
namespace {

kernel::Mapping with_flags(std::uint32_t flags) {
  kernel::Mapping mapping;
  mapping.flags_known = true;
  mapping.flags = flags;
  return mapping;
}

TEST(MergeRegion, LeavesOutWhatTheKernelCannotMerge) {
  using kernel::MappingFlag;
  EXPECT_TRUE(is_merge_compatible(with_flags(0)));
  EXPECT_TRUE(is_merge_compatible(with_flags(static_cast<std::uint32_t>(MappingFlag::locked))));
  for (const MappingFlag flag :
       {MappingFlag::may_share, MappingFlag::io, MappingFlag::frames_only, MappingFlag::do_not_expand,
        MappingFlag::huge_tlb, MappingFlag::mixed, MappingFlag::droppable, MappingFlag::shared})
    EXPECT_FALSE(is_merge_compatible(with_flags(static_cast<std::uint32_t>(flag))));
  kernel::Mapping from_maps;
  EXPECT_TRUE(is_merge_compatible(from_maps));
  from_maps.name = "[vvar]";
  EXPECT_FALSE(is_merge_compatible(from_maps));
}

// A child process with pages that it was told to have; it ends with the object.
class Child {
 public:
  // Calls fill(memory) in the child for `pages` private pages.
  template <class Fill>
  Child(std::size_t pages, const Fill& fill) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe(ends), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      void* const at = ::mmap(nullptr, pages * kernel::page_size_bytes(), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      ::madvise(at, pages * kernel::page_size_bytes(), MADV_NOHUGEPAGE);
      // Marked, so that the scan finds these pages alone.
      ::madvise(at, pages * kernel::page_size_bytes(), MADV_MERGEABLE);
      fill(static_cast<char*>(at));
      static_cast<void>(::write(ends[1], "x", 1));
      for (;;) ::pause();
    }
    char byte = 0;
    EXPECT_EQ(::read(ends[0], &byte, 1), 1);
    Fd(ends[0]).reset();
    Fd(ends[1]).reset();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] unsigned pid() const { return static_cast<unsigned>(pid_); }

 private:
  pid_t pid_ = -1;
};

constexpr std::size_t kPages = 1000;

void set_page(char* memory, std::size_t page, std::uint64_t content) {
  char* const at = memory + page * kernel::page_size_bytes();
  std::memset(at, 1, kernel::page_size_bytes());
  std::memcpy(at + 100, &content, sizeof content);
}

// Groups of four equal pages, then 200 absent ones, then 100 of zeros.
void fill_with_fours(char* memory) {
  for (std::size_t page = 0; page < 700; ++page) set_page(memory, page, page / 4);
  for (std::size_t page = 900; page < kPages; ++page)
    std::memset(memory + page * kernel::page_size_bytes(), 0, kernel::page_size_bytes());
}

bool goes_on(std::uint64_t) {
  return true;
}

// Fails where KSM is not built in: then nothing can be marked.
bool can_mark() {
  return ::access("/sys/kernel/mm/ksm/run", F_OK) == 0;
}

MergeScanOptions marked_only() {
  MergeScanOptions options;
  options.regions = MergeRegions::mergeable;
  return options;
}

bool may_read(unsigned pid) {
  return kernel::ProcessMemory::open(pid).has_value();
}

TEST(MergeScan, FindsTheContentsOfAProcess) {
  const Child child(kPages, fill_with_fours);
  if (!can_mark() || !may_read(child.pid())) GTEST_SKIP() << "needs KSM and the right to read children";
  for (const unsigned threads : {1u, 3u}) {
    MergeScanOptions options = marked_only();
    options.threads = threads;
    MergeScan scan(kernel::SystemRoot(), options);
    scan.add(child.pid());
    ASSERT_TRUE(scan.read(goes_on));
    scan.finish();
    ASSERT_EQ(scan.processes().size(), 1u);
    const ScannedProcess& process = scan.processes()[0];
    EXPECT_EQ(process.state, ScanState::scanned);
    EXPECT_EQ(process.places, 800u);
    EXPECT_EQ(process.unreadable_pages, 0u);
    EXPECT_EQ(scan.expected_pages(), 800u);
    EXPECT_EQ(scan.frames_found(), 800u);
    const ContentGroups groups(scan.records(), scan.zero_hash());
    EXPECT_EQ(groups.summary().contents, 176u);
    EXPECT_EQ(groups.summary().zero_places, 100u);
    EXPECT_EQ(merge_result(groups.summary(), {}, 4096).freed_frames, 175u * 3 + 99);
  }
}

TEST(MergeScan, LeavesOutWhatChangedBetweenTwoLooks) {
  const Child child(kPages, fill_with_fours);
  if (!can_mark() || !may_read(child.pid())) GTEST_SKIP() << "needs KSM and the right to read children";
  MergeScanOptions options = marked_only();
  options.looks_again = true;
  MergeScan scan(kernel::SystemRoot(), options);
  scan.add(child.pid());
  ASSERT_TRUE(scan.read(goes_on));
  // 50 pages of the child change: the marked mapping is the one found above.
  const auto mappings = kernel::read_mappings(kernel::SystemRoot(), child.pid(), kernel::MappingDetail::full);
  ASSERT_TRUE(mappings);
  std::uint64_t start = 0;
  for (const kernel::Mapping& mapping : *mappings)
    if (mapping.has(kernel::MappingFlag::mergeable)) start = mapping.start;
  ASSERT_NE(start, 0u);
  for (std::size_t page = 100; page < 150; ++page) {
    std::uint64_t word = 0xfeedfacecafef00d;
    const iovec here{&word, sizeof word};
    const iovec there{reinterpret_cast<void*>(start + page * kernel::page_size_bytes()), sizeof word};
    ASSERT_EQ(::process_vm_writev(static_cast<pid_t>(child.pid()), &here, 1, &there, 1, 0), 8);
  }
  ASSERT_TRUE(scan.look_again(goes_on));
  scan.finish();
  EXPECT_EQ(scan.processes()[0].volatile_pages, 50u);
  EXPECT_EQ(scan.records().size(), 750u);
}

TEST(MergeScan, KnowsWhatForkShares) {
  const Child parent(kPages, [](char* memory) {
    fill_with_fours(memory);
    if (::fork() == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) ::pause();
    }
  });
  if (!can_mark() || !may_read(parent.pid())) GTEST_SKIP() << "needs KSM and the right to read children";
  MergeScan scan(kernel::SystemRoot(), marked_only());
  scan.add(parent.pid());
  const std::string children =
      "/proc/" + std::to_string(parent.pid()) + "/task/" + std::to_string(parent.pid()) + "/children";
  const auto text = read_file(children);
  if (!text || text->empty()) GTEST_SKIP() << "this kernel does not list the children of a process";
  scan.add(static_cast<unsigned>(std::stoul(*text)));
  ASSERT_TRUE(scan.read(goes_on));
  scan.finish();
  EXPECT_EQ(scan.records().size(), 1600u);
  EXPECT_EQ(scan.frames_found(), 800u);
  const ContentGroups groups(scan.records(), scan.zero_hash());
  EXPECT_EQ(groups.summary().frames, 800u);
  // Twice as many places share as many frames.
  EXPECT_EQ(merge_result(groups.summary(), {}, 4096).freed_frames, 175u * 3 + 99);
  EXPECT_EQ(merge_result(groups.summary(), {}, 4096).pages_sharing, 175u * 7 + 199);
}

TEST(MergeScan, ReadsASampleOnly) {
  const Child child(kPages, fill_with_fours);
  if (!can_mark() || !may_read(child.pid())) GTEST_SKIP() << "needs KSM and the right to read children";
  MergeScanOptions options = marked_only();
  options.sample = 0.25;
  MergeScan scan(kernel::SystemRoot(), options);
  scan.add(child.pid());
  ASSERT_TRUE(scan.read(goes_on));
  scan.finish();
  EXPECT_EQ(scan.frames_found(), 800u);
  EXPECT_GT(scan.records().size(), 100u);
  EXPECT_LT(scan.records().size(), 300u);
}

TEST(MergeScan, ReadsEveryFourthPage) {
  const Child child(kPages, fill_with_fours);
  if (!can_mark() || !may_read(child.pid())) GTEST_SKIP() << "needs KSM and the right to read children";
  MergeScanOptions options = marked_only();
  options.evenly_spaced = true;
  std::size_t pages = 0;
  options.on_page = [&](const PageRecord&, std::span<const char> page) {
    EXPECT_EQ(page.size(), kernel::page_size_bytes());
    ++pages;
  };
  MergeScan scan(kernel::SystemRoot(), options);
  scan.add(child.pid());
  scan.set_sample(0.25);
  ASSERT_TRUE(scan.read(goes_on));
  scan.finish();
  EXPECT_EQ(scan.records().size(), 200u);
  EXPECT_EQ(pages, 200u);
  // One of each four that are equal, and of the zeros.
  const ContentGroups groups(scan.records(), scan.zero_hash());
  EXPECT_EQ(groups.summary().contents, 176u);
}

TEST(MergeScan, KeepsToItsMemoryByLeavingOutContents) {
  const Child child(20000, [](char* memory) {
    for (std::size_t page = 0; page < 20000; ++page) set_page(memory, page, page / 2);
  });
  if (!can_mark() || !may_read(child.pid())) GTEST_SKIP() << "needs KSM and the right to read children";
  MergeScanOptions options = marked_only();
  options.memory_limit_bytes = 5000 * sizeof(PageRecord);
  MergeScan scan(kernel::SystemRoot(), options);
  scan.add(child.pid());
  ASSERT_TRUE(scan.read(goes_on));
  scan.finish();
  EXPECT_GE(scan.content_step(), 4u);
  EXPECT_LE(scan.records().size(), 5000u);
  const ContentGroups groups(scan.records(), scan.zero_hash());
  // Contents are there as a whole or not at all.
  EXPECT_EQ(groups.summary().contents * 2, scan.records().size());
}

TEST(MergeScan, StopsWhenTold) {
  const Child child(kPages, fill_with_fours);
  if (!may_read(child.pid())) GTEST_SKIP() << "needs the right to read children";
  MergeScan scan(kernel::SystemRoot{}, MergeScanOptions{});
  scan.add(child.pid());
  EXPECT_FALSE(scan.read([](std::uint64_t) { return false; }));
  scan.finish();
}

TEST(MergeScan, ForgetsAProcessThatHasGone) {
  MergeScan scan(kernel::SystemRoot{}, MergeScanOptions{});
  {
    const Child child(kPages, fill_with_fours);
    if (!may_read(child.pid())) GTEST_SKIP() << "needs the right to read children";
    scan.add(child.pid());
    ASSERT_TRUE(scan.read(goes_on));
  }
  scan.finish();
  EXPECT_EQ(scan.processes()[0].state, ScanState::vanished);
  EXPECT_TRUE(scan.records().empty());
}

TEST(MergeScan, LeavesItselfAndKernelThreadsOut) {
  MergeScan scan(kernel::SystemRoot{}, MergeScanOptions{});
  scan.add(static_cast<unsigned>(::getpid()));
  EXPECT_TRUE(scan.processes().empty());
  scan.add(0x3fffffff);
  ASSERT_EQ(scan.processes().size(), 1u);
  EXPECT_EQ(scan.processes()[0].state, ScanState::vanished);
  EXPECT_TRUE(scan.read(goes_on));
  scan.finish();
  EXPECT_TRUE(scan.records().empty());
}

}  // namespace
}  // namespace isotach::memory

#include "kernel/pagemap.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace isotach::kernel {
namespace {

// From <linux/fs.h> of Linux 6.7; Debian 12 has the headers of 6.1.
struct PageRegion {
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t categories;
};

struct ScanArguments {
  std::uint64_t size;
  std::uint64_t flags;
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t walk_end;
  std::uint64_t vec;
  std::uint64_t vec_len;
  std::uint64_t max_pages;
  std::uint64_t category_inverted;
  std::uint64_t category_mask;
  std::uint64_t category_anyof_mask;
  std::uint64_t return_mask;
};

constexpr unsigned long kPagemapScan = _IOWR('f', 16, ScanArguments);
constexpr std::uint64_t kPresent = 1u << 3;
constexpr std::uint64_t kSwapped = 1u << 4;
constexpr std::uint64_t kPageOfZeros = 1u << 5;

void append(std::vector<AddressRange>& ranges, AddressRange range) {
  if (!ranges.empty() && ranges.back().end == range.start) {
    ranges.back().end = range.end;
  } else {
    ranges.push_back(range);
  }
}

}  // namespace

std::uint64_t page_size_bytes() {
  static const auto size = static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_PAGESIZE)));
  return size;
}

Result<Pagemap> Pagemap::open(const SystemRoot& root, unsigned pid) {
  auto fd = open_readonly(root.path("proc/" + std::to_string(pid) + "/pagemap"));
  if (!fd) return tl::make_unexpected(std::move(fd.error()));
  return Pagemap(std::move(*fd));
}

Result<std::size_t> Pagemap::read(std::uint64_t address, std::span<PageEntry> entries) const {
  static_assert(sizeof(PageEntry) == sizeof(std::uint64_t));
  const std::uint64_t first = address / page_size_bytes();
  auto* const buffer = reinterpret_cast<char*>(entries.data());
  const std::size_t wanted = entries.size_bytes();
  std::size_t filled = 0;
  while (filled < wanted) {
    const auto offset = static_cast<off_t>(first * sizeof(PageEntry) + filled);
    const ssize_t got = ::pread(fd_.get(), buffer + filled, wanted - filled, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      if (errno == ESRCH) break;
      return system_failure(errno, "read the page map of a process");
    }
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled / sizeof(PageEntry);
}

Result<void> Pagemap::find_by_reading(AddressRange range, std::vector<AddressRange>& found) const {
  static const std::uint64_t zero_frame = zero_page_frame();
  std::array<PageEntry, 4096> entries;
  const std::uint64_t page = page_size_bytes();
  for (std::uint64_t at = range.start; at < range.end && found.size() < kRangeLimit;) {
    const std::uint64_t left = (range.end - at + page - 1) / page;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, entries.size()));
    const auto got = read(at, std::span(entries).first(wanted));
    if (!got) return tl::make_unexpected(got.error());
    if (*got == 0) return {};
    for (std::size_t i = 0; i < *got; ++i, at += page) {
      if (!entries[i].present() && !entries[i].swapped()) continue;
      if (zero_frame != 0 && entries[i].frame() == zero_frame) continue;
      if (found.size() == kRangeLimit && found.back().end != at) return {};
      append(found, {at, std::min(at + page, range.end)});
    }
  }
  return {};
}

Result<void> Pagemap::find_populated(AddressRange range, std::vector<AddressRange>& found) {
  found.clear();
  if (range.start >= range.end) return {};
  if (!has_scan_call_) return find_by_reading(range, found);
  std::array<PageRegion, kRangeLimit> regions;
  ScanArguments arguments{};
  arguments.size = sizeof arguments;
  arguments.start = range.start;
  arguments.end = range.end;
  arguments.vec = reinterpret_cast<std::uintptr_t>(regions.data());
  arguments.vec_len = regions.size();
  arguments.category_anyof_mask = kPresent | kSwapped;
  arguments.category_inverted = kPageOfZeros;
  arguments.category_mask = kPageOfZeros;
  // A mask of 0 is refused; with this one, neighbours that differ in more than presence come as one.
  arguments.return_mask = kPresent;
  for (;;) {
    const int got = ::ioctl(fd_.get(), kPagemapScan, &arguments);
    if (got >= 0) {
      for (int i = 0; i < got; ++i)
        append(found, {regions[static_cast<std::size_t>(i)].start, regions[static_cast<std::size_t>(i)].end});
      return {};
    }
    if (errno == EINTR) continue;
    if (errno == ESRCH) return {};
    break;
  }
  // ENOTTY before 6.7; other reasons (a security module) are no reason to give up either.
  has_scan_call_ = false;
  return find_by_reading(range, found);
}

FrameFlags::FrameFlags(const SystemRoot& root) {
  if (auto fd = open_readonly(root.path("proc/kpageflags"))) fd_ = std::move(*fd);
}

bool FrameFlags::is_merged(std::uint64_t frame) const {
  constexpr unsigned kMergedBit = 21;  // KPF_KSM
  std::uint64_t flags = 0;
  if (!fd_.is_open()) return false;
  const auto offset = static_cast<off_t>(frame * sizeof flags);
  if (::pread(fd_.get(), &flags, sizeof flags, offset) != static_cast<ssize_t>(sizeof flags)) return false;
  return (flags >> kMergedBit & 1) != 0;
}

std::uint64_t zero_page_frame() {
  const std::size_t size = page_size_bytes();
  void* const at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return 0;
  // A page that is only read is that of zeros; a page of a larger size would be another one.
  ::madvise(at, size, MADV_NOHUGEPAGE);
  static_cast<void>(*static_cast<volatile const char*>(at));
  std::uint64_t frame = 0;
  if (const auto map = Pagemap::open(SystemRoot(), static_cast<unsigned>(::getpid()))) {
    std::array<PageEntry, 1> entry;
    const auto got = map->read(reinterpret_cast<std::uintptr_t>(at), entry);
    if (got && *got == 1) frame = entry[0].frame();
  }
  ::munmap(at, size);
  return frame;
}

}  // namespace isotach::kernel

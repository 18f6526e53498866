#include "network/packet/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <utility>

namespace isotach::network {
namespace {

constexpr std::size_t kWindow = std::size_t{2} << 20;
// How far ahead the kernel is asked to read.
constexpr std::size_t kAhead = std::size_t{8} << 20;

// The windows there are, for the handler of SIGBUS, which may use nothing but atomics. More than there are
// room for are not looked after: no reader holds so many.
struct Range {
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::uintptr_t> end{0};
  std::atomic<std::atomic<bool>*> cut{nullptr};
};
constexpr std::size_t kMostRanges = 256;
std::array<Range, kMostRanges> ranges;

void put_zeros(int, siginfo_t* info, void*) {
  const auto at = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (const Range& range : ranges) {
    const std::uintptr_t end = range.end.load();
    if (at < range.begin.load() || at >= end) continue;
    const auto page = static_cast<std::uintptr_t>(4096);
    const std::uintptr_t from = at & ~(page - 1);
    void* zeros = ::mmap(reinterpret_cast<void*>(from), end - from, PROT_READ,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (zeros == MAP_FAILED) break;
    range.cut.load()->store(true);
    return;
  }
  // Not ours: the instruction runs into it once more, and the program ends as it would have.
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  ::sigaction(SIGBUS, &usual, nullptr);
}

void watch_for_cuts() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action {};
    action.sa_sigaction = put_zeros;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGBUS, &action, nullptr);
  });
}

Range* note_range(const void* begin, std::size_t size, std::atomic<bool>* cut) {
  const auto at = reinterpret_cast<std::uintptr_t>(begin);
  for (Range& range : ranges) {
    std::uintptr_t free = 0;
    if (!range.begin.compare_exchange_strong(free, at)) continue;
    range.cut.store(cut);
    range.end.store(at + size);
    return &range;
  }
  return nullptr;
}

}  // namespace

std::optional<MappedFile> MappedFile::open(const std::string& path) {
  auto fd = open_readonly(path);
  struct stat about {};
  if (!fd || ::fstat(fd->get(), &about) != 0 || !S_ISREG(about.st_mode) || about.st_size <= 0)
    return std::nullopt;
  MappedFile file(std::move(*fd), static_cast<std::uint64_t>(about.st_size));
  // A file of /proc says that it has a size and cannot be mapped.
  if (!file.window(0, 1)) return std::nullopt;
  return file;
}

std::optional<MappedFile::Window> MappedFile::window(std::uint64_t offset, std::size_t size) {
  watch_for_cuts();
  struct stat about {};
  if (::fstat(fd_.get(), &about) == 0 && static_cast<std::uint64_t>(about.st_size) < size_) {
    cut_->store(true);
    size_ = static_cast<std::uint64_t>(about.st_size);
  }
  if (offset >= size_) return Window{};
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t from = offset & ~(page - 1);
  const std::uint64_t whole = std::max<std::uint64_t>(offset - from + size, kWindow);
  const auto length = static_cast<std::size_t>(std::min(size_ - from, whole));
  void* begin = ::mmap(nullptr, length, PROT_READ, MAP_PRIVATE, fd_.get(), static_cast<off_t>(from));
  if (begin == MAP_FAILED) return std::nullopt;
  // All pages at once: a fault for every sixteen of them costs more. Where the kernel cannot, they come one
  // by one.
  static_cast<void>(::madvise(begin, length, MADV_POPULATE_READ));
  static_cast<void>(
      ::posix_fadvise(fd_.get(), static_cast<off_t>(from + length), kAhead, POSIX_FADV_WILLNEED));
  Range* range = note_range(begin, length, cut_.get());
  Window window;
  window.hold = std::shared_ptr<const void>(begin, [length, range, cut = cut_](const void* mapped) {
    if (range != nullptr) {
      range->end.store(0);
      range->begin.store(0);
    }
    ::munmap(const_cast<void*>(mapped), length);
  });
  window.begin = static_cast<const std::uint8_t*>(begin) + (offset - from);
  window.end = static_cast<const std::uint8_t*>(begin) + length;
  return window;
}

bool MappedFile::was_cut() const {
  return cut_->load();
}

}  // namespace isotach::network

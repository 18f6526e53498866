#include "memory/swap/swap_in_rate.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/clock.h"
#include "kernel/mappings.h"
#include "kernel/pagemap.h"
#include "kernel/process_memory.h"

namespace isotach::memory {
namespace {

constexpr std::uint64_t kWantedBytes = std::uint64_t{4} << 20;
constexpr std::int64_t kLongestNs = 200'000'000;
constexpr std::size_t kProcesses = 4;
constexpr std::size_t kEntriesAtOnce = 4096;
constexpr std::size_t kRun = 64;  // pages read in one go

// Pages that are out, in the order of their addresses; at most `limit`.
std::vector<std::uint64_t> find_pages(unsigned pid, std::size_t limit) {
  std::vector<std::uint64_t> pages;
  auto pagemap = kernel::Pagemap::open(kernel::SystemRoot(), pid);
  const auto mappings = kernel::read_mappings(kernel::SystemRoot(), pid, kernel::MappingDetail::ranges);
  if (!pagemap || !mappings) return pages;
  const std::uint64_t page = kernel::page_size_bytes();
  std::vector<kernel::PageEntry> entries(kEntriesAtOnce);
  std::vector<kernel::AddressRange> found;
  for (const kernel::Mapping& mapping : *mappings) {
    found.clear();
    if (!mapping.readable || !pagemap->find_populated({mapping.start, mapping.end}, found)) continue;
    for (const kernel::AddressRange& range : found)
      for (std::uint64_t at = range.start; at < range.end;) {
        const std::size_t wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>((range.end - at) / page, kEntriesAtOnce));
        const auto got = pagemap->read(at, std::span(entries).first(wanted));
        if (!got || *got == 0) return pages;
        for (std::size_t i = 0; i < *got; ++i) {
          if (!entries[i].swapped() || entries[i].swap_type() >= kernel::PageEntry::kSwapTypeLimit) continue;
          pages.push_back(at + i * page);
          if (pages.size() >= limit) return pages;
        }
        at += *got * page;
      }
  }
  return pages;
}

}  // namespace

std::optional<SwapInRate> measure_swap_in(const std::vector<SwapProcess>& users,
                                          const std::set<std::string>& spared) {
  std::vector<SwapProcess> largest = users;
  sort_users(largest, SwapOrder::swap);
  SystemClock clock;
  const std::uint64_t page = kernel::page_size_bytes();
  std::int64_t spent_ns = 0;
  std::uint64_t read_bytes = 0;
  std::size_t asked = 0;
  for (const SwapProcess& user : largest) {
    if (asked == kProcesses || read_bytes >= kWantedBytes || spent_ns >= kLongestNs) break;
    if (spared.contains(user.group)) continue;
    ++asked;
    auto process = kernel::ProcessMemory::open(user.pid);
    if (!process) continue;
    const std::vector<std::uint64_t> pages =
        find_pages(user.pid, static_cast<std::size_t>((kWantedBytes - read_bytes) / page));
    std::array<char, kRun> bytes{};
    std::vector<bool> readable;
    for (std::size_t i = 0; i < pages.size() && spent_ns < kLongestNs; i += kRun) {
      const std::size_t count = std::min(kRun, pages.size() - i);
      const std::int64_t start_ns = clock.now().monotonic_ns;
      const auto got = process->read(kernel::ProcessMemory::Way::copying, std::span(pages).subspan(i, count),
                                     1, bytes, readable);
      if (!got) break;
      spent_ns += clock.now().monotonic_ns - start_ns;
      read_bytes += *got * page;
    }
  }
  if (read_bytes < kRun * page || spent_ns <= 0) return std::nullopt;
  return SwapInRate{static_cast<double>(read_bytes) * 1e9 / static_cast<double>(spent_ns), read_bytes};
}

}  // namespace isotach::memory

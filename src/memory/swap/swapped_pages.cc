#include "memory/swap/swapped_pages.h"

#include <algorithm>
#include <array>
#include <span>

#include "kernel/mappings.h"
#include "kernel/pagemap.h"

namespace isotach::memory {
namespace {

constexpr std::size_t kEntriesAtOnce = 4096;

bool is_wanted(const kernel::PageEntry& entry, const std::optional<std::set<unsigned>>& areas) {
  if (!entry.swapped() || entry.swap_type() >= kernel::PageEntry::kSwapTypeLimit) return false;
  return !areas || areas->contains(entry.swap_type());
}

}  // namespace

std::vector<std::uint64_t> find_swapped_pages(unsigned pid, std::size_t limit,
                                              const std::optional<std::set<unsigned>>& areas) {
  std::vector<std::uint64_t> pages;
  auto pagemap = kernel::Pagemap::open(kernel::SystemRoot(), pid);
  const auto mappings = kernel::read_mappings(kernel::SystemRoot(), pid, kernel::MappingDetail::ranges);
  if (!pagemap || !mappings) return pages;
  const std::uint64_t page = kernel::page_size_bytes();
  std::vector<kernel::PageEntry> entries(kEntriesAtOnce);
  std::vector<kernel::AddressRange> found;
  for (const kernel::Mapping& mapping : *mappings) {
    for (std::uint64_t from = mapping.start; from < mapping.end;) {
      found.clear();
      if (!pagemap->find_populated({from, mapping.end}, found) || found.empty()) break;
      for (const kernel::AddressRange& range : found)
        for (std::uint64_t at = range.start; at < range.end;) {
          const auto wanted =
              static_cast<std::size_t>(std::min<std::uint64_t>((range.end - at) / page, kEntriesAtOnce));
          const auto got = pagemap->read(at, std::span(entries).first(wanted));
          if (!got || *got == 0) return pages;
          for (std::size_t i = 0; i < *got; ++i) {
            if (!is_wanted(entries[i], areas)) continue;
            pages.push_back(at + i * page);
            if (pages.size() >= limit) return pages;
          }
          at += *got * page;
        }
      from = found.back().end;
    }
  }
  return pages;
}

BringBack::BringBack(std::vector<unsigned> pids, std::optional<std::set<unsigned>> areas)
    : pids_(std::move(pids)), areas_(std::move(areas)) {
  std::reverse(pids_.begin(), pids_.end());
}

std::optional<std::uint64_t> BringBack::step() {
  while (!process_ || next_ >= pages_.size()) {
    process_.reset();
    if (pids_.empty()) return std::nullopt;
    const unsigned pid = pids_.back();
    pids_.pop_back();
    auto process = kernel::ProcessMemory::open(pid);
    if (!process) continue;  // ended, or not for us to read
    pages_ = find_swapped_pages(pid, kPagesOfOne, areas_);
    next_ = 0;
    process_.emplace(std::move(*process));
    // More than one look holds: it comes again.
    if (pages_.size() == kPagesOfOne) pids_.push_back(pid);
  }
  const std::size_t count = std::min(kAtOnce, pages_.size() - next_);
  std::array<char, kAtOnce> bytes{};
  const auto got = process_->read(kernel::ProcessMemory::Way::copying,
                                  std::span(pages_).subspan(next_, count), 1, bytes, readable_);
  next_ += count;
  if (!got || *got == 0) {
    // What cannot be read once will not be the next time: swapoff brings it back.
    if (!pids_.empty() && pages_.size() == kPagesOfOne) pids_.pop_back();
    next_ = pages_.size();
    return std::uint64_t{0};
  }
  return *got * kernel::page_size_bytes();
}

}  // namespace isotach::memory

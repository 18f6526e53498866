#include "memory/swap/user_reader.h"

#include <algorithm>
#include <span>

#include "base/fd.h"
#include "base/text.h"
#include "kernel/kept_file.h"
#include "kernel/key_value.h"
#include "kernel/mappings.h"
#include "kernel/pagemap.h"
#include "kernel/process.h"

namespace isotach::memory {
namespace {

constexpr std::size_t kStatusLimitBytes = 65536;
constexpr std::uint64_t kKi = 1024;
constexpr std::size_t kEntriesAtOnce = 8192;

// SwapPss in smaps_rollup.
Value read_share(const kernel::SystemRoot& root, unsigned pid) {
  const auto text = read_file(root.path("proc/" + std::to_string(pid) + "/smaps_rollup"), kStatusLimitBytes);
  if (!text) return kernel::missing_reason(text.error());
  std::string_view rest = *text;
  while (auto line = kernel::take_line(rest)) {
    if (!line->starts_with("SwapPss:")) continue;
    line->remove_prefix(8);
    const auto kib = kernel::take_unsigned(*line);
    return kib ? Value::of(*kib * kKi) : Value(Missing::malformed);
  }
  return Missing::not_supported;
}

// Counts the pages of one process by area; false where that may not be read.
bool count_pages(const kernel::SystemRoot& root, unsigned pid, std::map<unsigned, std::uint64_t>& pages) {
  auto pagemap = kernel::Pagemap::open(root, pid);
  const auto mappings = kernel::read_mappings(root, pid, kernel::MappingDetail::ranges);
  if (!pagemap || !mappings) return false;
  const std::uint64_t page = kernel::page_size_bytes();
  std::vector<kernel::PageEntry> entries(kEntriesAtOnce);
  std::vector<kernel::AddressRange> found;
  for (const kernel::Mapping& mapping : *mappings) {
    std::uint64_t from = mapping.start;
    while (from < mapping.end) {
      found.clear();
      if (!pagemap->find_populated({from, mapping.end}, found) || found.empty()) break;
      for (const kernel::AddressRange& range : found)
        for (std::uint64_t at = range.start; at < range.end;) {
          const std::size_t wanted =
              static_cast<std::size_t>(std::min<std::uint64_t>((range.end - at) / page, kEntriesAtOnce));
          const auto got = pagemap->read(at, std::span(entries).first(wanted));
          if (!got || *got == 0) return got.has_value();
          for (std::size_t i = 0; i < *got; ++i)
            if (entries[i].swapped() && entries[i].swap_type() < kernel::PageEntry::kSwapTypeLimit)
              ++pages[entries[i].swap_type()];
          at += *got * page;
        }
      from = found.back().end;
    }
  }
  return true;
}

}  // namespace

std::optional<SwapStatus> parse_swap_status(std::string_view text) {
  SwapStatus status;
  bool found = false;
  while (auto line = kernel::take_line(text)) {
    if (line->starts_with("Name:")) status.name = trim(line->substr(5));
    if (!line->starts_with("VmSwap:")) continue;
    line->remove_prefix(7);
    const auto kib = kernel::take_unsigned(*line);
    if (!kib || *kib > std::uint64_t{1} << 50) return std::nullopt;
    status.swap_bytes = *kib * kKi;
    found = true;
  }
  return found ? std::optional(std::move(status)) : std::nullopt;
}

Result<SwapUsers> read_swap_users(const kernel::SystemRoot& root,
                                  const std::optional<kernel::MemoryHierarchy>& hierarchy, bool by_area) {
  SwapUsers users;
  users.areas_hidden = by_area && root.is_live() && kernel::zero_page_frame() == 0;
  std::vector<kernel::ProcessLister::Found> found;
  if (auto listed = kernel::ProcessLister(root).list_new(found); !listed)
    return tl::make_unexpected(listed.error());
  for (const kernel::ProcessLister::Found& one : found) {
    const auto text = read_file(root.path("proc/" + std::to_string(one.pid) + "/status"), kStatusLimitBytes);
    const auto status = text ? parse_swap_status(*text) : std::nullopt;
    if (!status || status->swap_bytes == 0) continue;
    SwapProcess process;
    process.pid = one.pid;
    process.command = status->name;
    process.swap_bytes = status->swap_bytes;
    process.share_bytes = read_share(root, one.pid);
    if (hierarchy) process.group = kernel::memory_group_of(root, *hierarchy, one.pid).value_or("");
    bool readable = !process.share_bytes.is_missing();
    if (by_area && !users.areas_hidden) {
      readable = count_pages(root, one.pid, process.pages_by_area) && readable;
      for (const auto& [area, pages] : process.pages_by_area) users.pages_by_area[area] += pages;
    }
    if (!readable) ++users.unreadable;
    users.processes.push_back(std::move(process));
  }
  return users;
}

}  // namespace isotach::memory

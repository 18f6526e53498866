#include "memory/swap/users.h"

#include <algorithm>
#include <limits>

namespace isotach::memory {

void sort_users(std::vector<SwapProcess>& processes, SwapOrder order) {
  std::stable_sort(processes.begin(), processes.end(), [&](const SwapProcess& a, const SwapProcess& b) {
    switch (order) {
      case SwapOrder::swap:
        return a.swap_bytes > b.swap_bytes;
      case SwapOrder::share:
        return a.counted_bytes() > b.counted_bytes();
      case SwapOrder::pid:
        return a.pid < b.pid;
      case SwapOrder::name:
        return a.command < b.command;
    }
    return false;
  });
}

SwapAccount account_for(std::uint64_t used_bytes, const Value& cached_bytes,
                        const std::vector<SwapProcess>& processes) {
  SwapAccount account;
  account.used_bytes = used_bytes;
  account.cached_bytes = cached_bytes;
  for (const SwapProcess& process : processes) {
    const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - account.process_bytes;
    account.process_bytes += std::min(room, process.counted_bytes());
  }
  const std::uint64_t cached = cached_bytes.is_missing() ? 0 : cached_bytes.as_unsigned();
  account.rest_bytes = used_bytes - std::min(used_bytes, account.process_bytes);
  account.least_rest_bytes = account.rest_bytes - std::min(account.rest_bytes, cached);
  account.excess_bytes = account.process_bytes - std::min(used_bytes, account.process_bytes);
  return account;
}

std::optional<std::vector<unsigned>> number_areas(const std::vector<std::uint64_t>& used_pages,
                                                  const std::map<unsigned, std::uint64_t>& pages_by_number) {
  std::vector<unsigned> numbers(used_pages.size());
  for (unsigned i = 0; i < numbers.size(); ++i) numbers[i] = i;
  // Numbers without a gap: those seen must then be of areas that are in use.
  const bool no_gap = std::all_of(pages_by_number.begin(), pages_by_number.end(), [&](const auto& seen) {
    return seen.first < used_pages.size() && used_pages[seen.first] > 0;
  });
  if (no_gap) return numbers;
  // With gaps: as many numbers as areas in use, in the same order.
  std::vector<std::size_t> in_use;
  for (std::size_t i = 0; i < used_pages.size(); ++i)
    if (used_pages[i] > 0) in_use.push_back(i);
  if (in_use.size() != pages_by_number.size()) return std::nullopt;
  std::size_t next = 0;
  for (const auto& [number, pages] : pages_by_number) numbers[in_use[next++]] = number;
  // Those not in use have numbers that were not seen.
  constexpr unsigned kNotSeen = std::numeric_limits<unsigned>::max();
  for (std::size_t i = 0; i < used_pages.size(); ++i)
    if (used_pages[i] == 0) numbers[i] = kNotSeen;
  return numbers;
}

}  // namespace isotach::memory

#include "memory/swap/swap_in_rate.h"

#include "base/clock.h"
#include "memory/swap/swapped_pages.h"

namespace isotach::memory {
namespace {

constexpr std::uint64_t kWantedBytes = std::uint64_t{8} << 20;
constexpr std::uint64_t kFewestBytes = std::uint64_t{256} << 10;
constexpr std::int64_t kLongestNs = 200'000'000;
constexpr std::size_t kProcesses = 4;

}  // namespace

std::optional<SwapInRate> measure_swap_in(const std::vector<SwapProcess>& users,
                                          const std::set<std::string>& spared) {
  std::vector<SwapProcess> largest = users;
  sort_users(largest, SwapOrder::swap);
  std::vector<unsigned> pids;
  for (const SwapProcess& user : largest)
    if (!spared.contains(user.group) && pids.size() < kProcesses) pids.push_back(user.pid);
  SystemClock clock;
  BringBack pages(std::move(pids), std::nullopt);
  SwapInRate rate;
  std::int64_t spent_ns = 0;
  bool first = true;
  while (rate.bytes < kWantedBytes && spent_ns < kLongestNs) {
    const std::int64_t start_ns = clock.now().monotonic_ns;
    const auto bytes = pages.step();
    if (!bytes) break;
    // The first one looks for the pages too.
    if (!first) {
      spent_ns += clock.now().monotonic_ns - start_ns;
      rate.bytes += *bytes;
    }
    first = false;
  }
  if (rate.bytes < kFewestBytes || spent_ns <= 0) return std::nullopt;
  rate.bytes_per_second = static_cast<double>(rate.bytes) * 1e9 / static_cast<double>(spent_ns);
  return rate;
}

}  // namespace isotach::memory

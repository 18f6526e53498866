#include "network/mesh/schedule.h"

#include <algorithm>

#include "base/check.h"

namespace isotach::mesh {

std::vector<Pair> pairs_of_round(std::size_t hosts, std::size_t round) {
  const std::size_t even = hosts + hosts % 2;
  const std::size_t half = even - 1;
  const bool back = round >= half;
  const std::size_t turned = round % half;
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < even / 2; ++i) {
    // The last place stands still; with an odd number of hosts it is empty, and who stands opposite rests.
    const std::size_t one = i == 0 ? even - 1 : (turned + i) % half;
    const std::size_t other = (turned + half - i) % half;
    if (one >= hosts || other >= hosts) continue;
    pairs.push_back(back ? Pair{other, one} : Pair{one, other});
  }
  return pairs;
}

Turn next_turn(const MeshFile& file, std::size_t host, std::int64_t wall_ns) {
  const std::int64_t cycle = wall_ns / file.every_ns;
  // In two cycles each host begins a test at least twice, so the search ends.
  for (std::int64_t begin_ns = cycle * file.every_ns;; begin_ns += file.every_ns) {
    CHECK(begin_ns <= (cycle + 2) * file.every_ns);
    for (std::size_t round = 0; round < file.rounds(); ++round) {
      const std::int64_t slot_ns = begin_ns + static_cast<std::int64_t>(round) * file.slot_ns;
      if (slot_ns < wall_ns) continue;
      for (const Pair& pair : pairs_of_round(file.hosts.size(), round))
        if (pair.from == host) return {pair, slot_ns, slot_ns + file.slot_ns};
    }
  }
}

}  // namespace isotach::mesh

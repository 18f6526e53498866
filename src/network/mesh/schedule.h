// Who tests whom when. All hosts compute it from the same file and the clock of the day, so that nobody has
// to tell them: in each slot every host is in at most one pair.
//
// The circle method of round-robin tournaments: one host stands still, the others move on by one place from
// round to round; who stand opposite are a pair. In the second half each pair changes its direction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "network/mesh/mesh_file.h"

namespace isotach::mesh {

struct Pair {
  std::size_t from = 0;  // of MeshFile::hosts; it begins the tests
  std::size_t to = 0;

  friend bool operator==(const Pair&, const Pair&) = default;
};

struct Turn {
  Pair pair;
  std::int64_t begin_wall_ns = 0;
  std::int64_t end_wall_ns = 0;
};

// The pairs of a round, which is less than MeshFile::rounds().
[[nodiscard]] std::vector<Pair> pairs_of_round(std::size_t hosts, std::size_t round);

// The first turn that `host` begins and that starts at `wall_ns` or later.
[[nodiscard]] Turn next_turn(const MeshFile& file, std::size_t host, std::int64_t wall_ns);

}  // namespace isotach::mesh

// The file of a mesh, and what comes to the port for its leases.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "network/mesh/lease.h"
#include "network/mesh/mesh_file.h"
#include "network/mesh/schedule.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(isotach::mesh::name_of_request(text));
  const auto file = isotach::mesh::parse_mesh_file(text);
  if (!file) return 0;
  CHECK(file->every_ns >= static_cast<std::int64_t>(file->rounds()) * file->slot_ns);
  const auto turn = isotach::mesh::next_turn(*file, 0, 1'800'000'000'000'000'000);
  CHECK(turn.pair.from == 0 && turn.pair.to < file->hosts.size() && turn.pair.to != 0);
  return 0;
}

// Puts the fragments of IP packets together. A bounded number of packets wait at a time, the oldest makes
// room; a packet whose fragments never all come is never given out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <vector>

namespace isotach::network {

struct FragmentKey {
  std::array<std::uint8_t, 32> addresses{};
  std::uint32_t id = 0;
  std::uint8_t protocol = 0;
  std::uint8_t ip_version = 0;

  friend bool operator==(const FragmentKey&, const FragmentKey&) = default;
};

class Fragments {
 public:
  // One fragment: `offset` in bytes, whether more follow, its bytes. Gives the whole payload when this one
  // completes it; it is valid until the next call. Contradictions (past the end, larger than IP allows)
  // are left out.
  [[nodiscard]] std::optional<std::span<const std::uint8_t>> add(const FragmentKey& key, std::uint32_t offset,
                                                                 bool more,
                                                                 std::span<const std::uint8_t> bytes);

 private:
  struct Waiting {
    FragmentKey key;
    std::vector<std::uint8_t> payload;
    std::vector<bool> present;  // for each eight bytes
    std::optional<std::uint32_t> end;
  };

  std::list<Waiting> waiting_;  // the newest in front
  std::vector<std::uint8_t> done_;
};

}  // namespace isotach::network

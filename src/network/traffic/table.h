// A table of rows by key with a bound. Rows keep their places until the table is compacted; what a row cannot
// be had for is the caller's to count.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "network/connections/flow_key.h"

namespace isotach::network {

inline constexpr std::uint32_t kNoRow = 0xffff'ffff;

// Key: bytes without gaps, compared as such.
template <class Key>
class TrafficTable {
  static_assert(std::has_unique_object_representations_v<Key>);

 public:
  TrafficTable(std::uint32_t limit, std::uint64_t seed) : limit_(limit), seed_(seed) { rebuild(1024); }

  [[nodiscard]] std::size_t size() const { return keys_.size(); }
  [[nodiscard]] std::uint32_t limit() const { return limit_; }
  [[nodiscard]] const Key& key(std::size_t row) const { return keys_[row]; }

  // The row, made when there is none: then it is the last, and `made` says so. kNoRow when the table is full.
  [[nodiscard]] std::uint32_t find_or_make(const Key& key, bool& made) {
    made = false;
    const std::size_t mask = places_.size() - 1;
    const std::uint64_t hash = hash_of(key);
    std::size_t at = hash & mask;
    while (places_[at].row != kNoRow) {
      if (places_[at].check == static_cast<std::uint32_t>(hash >> 32) &&
          std::memcmp(&keys_[places_[at].row], &key, sizeof key) == 0)
        return places_[at].row;
      at = (at + 1) & mask;
    }
    if (keys_.size() >= limit_) return kNoRow;
    made = true;
    const auto row = static_cast<std::uint32_t>(keys_.size());
    keys_.push_back(key);
    if (keys_.size() * 2 > places_.size()) {
      rebuild(places_.size() * 2);
    } else {
      places_[at] = {static_cast<std::uint32_t>(hash >> 32), row};
    }
    return row;
  }

  // Removes the rows for which `gone` holds; the others move up and keep their order. Gives the new place of
  // each old row, kNoRow for those removed.
  template <class Gone>
  std::vector<std::uint32_t> compact(Gone gone) {
    std::vector<std::uint32_t> moved(keys_.size(), kNoRow);
    std::size_t kept = 0;
    for (std::size_t row = 0; row < moved.size(); ++row) {
      if (gone(row)) continue;
      moved[row] = static_cast<std::uint32_t>(kept);
      keys_[kept++] = keys_[row];
    }
    keys_.resize(kept);
    rebuild(places_.size());
    return moved;
  }

 private:
  struct Place {
    std::uint32_t check = 0;
    std::uint32_t row = kNoRow;
  };

  [[nodiscard]] std::uint64_t hash_of(const Key& key) const {
    std::uint64_t hash = seed_;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&key);
    std::size_t at = 0;
    for (; at + 8 <= sizeof(Key); at += 8) {
      std::uint64_t word;
      std::memcpy(&word, bytes + at, sizeof word);
      hash = detail::mix(hash ^ word, 0x9e37'79b9'7f4a'7c15);
    }
    if (at < sizeof(Key)) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes + at, sizeof(Key) - at);
      hash = detail::mix(hash ^ word, 0x9e37'79b9'7f4a'7c15);
    }
    return detail::mix(hash ^ (seed_ >> 7), 0xc2b2'ae3d'27d4'eb4f);
  }

  void rebuild(std::size_t places) {
    places_.assign(places, {});
    for (std::uint32_t row = 0; row < keys_.size(); ++row) {
      const std::uint64_t hash = hash_of(keys_[row]);
      std::size_t at = hash & (places - 1);
      while (places_[at].row != kNoRow) at = (at + 1) & (places - 1);
      places_[at] = {static_cast<std::uint32_t>(hash >> 32), row};
    }
  }

  std::uint32_t limit_;
  std::uint64_t seed_;
  std::vector<Key> keys_;
  std::vector<Place> places_;  // a power of two, at most half of them taken
};

}  // namespace isotach::network

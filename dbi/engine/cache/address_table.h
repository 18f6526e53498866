// Finds what is kept of an address of the program: an open hash table of small numbers.
//
// Code that runs together lies together, so the addresses of a page share a window of the table: what is
// asked for about one function comes from a few cache lines, and most questions ("was this translated?") are
// answered no. A slot holds the low half of the address and the number; the owner, who knows the whole
// address of a number, tells the rest apart.
//
// Thread rules: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace isotach::dbi {

class AddressTable {
 public:
  explicit AddressTable(size_t slots) : slots_(slots) {}

  // The number that was put in for `address`, or 0. `address_of(number)`: the address that it was put in for.
  template <class AddressOf>
  uint32_t find(uint64_t address, AddressOf&& address_of) const {
    const size_t mask = slots_.size() - 1;
    for (size_t i = slot_of(address, mask);; i = (i + 1) & mask) {
      const Slot slot = slots_[i];
      if (slot.number == kFree) return 0;
      if (slot.low == static_cast<uint32_t>(address) && slot.number != kRemoved &&
          address_of(slot.number) == address)
        return slot.number;
    }
  }

  // The address is not in the table; the number is neither 0 nor the largest.
  template <class AddressOf>
  void insert(uint64_t address, uint32_t number, AddressOf&& address_of) {
    if ((used_ + 1) * 2 > slots_.size()) grow(address_of);
    put(address, number);
    ++live_;
  }

  void erase(uint64_t address, uint32_t number) {
    const size_t mask = slots_.size() - 1;
    for (size_t i = slot_of(address, mask); slots_[i].number != kFree; i = (i + 1) & mask) {
      if (slots_[i].number != number) continue;
      slots_[i].number = kRemoved;
      --live_;
      return;
    }
  }

  void clear() {
    slots_.assign(slots_.size(), Slot());
    live_ = used_ = 0;
  }
  size_t size() const { return live_; }

 private:
  struct Slot {
    uint32_t low = 0;
    uint32_t number = 0;
  };
  static constexpr uint32_t kFree = 0, kRemoved = UINT32_MAX;  // removed: the search goes on behind it

  static size_t slot_of(uint64_t address, size_t mask) {
    const uint64_t window = (address >> 12) * 0x9e3779b97f4a7c15u >> 32;
    return static_cast<size_t>((window << 3) + (address >> 2 & 1023)) & mask;
  }

  void put(uint64_t address, uint32_t number) {
    const size_t mask = slots_.size() - 1;
    size_t i = slot_of(address, mask);
    while (slots_[i].number != kFree && slots_[i].number != kRemoved) i = (i + 1) & mask;
    if (slots_[i].number == kFree) ++used_;
    slots_[i] = {static_cast<uint32_t>(address), number};
  }

  template <class AddressOf>
  void grow(AddressOf&& address_of) {
    std::vector<Slot> old(live_ * 4 > slots_.size() ? slots_.size() * 2 : slots_.size());
    old.swap(slots_);
    used_ = 0;
    for (const Slot& slot : old) {
      if (slot.number != kFree && slot.number != kRemoved) put(address_of(slot.number), slot.number);
    }
  }

  std::vector<Slot> slots_;  // a power of 2
  size_t live_ = 0;
  size_t used_ = 0;  // live and removed
};

}  // namespace isotach::dbi

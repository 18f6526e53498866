// Memory for translated code. Each region lies within reach (2 GiB) of the code it was translated from, so
// that rip-relative operands only need another displacement.
//
// Thread rules: the translation lock is held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/cache/populated.h"
#include "engine/cache/unit.h"

namespace isotach::dbi {

struct Region {
  uint8_t* low = nullptr;
  uint8_t* high = nullptr;
  uint8_t* hot = nullptr;     // next free byte for what runs
  uint8_t* cold = nullptr;    // next free byte for stubs, tables and constants
  uint8_t* pushed = nullptr;  // next free place for a return address that a call pushes
  uint8_t* hot_end = nullptr;
  uint8_t* cold_end = nullptr;  // here those places begin
  uint8_t* exit = nullptr;      // a jump to isotach_exit_cache
  uint8_t* miss = nullptr;      // a jump to isotach_indirect_miss
  Populated hot_pages, cold_pages, pushed_pages;
  std::vector<Unit*> units;  // by address

  bool reaches(uint64_t address) const;
  bool contains(uint64_t address) const {
    return address >= reinterpret_cast<uint64_t>(low) && address < reinterpret_cast<uint64_t>(high);
  }
};

class Regions {
 public:
  // A region that reaches `near`, or any at all when none can be made there, with room for one unit.
  // nullptr when there is no memory.
  Region* with_room(uint64_t near, size_t hot_bytes, size_t cold_bytes);
  // Whether an empty one has room for it.
  static bool can_hold(size_t hot_bytes, size_t cold_bytes);

  Region* containing(uint64_t code_address);
  // The unit of which emitted code contains this address, or nullptr.
  Unit* unit_at(uint64_t code_address);
  size_t bytes_used() const;
  const std::vector<std::unique_ptr<Region>>& all() const { return regions_; }
  // Whether any region of any instance holds this address. Needs no lock: for signal handlers.
  static bool any_contains(uint64_t code_address);
  // Unmaps all regions. No thread may be inside.
  void release();

 private:
  Region* make(uint64_t near);

  std::vector<std::unique_ptr<Region>> regions_;
};

}  // namespace isotach::dbi

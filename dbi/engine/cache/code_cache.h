// All translated code: what was translated, how units lead to each other, and the table by which indirect
// branches find their target.
//
// An indirect branch looks at the low 16 bits of its target and jumps where the table says: to a prologue,
// which compares the whole target without touching the flags (lea, jrcxz) and goes on to the unit, or to the
// next prologue with the same low bits, at last to isotach_indirect_miss. (HDTrans calls this a sieve:
// Sridhar et al., "HDTrans: an open source, low-level dynamic instrumentation system", VEE 2006.)
//
// Thread rules: every function needs the translation lock, except target_table().
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "engine/cache/region.h"
#include "engine/cache/unit.h"

namespace isotach::dbi {

class Assembler;

class CodeCache {
 public:
  explicit CodeCache(size_t limit_bytes);
  CodeCache(const CodeCache&) = delete;
  CodeCache& operator=(const CodeCache&) = delete;

  static constexpr unsigned kTableBits = 16;
  // Address, below 2 GiB, of 2^16 code addresses.
  uint64_t target_table() const { return reinterpret_cast<uint64_t>(table_); }

  Unit* find(uint64_t pc) const;
  // Takes the unit over: it is in its region's list and can be found from now on.
  void insert(std::unique_ptr<Unit> unit, Region& region);

  Exit& make_exit(Exit::Kind kind, uint64_t target, Unit* from);
  Exit& exit(uint32_t number) { return exits_[number]; }
  void link(Exit& exit, Unit& to);
  // Code that compares an indirect branch's target with `pc` and goes on to its unit: by a jump, or by
  // falling into what is written next. It counts once it is published.
  struct Prologue {
    Exit& exit;
    uint8_t* entry;
  };
  Prologue write_prologue(Assembler& code, Assembler& cold, const Region& region, uint64_t pc,
                          bool falls_through);
  void publish_prologue(const Prologue& prologue, Unit& unit);
  bool has_prologue(uint64_t pc) const { return prologues_.find(pc) != prologues_.end(); }
  // Lets indirect branches find `unit`. Does nothing when they do already.
  void make_indirect_target(Unit& unit);

  // Also where the unit was flushed and a thread is still inside.
  Unit* unit_at(uint64_t code_address);
  Regions& regions() { return regions_; }

  // Forgets what was translated from these addresses. Returns the number of units.
  size_t flush(uint64_t begin, uint64_t end);
  void flush_all();
  bool is_full() const { return regions_.bytes_used() > limit_bytes_; }
  // Frees what was flushed before `oldest_epoch`, the smallest of all threads inside the cache.
  void reclaim(uint64_t oldest_epoch);
  uint64_t epoch() const { return epoch_; }

  size_t unit_count() const { return live_units_; }
  size_t bytes_used() const { return regions_.bytes_used(); }

 private:
  struct Retired {
    Regions regions;
    std::vector<Unit*> units;
    std::vector<uint32_t> prologues;
    uint64_t epoch = 0;
  };

  void unlink(Exit& exit);
  void retire(Unit& unit);
  void free_unit(Unit* unit);
  void grow_table();
  static size_t slot_of(uint64_t pc, size_t mask);

  size_t limit_bytes_;
  bool loop_is_fast_;
  uint64_t* table_ = nullptr;
  Regions regions_;
  Exit* exits_ = nullptr;  // an array that never moves: running threads look their exits up without the lock
  uint32_t exit_count_ = 0;
  std::vector<uint32_t> free_exits_;
  // Open addressing. The address lies beside the unit, so that a search does not touch the units it passes
  // by.
  struct Slot {
    uint64_t pc = 0;
    Unit* unit = nullptr;  // null: free; kRemoved: the search goes on behind it
  };
  std::vector<Slot> by_pc_;
  size_t live_units_ = 0;
  size_t used_slots_ = 0;
  std::unordered_map<uint64_t, std::vector<Unit*>> by_page_;
  uint64_t last_page_ = 0;  // the one that units were added to last, and its list
  std::vector<Unit*>* last_page_units_ = nullptr;
  std::unordered_map<uint64_t, uint32_t> prologues_;
  std::vector<std::unique_ptr<Retired>> retired_;
  uint64_t epoch_ = 1;
};

}  // namespace isotach::dbi

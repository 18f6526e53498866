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
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/cache/address_table.h"
#include "engine/cache/populated.h"
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
  // Whether this processor's loop instruction costs no more than a decrement and a branch.
  bool loop_is_fast() const { return loop_is_fast_; }

  // Code that compares an indirect branch's target with `pc` and goes on to its unit: by a jump, or by
  // falling into what is written next. It counts once it is published.
  struct Prologue {
    Exit& exit;
    uint8_t* entry;
  };

  Unit* find(uint64_t pc, uint16_t version) const {
    if (version != 0) return find_in(versions_, key_of(pc, version));
    const uint32_t number = by_pc_.find(pc, [this](uint32_t n) { return units_[n].pc; });
    return number == 0 ? nullptr : &units_[number];
  }
  Unit* find_original(uint64_t pc, uint16_t version) const {
    return find_in(originals_, key_of(pc, version));
  }
  Unit* find_step(uint64_t pc, uint16_t version) const { return find_in(steps_, key_of(pc, version)); }
  // A unit that is to be filled in and then inserted.
  Unit& make_unit();
  // It is not filled in after all; nor is the prologue that was written for it, when there is one.
  void discard(Unit& unit, const std::optional<Prologue>& prologue);
  // It is in its region's list and can be found from now on.
  void insert(Unit& unit, Region& region);

  Exit& make_exit(Exit::Kind kind, uint64_t target, Unit* from);
  Exit& exit(uint32_t number) { return exits_[number]; }
  uint32_t number_of(const Exit& exit) const { return static_cast<uint32_t>(&exit - exits_); }
  void link(Exit& exit, Unit& to);
  Prologue write_prologue(Assembler& code, Assembler& cold, const Region& region, uint64_t pc,
                          bool falls_through);
  void publish_prologue(const Prologue& prologue, Unit& unit);
  bool has_prologue(uint64_t pc) const { return prologue_of(pc) != 0; }
  // Lets indirect branches find `unit`. Does nothing when they do already.
  void make_indirect_target(Unit& unit);

  // From now on, code that is written notes in ThreadContext::branched_from the unit of which an indirect
  // branch is taken, for a signal handler that is to find the branch that went to no address at all.
  void note_branches() { notes_branches_ = true; }
  bool notes_branches() const { return notes_branches_; }
  const Unit& unit(uint32_t number) const { return units_[number]; }

  // Also where the unit was flushed and a thread is still inside.
  Unit* unit_at(uint64_t code_address);
  Regions& regions() { return regions_; }

  // Forgets what was translated from these addresses. Returns the number of units.
  size_t flush(uint64_t begin, uint64_t end);
  void flush_all();
  size_t limit_bytes() const { return limit_bytes_; }
  void set_limit_bytes(size_t bytes) { limit_bytes_ = bytes; }
  bool is_full() const { return regions_.bytes_used() > limit_bytes_; }
  // Frees what was flushed before `oldest_epoch`, the smallest of all threads inside the cache.
  void reclaim(uint64_t oldest_epoch);
  uint64_t epoch() const { return epoch_; }

  size_t unit_count() const { return by_pc_.size(); }
  size_t bytes_used() const { return regions_.bytes_used(); }

 private:
  struct Retired {
    Regions regions;
    std::vector<Unit*> units;
    std::vector<uint32_t> prologues;
    uint64_t epoch = 0;
  };

  // The units that begin in one page of the program.
  struct Page {
    uint64_t address = 0;
    uint32_t first_unit = 0;
  };

  // Addresses have 47 bits.
  static uint64_t key_of(uint64_t pc, uint16_t version) {
    return pc ^ uint64_t { version } << 48;
  }
  Unit* find_in(const std::unordered_map<uint64_t, uint32_t>& numbers, uint64_t key) const {
    const auto found = numbers.find(key);
    return found == numbers.end() ? nullptr : &units_[found->second];
  }
  void unlink(Exit& exit);
  void retire(Unit& unit);
  void free_unit(Unit& unit);
  void free_exit(uint32_t number);
  uint32_t prologue_of(uint64_t pc) const {
    return by_target_.find(pc, [this](uint32_t n) { return exits_[n].target; });
  }
  Page& page_at(uint64_t address);
  size_t flush_page(Page& page, uint64_t begin, uint64_t end);

  size_t limit_bytes_;
  bool loop_is_fast_;
  bool notes_branches_ = false;
  uint64_t* table_ = nullptr;
  Regions regions_;
  // Arrays that never move: running threads look their exits up without the lock.
  Exit* exits_ = nullptr;
  Unit* units_ = nullptr;
  Populated exit_pages_, unit_pages_;
  uint32_t exit_count_ = 0;
  uint32_t unit_count_ = 1;
  std::vector<uint32_t> free_exits_, free_units_;
  AddressTable by_pc_{size_t{1} << 13};               // units
  AddressTable by_target_{size_t{1} << 12};           // exits: of prologues
  std::vector<uint32_t> prologues_;                   // the same exits
  std::vector<Page> pages_{Page()};                   // the first stands for none
  AddressTable by_page_{size_t{1} << 8};              // of pages_
  uint32_t last_page_ = 0;                            // of pages_: that of the last unit
  std::unordered_map<uint64_t, uint32_t> originals_;  // units, by key_of()
  std::unordered_map<uint64_t, uint32_t> versions_;   // units of other versions than 0, by key_of()
  std::unordered_map<uint64_t, uint32_t> steps_;      // units, by key_of()
  std::vector<std::unique_ptr<Retired>> retired_;
  uint64_t epoch_ = 1;
};

}  // namespace isotach::dbi

#include "engine/cache/code_cache.h"

#include <cpuid.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "engine/dispatch/context.h"
#include "engine/emit/assembler.h"
#include "engine/os/own_memory.h"
#include "engine/os/raw_syscall.h"
#include "engine/os/stop.h"

extern "C" void isotach_indirect_miss();

namespace isotach::dbi {
namespace {

constexpr uint64_t kPageBits = 12;
constexpr size_t kTableEntries = size_t{1} << CodeCache::kTableBits;
constexpr size_t kPrologueBytes = 112;
constexpr size_t kStubBytes = 56;
constexpr size_t kMaximumExits = size_t{4} << 20;
// A slot of by_pc_ whose unit was flushed: the search goes on behind it.
Unit* const kRemoved = reinterpret_cast<Unit*>(8);

// On AMD's processors since Bulldozer loop costs as much as a decrement and a branch; Intel's keep it slow.
bool has_fast_loop() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  __get_cpuid(0, &a, &b, &c, &d);
  return b == signature_AMD_ebx;
}

void patch(uint8_t* displacement, const uint8_t* target) {
  const auto value = static_cast<int32_t>(target - (displacement + 4));
  // Whole and aligned within its cache line, so that a thread that runs here sees the old or the new jump.
  __atomic_store_n(reinterpret_cast<int32_t*>(displacement), value, __ATOMIC_RELEASE);
}

bool in_reach(const uint8_t* from, const uint8_t* to) {
  const int64_t distance = to - (from + 4);
  return distance == static_cast<int32_t>(distance);
}

}  // namespace

CodeCache::CodeCache(size_t limit_bytes)
    : limit_bytes_(limit_bytes), loop_is_fast_(has_fast_loop()), by_pc_(size_t{1} << 14) {
  const int64_t memory = raw_syscall(SYS_mmap, 0, kTableEntries * 8, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, static_cast<uint64_t>(-1), 0);
  if (memory < 0) stop("no memory below 2 GiB for the table of indirect branches");
  table_ = reinterpret_cast<uint64_t*>(memory);
  note_own_memory(static_cast<uint64_t>(memory), kTableEntries * 8);
  std::fill_n(table_, kTableEntries, reinterpret_cast<uint64_t>(&isotach_indirect_miss));
  const int64_t exits =
      raw_syscall(SYS_mmap, 0, kMaximumExits * sizeof(Exit), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, static_cast<uint64_t>(-1), 0);
  if (exits < 0 && exits > -4096) stop("no address space for the code cache's exits");
  exits_ = reinterpret_cast<Exit*>(exits);
  note_own_memory(static_cast<uint64_t>(exits), kMaximumExits * sizeof(Exit));
  exit_count_ = kFirstExit;
}

size_t CodeCache::slot_of(uint64_t pc, size_t mask) {
  return static_cast<size_t>((pc * 0x9e3779b97f4a7c15u) >> 24) & mask;
}

Unit* CodeCache::find(uint64_t pc) const {
  const size_t mask = by_pc_.size() - 1;
  for (size_t i = slot_of(pc, mask);; i = (i + 1) & mask) {
    const Slot& slot = by_pc_[i];
    if (slot.unit == nullptr) return nullptr;
    if (slot.pc == pc && slot.unit != kRemoved) return slot.unit;
  }
}

void CodeCache::grow_table() {
  std::vector<Slot> old(live_units_ * 2 > by_pc_.size() / 2 ? by_pc_.size() * 2 : by_pc_.size());
  old.swap(by_pc_);
  const size_t mask = by_pc_.size() - 1;
  used_slots_ = 0;
  for (const Slot& slot : old) {
    if (slot.unit == nullptr || slot.unit == kRemoved) continue;
    size_t i = slot_of(slot.pc, mask);
    while (by_pc_[i].unit != nullptr) i = (i + 1) & mask;
    by_pc_[i] = slot;
    ++used_slots_;
  }
}

void CodeCache::insert(std::unique_ptr<Unit> owned, Region& region) {
  Unit* unit = owned.release();
  if ((used_slots_ + 1) * 2 > by_pc_.size()) grow_table();
  const size_t mask = by_pc_.size() - 1;
  size_t i = slot_of(unit->pc, mask);
  while (by_pc_[i].unit != nullptr && by_pc_[i].unit != kRemoved) i = (i + 1) & mask;
  if (by_pc_[i].unit == nullptr) ++used_slots_;
  by_pc_[i] = {unit->pc, unit};
  ++live_units_;
  region.units.push_back(unit);
  for (uint64_t page = unit->pc >> kPageBits; page <= (unit->pc_end - 1) >> kPageBits; ++page) {
    if (page != last_page_ || last_page_units_ == nullptr) {
      last_page_units_ = &by_page_[page];
      last_page_ = page;
    }
    last_page_units_->push_back(unit);
  }
}

Exit& CodeCache::make_exit(Exit::Kind kind, uint64_t target, Unit* from) {
  uint32_t number;
  if (free_exits_.empty()) {
    if (exit_count_ == kMaximumExits) stop("the code cache has no more exits");
    number = exit_count_++;
    exits_[number] = Exit{};
  } else {
    number = free_exits_.back();
    free_exits_.pop_back();
    exits_[number] = Exit{};
  }
  Exit& exit = exits_[number];
  exit.kind = kind;
  exit.target = target;
  exit.from = from;
  exit.number = number;
  if (from != nullptr) {
    exit.next_of_unit = from->first_exit;
    from->first_exit = number;
  }
  return exit;
}

void CodeCache::link(Exit& exit, Unit& to) {
  if (exit.to != nullptr || to.dead || (exit.from != nullptr && exit.from->dead)) return;
  const uint8_t* target = to.code;
  if (!in_reach(exit.displacement, target)) {
    // An island near the jump. Units of far regions are few, so each link has its own; it stays until a
    // flush.
    Region* region = regions_.containing(reinterpret_cast<uint64_t>(exit.displacement));
    if (region == nullptr || region->cold + 24 > region->high) return;
    Assembler island(region->cold);
    island.jump_far(reinterpret_cast<uint64_t>(target));
    target = region->cold;
    region->cold = island.at();
  }
  patch(exit.displacement, target);
  exit.to = &to;
  exit.next_incoming = to.incoming;
  to.incoming = &exit;
}

void CodeCache::unlink(Exit& exit) {
  if (exit.to == nullptr) return;
  for (Exit** at = &exit.to->incoming; *at != nullptr; at = &(*at)->next_incoming) {
    if (*at == &exit) {
      *at = exit.next_incoming;
      break;
    }
  }
  if (exit.cut != nullptr) {
    uint64_t word;
    std::memcpy(&word, exit.cut, sizeof word);
    auto* bytes = reinterpret_cast<uint8_t*>(&word);
    const auto distance = static_cast<int32_t>(exit.cut_to - (exit.cut + 5));
    bytes[0] = 0xe9;
    std::memcpy(bytes + 1, &distance, sizeof distance);
    __atomic_store_n(reinterpret_cast<uint64_t*>(exit.cut), word, __ATOMIC_RELEASE);
    exit.cut = nullptr;
  } else {
    patch(exit.displacement, exit.stub);
  }
  exit.to = nullptr;
  exit.next_incoming = nullptr;
}

CodeCache::Prologue CodeCache::write_prologue(Assembler& code, Assembler& cold, const Region& region,
                                              uint64_t pc, bool falls_through) {
  uint64_t& entry = table_[pc & (kTableEntries - 1)];
  Exit& exit = make_exit(Exit::Kind::prologue, pc, nullptr);
  if (falls_through) {
    exit.cut_to = cold.at();
    cold.load_gs(rcx, slot_offset(0));
    cold.load_gs(rax, slot_offset(1));
    exit.displacement = cold.jump_patchable(0);
    const int32_t to_stub = 0;  // the stub comes next
    std::memcpy(exit.displacement, &to_stub, 4);
  }
  exit.stub = cold.at();
  cold.store_gs_imm32(CONTEXT_EXIT, exit.number);
  cold.jump(reinterpret_cast<uint64_t>(region.exit));

  const auto negative = static_cast<int64_t>(0 - pc);
  const bool is_short = negative < INT32_MAX && negative > INT32_MIN;
  // Not this target: rcx becomes the target again, and the next one of the chain looks at it.
  const auto write_mismatch = [&] {
    if (is_short) {
      code.lea(rcx, rcx, static_cast<int32_t>(pc));
    } else {
      code.bytes({0x48, 0xf7, 0xd0});              // not rax
      code.bytes({0x48, 0x8d, 0x4c, 0x01, 0x01});  // lea rcx, [rcx + rax + 1]
    }
    const auto* next = reinterpret_cast<const uint8_t*>(entry);
    if (in_reach(code.at() + 1, next)) {
      code.jump(entry);
    } else {
      code.jump_far(entry);
    }
  };
  // rcx = target - pc + extra, without the flags.
  const auto write_difference = [&](int32_t extra) {
    if (is_short) {
      code.lea(rcx, rcx, static_cast<int32_t>(negative) + extra);
    } else {
      code.mov_reg_imm64(rax, static_cast<uint64_t>(negative));
      code.bytes({0x48, 0x8d, 0x4c, 0x01, static_cast<uint8_t>(extra)});  // lea rcx, [rcx + rax + extra]
    }
  };
  uint8_t* entry_point;
  if (loop_is_fast_) {
    // loop: takes 1 off and jumps unless that gives 0. The common way does not jump at all.
    uint8_t* mismatch = code.at();
    write_mismatch();
    // So that what follows the comparison is aligned, for the cut.
    const unsigned length = (is_short ? 7 : 15) + 2;
    while (falls_through && (code.address() + length) % 8 != 0) code.byte(0xcc);
    entry_point = code.at();
    write_difference(1);
    code.bytes({0xe2, static_cast<uint8_t>(mismatch - (code.at() + 2))});
  } else {
    entry_point = code.at();
    write_difference(0);
    code.bytes({0xe3, 0});  // jrcxz match
    uint8_t* behind_branch = code.at();
    write_mismatch();
    while (falls_through && code.address() % 8 != 0) code.byte(0xcc);
    behind_branch[-1] = static_cast<uint8_t>(code.at() - behind_branch);
  }
  if (falls_through) exit.cut = code.at();
  code.load_gs(rcx, slot_offset(0));
  code.load_gs(rax, slot_offset(1));
  if (!falls_through) exit.displacement = code.jump_patchable(reinterpret_cast<uint64_t>(exit.stub));
  return {exit, entry_point};
}

void CodeCache::publish_prologue(const Prologue& prologue, Unit& unit) {
  Exit& exit = prologue.exit;
  if (exit.cut != nullptr) {
    exit.to = &unit;
    exit.next_incoming = unit.incoming;
    unit.incoming = &exit;
  } else {
    link(exit, unit);
  }
  unit.prologue = &exit;
  uint64_t& entry = table_[unit.pc & (kTableEntries - 1)];
  __atomic_store_n(&entry, reinterpret_cast<uint64_t>(prologue.entry), __ATOMIC_RELEASE);
  prologues_.emplace(unit.pc, exit.number);
}

void CodeCache::make_indirect_target(Unit& unit) {
  if (unit.prologue != nullptr || unit.dead) return;
  const auto known = prologues_.find(unit.pc);
  if (known != prologues_.end()) {
    unit.prologue = &exits_[known->second];
    link(*unit.prologue, unit);
    return;
  }
  Region* region = regions_.containing(reinterpret_cast<uint64_t>(unit.code));
  if (region->hot + kPrologueBytes > region->hot_end || region->cold + kStubBytes > region->high) {
    region = regions_.with_room(unit.pc, kPrologueBytes, kStubBytes);
    if (region == nullptr) return;
  }
  Assembler cold(region->cold);
  Assembler code(region->hot);
  code.align(16);
  const Prologue prologue = write_prologue(code, cold, *region, unit.pc, false);
  region->cold = cold.at();
  region->hot = code.at();
  publish_prologue(prologue, unit);
}

Unit* CodeCache::unit_at(uint64_t code_address) {
  if (Unit* unit = regions_.unit_at(code_address)) return unit;
  for (const auto& retired : retired_) {
    if (Unit* unit = retired->regions.unit_at(code_address)) return unit;
  }
  return nullptr;
}

void CodeCache::retire(Unit& unit) {
  unit.dead = true;
  while (unit.incoming != nullptr) unlink(*unit.incoming);
  for (uint32_t number = unit.first_exit; number != 0; number = exits_[number].next_of_unit) {
    unlink(exits_[number]);
  }
  unit.prologue = nullptr;
  const size_t mask = by_pc_.size() - 1;
  for (size_t i = slot_of(unit.pc, mask); by_pc_[i].unit != nullptr; i = (i + 1) & mask) {
    if (by_pc_[i].unit == &unit) {
      by_pc_[i].unit = kRemoved;
      --live_units_;
      break;
    }
  }
}

size_t CodeCache::flush(uint64_t begin, uint64_t end) {
  if (begin >= end) return 0;
  const uint64_t first = begin >> kPageBits;
  const uint64_t last = (end - 1) >> kPageBits;
  size_t count = 0;
  const auto flush_page = [&](std::vector<Unit*>& units) {
    std::erase_if(units, [&](Unit* unit) {
      if (!unit->dead && unit->pc < end && unit->pc_end > begin) {
        retire(*unit);
        ++count;
      }
      return unit->dead;
    });
  };
  if (last - first < by_page_.size()) {
    for (uint64_t page = first; page <= last; ++page) {
      const auto found = by_page_.find(page);
      if (found != by_page_.end()) flush_page(found->second);
    }
  } else {
    for (auto& [page, units] : by_page_) {
      if (page >= first && page <= last) flush_page(units);
    }
  }
  if (count != 0) ++epoch_;
  return count;
}

void CodeCache::flush_all() {
  auto retired = std::make_unique<Retired>();
  std::fill_n(table_, kTableEntries, reinterpret_cast<uint64_t>(&isotach_indirect_miss));
  for (const auto& region : regions_.all()) {
    for (Unit* unit : region->units) {
      if (!unit->dead) retire(*unit);
      retired->units.push_back(unit);
    }
  }
  for (const auto& [pc, number] : prologues_) retired->prologues.push_back(number);
  prologues_.clear();
  by_page_.clear();
  last_page_units_ = nullptr;
  retired->epoch = epoch_++;
  std::swap(retired->regions, regions_);
  retired_.push_back(std::move(retired));
}

void CodeCache::free_unit(Unit* unit) {
  for (uint32_t number = unit->first_exit; number != 0;) {
    const uint32_t next = exits_[number].next_of_unit;
    exits_[number] = Exit{};
    free_exits_.push_back(number);
    number = next;
  }
  delete unit;
}

void CodeCache::reclaim(uint64_t oldest_epoch) {
  std::erase_if(retired_, [&](const std::unique_ptr<Retired>& retired) {
    if (retired->epoch >= oldest_epoch) return false;
    for (Unit* unit : retired->units) free_unit(unit);
    for (const uint32_t number : retired->prologues) {
      exits_[number] = Exit{};
      free_exits_.push_back(number);
    }
    retired->regions.release();
    return true;
  });
}

}  // namespace isotach::dbi

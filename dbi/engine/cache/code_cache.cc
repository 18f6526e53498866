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

constexpr uint64_t kPageMask = 4095;
constexpr size_t kTableEntries = size_t{1} << CodeCache::kTableBits;
constexpr size_t kPrologueBytes = 112;
constexpr size_t kStubBytes = 56;
constexpr size_t kMaximumExits = size_t{4} << 20;
constexpr size_t kMaximumUnits = size_t{2} << 20;
// Where the table lies if it can. Always the same place, so that what a program finds at addresses that it
// never mapped does not change from run to run.
constexpr uint64_t kTableAddress = 0x6ff00000;

// Address space of which only what is used takes memory.
uint64_t reserve(size_t size, const char* what) {
  const int64_t memory =
      raw_syscall(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                  static_cast<uint64_t>(-1), 0);
  if (memory < 0 && memory > -4096) stop(what);
  note_own_memory(static_cast<uint64_t>(memory), size);
  return static_cast<uint64_t>(memory);
}

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

CodeCache::CodeCache(size_t limit_bytes) : limit_bytes_(limit_bytes), loop_is_fast_(has_fast_loop()) {
  const int64_t memory =
      raw_syscall(SYS_mmap, kTableAddress, kTableEntries * 8, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT | MAP_POPULATE, static_cast<uint64_t>(-1), 0);
  if (memory < 0) stop("no memory below 2 GiB for the table of indirect branches");
  table_ = reinterpret_cast<uint64_t*>(memory);
  note_own_memory(static_cast<uint64_t>(memory), kTableEntries * 8);
  std::fill_n(table_, kTableEntries, reinterpret_cast<uint64_t>(&isotach_indirect_miss));
  const uint64_t exits = reserve(kMaximumExits * sizeof(Exit), "no address space for the code cache's exits");
  exits_ = reinterpret_cast<Exit*>(exits);
  exit_pages_ = Populated(exits, exits + kMaximumExits * sizeof(Exit));
  exit_count_ = kFirstExit;
  const uint64_t units = reserve(kMaximumUnits * sizeof(Unit), "no address space for the code cache's units");
  units_ = reinterpret_cast<Unit*>(units);
  unit_pages_ = Populated(units, units + kMaximumUnits * sizeof(Unit));
}

Unit& CodeCache::make_unit() {
  uint32_t number;
  if (free_units_.empty()) {
    if (unit_count_ == kMaximumUnits) stop("the code cache has no more units");
    number = unit_count_++;
    unit_pages_.reach(reinterpret_cast<uint64_t>(units_ + unit_count_));
  } else {
    number = free_units_.back();
    free_units_.pop_back();
  }
  units_[number] = Unit{};
  units_[number].number = number;
  return units_[number];
}

CodeCache::Page& CodeCache::page_at(uint64_t address) {
  if (last_page_ != 0 && pages_[last_page_].address == address) return pages_[last_page_];
  const auto address_of = [this](uint32_t number) { return pages_[number].address; };
  uint32_t number = by_page_.find(address, address_of);
  if (number == 0) {
    number = static_cast<uint32_t>(pages_.size());
    pages_.push_back({address, 0});
    by_page_.insert(address, number, address_of);
  }
  last_page_ = number;
  return pages_[number];
}

void CodeCache::discard(Unit& unit, const std::optional<Prologue>& prologue) {
  if (prologue) free_exit(number_of(prologue->exit));
  free_unit(unit);
}

void CodeCache::insert(Unit& unit, Region& region) {
  if (unit.is_step) {
    steps_[key_of(unit.pc, unit.version)] = unit.number;
  } else if (unit.is_original) {
    originals_[key_of(unit.pc, unit.version)] = unit.number;
  } else if (unit.version != 0) {
    versions_[key_of(unit.pc, unit.version)] = unit.number;
  } else {
    by_pc_.insert(unit.pc, unit.number, [this](uint32_t number) { return units_[number].pc; });
  }
  region.units.push_back(&unit);
  Page& page = page_at(unit.pc & ~kPageMask);
  unit.next_of_page = page.first_unit;
  page.first_unit = unit.number;
}

Exit& CodeCache::make_exit(Exit::Kind kind, uint64_t target, Unit* from) {
  uint32_t number;
  if (free_exits_.empty()) {
    if (exit_count_ == kMaximumExits) stop("the code cache has no more exits");
    number = exit_count_++;
    exit_pages_.reach(reinterpret_cast<uint64_t>(exits_ + exit_count_));
  } else {
    number = free_exits_.back();
    free_exits_.pop_back();
  }
  Exit& exit = exits_[number];
  exit = Exit{};
  exit.kind = kind;
  exit.target = target;
  exit.from = from;
  if (from != nullptr) {
    exit.next_of_unit = from->first_exit;
    from->first_exit = number;
  }
  return exit;
}

void CodeCache::link(Exit& exit, Unit& to) {
  const bool is_prologue = exit.kind == Exit::Kind::prologue;
  if (exit.to != nullptr || to.dead || (!is_prologue && exit.from != nullptr && exit.from->dead)) return;
  const uint8_t* target = to.code;
  if (!in_reach(exit.displacement, target)) {
    // An island near the jump. Units of far regions are few, so each link has its own; it stays until a
    // flush.
    Region* region = regions_.containing(reinterpret_cast<uint64_t>(exit.displacement));
    if (region == nullptr || region->cold + 24 > region->cold_end) return;
    Assembler island(region->cold);
    island.jump_far(reinterpret_cast<uint64_t>(target));
    target = region->cold;
    region->cold = island.at();
  }
  patch(exit.displacement, target);
  exit.to = &to;
  exit.next_incoming = to.incoming;
  to.incoming = number_of(exit);
}

void CodeCache::unlink(Exit& exit) {
  if (exit.to == nullptr) return;
  const uint32_t number = number_of(exit);
  for (uint32_t* at = &exit.to->incoming; *at != 0; at = &exits_[*at].next_incoming) {
    if (*at == number) {
      *at = exit.next_incoming;
      break;
    }
  }
  if (exit.kind == Exit::Kind::prologue && exit.cut != nullptr) {
    uint64_t word;
    std::memcpy(&word, exit.cut, sizeof word);
    auto* bytes = reinterpret_cast<uint8_t*>(&word);
    const auto distance = static_cast<int32_t>(exit.cut_to() - (exit.cut + 5));
    bytes[0] = 0xe9;
    std::memcpy(bytes + 1, &distance, sizeof distance);
    __atomic_store_n(reinterpret_cast<uint64_t*>(exit.cut), word, __ATOMIC_RELEASE);
    exit.cut = nullptr;
  } else {
    patch(exit.displacement, exit.stub());
  }
  exit.to = nullptr;
  exit.next_incoming = 0;
}

CodeCache::Prologue CodeCache::write_prologue(Assembler& code, Assembler& cold, const Region& region,
                                              uint64_t pc, bool falls_through) {
  uint64_t& entry = table_[pc & (kTableEntries - 1)];
  Exit& exit = make_exit(Exit::Kind::prologue, pc, nullptr);
  if (falls_through) {
    const uint8_t* cut_to = cold.at();
    cold.load_gs(rcx, slot_offset(0));
    cold.load_gs(rax, slot_offset(1));
    exit.displacement = cold.jump_patchable(0);
    exit.cut_to_before = static_cast<uint32_t>(exit.displacement - cut_to);
    const int32_t to_stub = 0;  // the stub comes next
    std::memcpy(exit.displacement, &to_stub, 4);
  }
  const uint8_t* stub = cold.at();
  cold.store_gs_imm32(CONTEXT_EXIT, number_of(exit));
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
  if (!falls_through) exit.displacement = code.jump_patchable(reinterpret_cast<uint64_t>(stub));
  exit.set_stub(stub);
  return {exit, entry_point};
}

void CodeCache::publish_prologue(const Prologue& prologue, Unit& unit) {
  Exit& exit = prologue.exit;
  if (exit.cut != nullptr) {
    exit.to = &unit;
    exit.next_incoming = unit.incoming;
    unit.incoming = number_of(exit);
  } else {
    link(exit, unit);
  }
  unit.prologue = number_of(exit);
  uint64_t& entry = table_[unit.pc & (kTableEntries - 1)];
  __atomic_store_n(&entry, reinterpret_cast<uint64_t>(prologue.entry), __ATOMIC_RELEASE);
  by_target_.insert(unit.pc, unit.prologue, [this](uint32_t number) { return exits_[number].target; });
  prologues_.push_back(unit.prologue);
}

void CodeCache::make_indirect_target(Unit& unit) {
  if (unit.prologue != 0 || unit.dead) return;
  if (const uint32_t known = prologue_of(unit.pc)) {
    unit.prologue = known;
    link(exits_[known], unit);
    return;
  }
  Region* region = regions_.containing(reinterpret_cast<uint64_t>(unit.code));
  if (region->hot + kPrologueBytes > region->hot_end || region->cold + kStubBytes > region->cold_end) {
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
  while (unit.incoming != 0) unlink(exits_[unit.incoming]);
  for (uint32_t number = unit.first_exit; number != 0; number = exits_[number].next_of_unit) {
    unlink(exits_[number]);
  }
  unit.prologue = 0;
  if (unit.is_step) {
    steps_.erase(key_of(unit.pc, unit.version));
  } else if (unit.is_original) {
    originals_.erase(key_of(unit.pc, unit.version));
  } else if (unit.version != 0) {
    versions_.erase(key_of(unit.pc, unit.version));
  } else {
    by_pc_.erase(unit.pc, unit.number);
  }
}

size_t CodeCache::flush_page(Page& page, uint64_t begin, uint64_t end) {
  size_t count = 0;
  for (uint32_t* at = &page.first_unit; *at != 0;) {
    Unit& unit = units_[*at];
    if (!unit.dead && unit.pc < end && unit.pc_end > begin) {
      retire(unit);
      ++count;
    }
    if (unit.dead) {
      *at = unit.next_of_page;
    } else {
      at = &unit.next_of_page;
    }
  }
  return count;
}

size_t CodeCache::flush(uint64_t begin, uint64_t end) {
  if (begin >= end) return 0;
  // A unit is shorter than a page, so it may reach into the page behind that of its beginning.
  const uint64_t page_bytes = kPageMask + 1;
  const uint64_t first_page = begin & ~kPageMask;
  const uint64_t first = first_page < page_bytes ? 0 : first_page - page_bytes;
  const uint64_t last = (end - 1) & ~kPageMask;
  size_t count = 0;
  if ((last - first) / page_bytes < pages_.size()) {
    for (uint64_t page = first; page <= last; page += page_bytes) {
      const uint32_t number = by_page_.find(page, [this](uint32_t n) { return pages_[n].address; });
      if (number != 0) count += flush_page(pages_[number], begin, end);
    }
  } else {
    for (Page& page : pages_) {
      if (page.address >= first && page.address <= last) count += flush_page(page, begin, end);
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
  retired->prologues.swap(prologues_);
  by_target_.clear();
  pages_.assign(1, Page());
  by_page_.clear();
  last_page_ = 0;
  retired->epoch = epoch_++;
  std::swap(retired->regions, regions_);
  retired_.push_back(std::move(retired));
}

void CodeCache::free_exit(uint32_t number) {
  exits_[number] = Exit{};
  free_exits_.push_back(number);
}

void CodeCache::free_unit(Unit& unit) {
  for (uint32_t number = unit.first_exit; number != 0;) {
    const uint32_t next = exits_[number].next_of_unit;
    free_exit(number);
    number = next;
  }
  free_units_.push_back(unit.number);
}

void CodeCache::reclaim(uint64_t oldest_epoch) {
  std::erase_if(retired_, [&](const std::unique_ptr<Retired>& retired) {
    if (retired->epoch >= oldest_epoch) return false;
    for (Unit* unit : retired->units) free_unit(*unit);
    for (const uint32_t number : retired->prologues) free_exit(number);
    retired->regions.release();
    return true;
  });
}

}  // namespace isotach::dbi

#include "engine/cache/region.h"

#include <linux/mman.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>

#include "engine/emit/assembler.h"
#include "engine/os/own_memory.h"
#include "engine/os/raw_syscall.h"

extern "C" void isotach_exit_cache();
extern "C" void isotach_indirect_miss();

namespace isotach::dbi {
namespace {

constexpr size_t kRegionBytes = size_t{32} << 20;
constexpr size_t kHotBytes = kRegionBytes / 8 * 5;
// Return addresses lie close together: each call reads its own, and beside stubs that nobody reads each would
// take a cache line.
constexpr size_t kPushedBytes = size_t{1} << 20;
constexpr uint64_t kReach = uint64_t{1900} << 20;  // below 2 GiB, with room for the image's own size
constexpr uint64_t kStep = uint64_t{2} << 20;

// Where regions begin, 0: free. An array that signal handlers can look through at any time.
constexpr unsigned kMaximumRegions = 1024;
std::atomic<uint64_t> ranges[kMaximumRegions];
std::atomic<unsigned> range_count{0};

bool add_range(uint64_t low) {
  const unsigned count = range_count.load();
  for (unsigned i = 0; i < count; ++i) {
    if (ranges[i].load() != 0) continue;
    ranges[i].store(low);
    return true;
  }
  if (count == kMaximumRegions) return false;
  ranges[count].store(low);
  range_count.store(count + 1, std::memory_order_release);
  return true;
}

bool is_reachable(uint64_t from, uint64_t to) {
  const uint64_t distance = from > to ? from - to : to - from;
  return distance < kReach;
}

uint8_t* map_at(uint64_t address) {
  const int64_t result = raw_syscall(SYS_mmap, address, kRegionBytes, PROT_READ | PROT_WRITE | PROT_EXEC,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
                                     static_cast<uint64_t>(-1), 0);
  if (result < 0 && result > -4096) return nullptr;
  if (static_cast<uint64_t>(result) != address) {
    // A kernel older than 4.17 takes the address as a hint only.
    raw_syscall(SYS_munmap, static_cast<uint64_t>(result), kRegionBytes);
    return nullptr;
  }
  return reinterpret_cast<uint8_t*>(result);
}

uint8_t* map_near(uint64_t near) {
  const uint64_t middle = near & ~(kStep - 1);
  // Some room is left below and above the image, for a heap that grows there.
  for (uint64_t i = 16; i * kStep < kReach - kRegionBytes; i += 4) {
    for (const bool above : {false, true}) {
      const uint64_t offset = i * kStep;
      if (!above && middle < offset + (uint64_t{1} << 20)) continue;
      const uint64_t address = above ? middle + offset : middle - offset;
      if (address >= (uint64_t{1} << 47) - kRegionBytes) continue;
      if (uint8_t* memory = map_at(address)) return memory;
    }
  }
  return nullptr;
}

}  // namespace

bool Region::reaches(uint64_t address) const {
  return is_reachable(reinterpret_cast<uint64_t>(low), address);
}

Region* Regions::make(uint64_t near) {
  uint8_t* memory = map_near(near);
  if (memory == nullptr) {
    const int64_t result =
        raw_syscall(SYS_mmap, 0, kRegionBytes, PROT_READ | PROT_WRITE | PROT_EXEC,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, static_cast<uint64_t>(-1), 0);
    if (result < 0 && result > -4096) return nullptr;
    memory = reinterpret_cast<uint8_t*>(result);
  }
  note_own_memory(reinterpret_cast<uint64_t>(memory), kRegionBytes);
  if (!add_range(reinterpret_cast<uint64_t>(memory))) return nullptr;
  auto region = std::make_unique<Region>();
  region->low = memory;
  region->high = memory + kRegionBytes;
  Assembler code(memory);
  region->exit = code.at();
  code.jump_far(reinterpret_cast<uint64_t>(&isotach_exit_cache));
  region->miss = code.at();
  code.jump_far(reinterpret_cast<uint64_t>(&isotach_indirect_miss));
  code.align(64);
  region->hot = code.at();
  region->hot_end = memory + kHotBytes;
  region->cold = region->hot_end;
  const auto low = reinterpret_cast<uint64_t>(memory);
  const auto middle = reinterpret_cast<uint64_t>(region->hot_end);
  region->hot_pages = Populated(low, middle);
  region->cold_end = region->pushed = region->high - kPushedBytes;
  const auto last = reinterpret_cast<uint64_t>(region->cold_end);
  region->cold_pages = Populated(middle, last);
  region->pushed_pages = Populated(last, low + kRegionBytes);
  regions_.push_back(std::move(region));
  return regions_.back().get();
}

Region* Regions::with_room(uint64_t near, size_t hot_bytes, size_t cold_bytes) {
  const auto has_room = [&](const Region& region) {
    return region.hot + hot_bytes <= region.hot_end && region.cold + cold_bytes <= region.cold_end;
  };
  // What a unit takes is a small part of what it may take.
  constexpr size_t kUsual = 1024;
  for (const auto& region : regions_) {
    if (!region->reaches(near) || !has_room(*region)) continue;
    region->hot_pages.reach(reinterpret_cast<uint64_t>(region->hot) + std::min(hot_bytes, kUsual));
    region->cold_pages.reach(reinterpret_cast<uint64_t>(region->cold) + std::min(cold_bytes, kUsual));
    return region.get();
  }
  return make(near);
}

bool Regions::can_hold(size_t hot_bytes, size_t cold_bytes) {
  constexpr size_t kExits = 4096;  // what make() writes itself, at most
  return hot_bytes <= kHotBytes - kExits && cold_bytes <= kRegionBytes - kHotBytes - kPushedBytes;
}

Region* Regions::containing(uint64_t code_address) {
  for (const auto& region : regions_) {
    if (region->contains(code_address)) return region.get();
  }
  return nullptr;
}

Unit* Regions::unit_at(uint64_t code_address) {
  Region* region = containing(code_address);
  if (region == nullptr) return nullptr;
  const auto behind = std::upper_bound(
      region->units.begin(), region->units.end(), code_address,
      [](uint64_t address, const Unit* unit) { return address < reinterpret_cast<uint64_t>(unit->code); });
  if (behind == region->units.begin()) return nullptr;
  Unit* unit = *(behind - 1);
  return code_address < reinterpret_cast<uint64_t>(unit->code) + unit->code_size ? unit : nullptr;
}

size_t Regions::bytes_used() const {
  size_t sum = 0;
  for (const auto& region : regions_) {
    sum += static_cast<size_t>(region->hot - region->low) +
           static_cast<size_t>(region->cold - region->hot_end) +
           static_cast<size_t>(region->pushed - region->cold_end);
  }
  return sum;
}

bool Regions::any_contains(uint64_t code_address) {
  const unsigned count = range_count.load(std::memory_order_acquire);
  for (unsigned i = 0; i < count; ++i) {
    const uint64_t low = ranges[i].load(std::memory_order_relaxed);
    if (low != 0 && code_address >= low && code_address - low < kRegionBytes) return true;
  }
  return false;
}

void Regions::release() {
  for (const auto& region : regions_) {
    const auto low = reinterpret_cast<uint64_t>(region->low);
    for (unsigned i = 0; i < range_count.load(); ++i) {
      if (ranges[i].load() == low) ranges[i].store(0);
    }
    forget_own_memory(low, kRegionBytes);
    raw_syscall(SYS_munmap, low, kRegionBytes);
  }
  regions_.clear();
}

}  // namespace isotach::dbi

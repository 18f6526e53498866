#include "engine/dispatch/code_pages.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <unordered_map>
#include <vector>

#include "engine/dispatch/engine.h"
#include "engine/os/raw_syscall.h"

namespace isotach::dbi {
namespace {

constexpr uint64_t kPageBytes = 4096;
// After so many writes to a page with translations it is cheaper to compare.
constexpr unsigned kWritesBeforeComparing = 8;

struct Page {
  bool is_protected = false;
  bool compares = false;
  unsigned writes = 0;
};

// With the translation lock.
std::unordered_map<uint64_t, Page>& pages() {
  static std::unordered_map<uint64_t, Page> map;
  return map;
}

uint64_t page_of(uint64_t address) {
  return address & ~(kPageBytes - 1);
}

void set_protection(uint64_t page, int protection) {
  raw_syscall(SYS_mprotect, page, kPageBytes, static_cast<uint64_t>(protection));
}

// True when any page of the range was protected.
bool unprotect(uint64_t begin, uint64_t end) {
  Engine& engine = dbi::engine();
  Locked locked(engine.lock);
  bool was_any = false;
  for (auto& [address, page] : pages()) {
    if (!page.is_protected || address + kPageBytes <= begin || address >= end) continue;
    page.is_protected = false;
    engine.cache.flush(address, address + kPageBytes);
    set_protection(address, PROT_READ | PROT_WRITE | PROT_EXEC);
    was_any = true;
  }
  return was_any;
}

}  // namespace

bool may_change(uint64_t begin, uint64_t end, const Mapping& mapping) {
  if (mapping.writable || mapping.shared) return true;
  const auto& known = pages();
  if (known.empty()) return false;
  for (uint64_t page = page_of(begin); page < end; page += kPageBytes) {
    if (known.contains(page)) return true;
  }
  return false;
}

CodeGuard guard_code(uint64_t begin, uint64_t end, const Mapping& mapping) {
  auto& known = pages();
  const bool may_change = mapping.writable || mapping.shared;
  if (!may_change && known.empty()) return CodeGuard::none;
  bool compares = mapping.shared;
  bool is_guarded = mapping.writable;
  for (uint64_t page = page_of(begin); page < end; page += kPageBytes) {
    const auto found = known.find(page);
    if (found == known.end()) continue;
    is_guarded = true;  // writable to the program, whatever the kernel says since we protected it
    if (found->second.compares) compares = true;
  }
  if (compares) return CodeGuard::compare;
  if (!is_guarded) return CodeGuard::none;
  for (uint64_t page = page_of(begin); page < end; page += kPageBytes) {
    Page& entry = known[page];
    if (entry.is_protected) continue;
    set_protection(page, PROT_READ | PROT_EXEC);
    entry.is_protected = true;
  }
  return CodeGuard::protected_page;
}

bool let_code_be_written(uint64_t address) {
  Engine& engine = dbi::engine();
  if (engine.lock.is_mine())
    return false;  // while translating, nothing is written that the program may execute
  Locked locked(engine.lock);
  const auto found = pages().find(page_of(address));
  if (found == pages().end() || !found->second.is_protected) {
    // Another thread may have let it be written since this one faulted: then the write works now.
    Mapping mapping;
    return found != pages().end() && engine.memory.find(address, mapping) && mapping.writable;
  }
  Page& page = found->second;
  page.is_protected = false;
  if (++page.writes >= kWritesBeforeComparing) page.compares = true;
  engine.cache.flush(found->first, found->first + kPageBytes);
  set_protection(found->first, PROT_READ | PROT_WRITE | PROT_EXEC);
  return true;
}

bool let_all_code_be_written() {
  return unprotect(0, ~uint64_t{0});
}

void let_code_be_written(uint64_t begin, uint64_t end) {
  unprotect(begin, end);
}

void forget_protection(uint64_t begin, uint64_t end) {
  Engine& engine = dbi::engine();
  Locked locked(engine.lock);
  auto& known = pages();
  if (known.empty()) return;
  if ((end - begin) / kPageBytes < known.size()) {
    for (uint64_t page = page_of(begin); page < end; page += kPageBytes) known.erase(page);
  } else {
    std::erase_if(known, [&](const auto& entry) { return entry.first >= begin && entry.first < end; });
  }
}

bool is_in_cache(uint64_t code_address) {
  return Regions::any_contains(code_address);
}

}  // namespace isotach::dbi

// What a tool is told of the code cache, and may change of it.
#include <vector>

#include "api/callbacks.h"
#include "api/code_cache.h"
#include "api/hooks.h"
#include "api/instrument.h"
#include "engine/dispatch/engine.h"

namespace isotach::dbi::api {
namespace {

constexpr size_t kLeastBytes = size_t{1} << 20;
constexpr UINT32 kMostInstructions = 4096, kMostBlocks = 16;

struct Watchers {
  std::vector<CACHEINIT_CALLBACK> init;
  std::vector<CACHEFLUSHED_CALLBACK> flushed;
  Callbacks<TRACE_INSERTED_CALLBACK> inserted;
  const Unit* unit = nullptr;  // of the trace that was just translated
};
Watchers& watchers() {
  static auto* const all = new Watchers;
  return *all;
}

const Unit& inserted_unit(const char* function) {
  const Unit* unit = watchers().unit;
  if (unit == nullptr)
    fail(std::string(function) + " is called outside of a callback of CODECACHE_AddTraceInsertedFunction");
  return *unit;
}

}  // namespace

bool wants_inserted_traces() {
  return !watchers().inserted.empty();
}

void cache_begins() {
  for (const CACHEINIT_CALLBACK function : watchers().init) function();
}

void cache_flushed() {
  for (const CACHEFLUSHED_CALLBACK function : watchers().flushed) function();
}

void tell_inserted_trace(const Unit& unit) {
  watchers().unit = &unit;
  watchers().inserted.each([](TRACE_INSERTED_CALLBACK function, VOID* value, const CALLBACK_RECORD&) {
    function(TRACE(1), value);
  });
  watchers().unit = nullptr;
}

}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

VOID CODECACHE_AddCacheInitFunction(CACHEINIT_CALLBACK function, VOID*) {
  watchers().init.push_back(function);
}
VOID CODECACHE_AddCacheFlushedFunction(CACHEFLUSHED_CALLBACK function, VOID*) {
  watchers().flushed.push_back(function);
}
VOID CODECACHE_AddTraceInsertedFunction(TRACE_INSERTED_CALLBACK function, VOID* value) {
  watchers().inserted.add(function, value);
}
USIZE TRACE_CodeCacheSize(TRACE) {
  return inserted_unit("TRACE_CodeCacheSize").code_size;
}
ADDRINT TRACE_CodeCacheAddress(TRACE) {
  return reinterpret_cast<ADDRINT>(inserted_unit("TRACE_CodeCacheAddress").code);
}

UINT32 CODECACHE_InvalidateRange(ADDRINT first, ADDRINT last) {
  forget_translations(first, last + 1);
  return 1;
}
UINT32 CODECACHE_InvalidateTraceAtProgramAddress(ADDRINT address) {
  forget_translations(address, address + 1);
  return 1;
}
BOOL CODECACHE_FlushCache() {
  forget_translations(0, ~uint64_t{0});
  return TRUE;
}
USIZE CODECACHE_CodeMemUsed() {
  return isotach::dbi::engine().cache.bytes_used();
}
USIZE CODECACHE_CacheSizeLimit() {
  return isotach::dbi::engine().cache.limit_bytes();
}
BOOL CODECACHE_ChangeCacheLimit(USIZE bytes) {
  if (bytes < kLeastBytes) return FALSE;
  isotach::dbi::engine().cache.set_limit_bytes(bytes);
  return TRUE;
}
UINT32 CODECACHE_NumTracesInCache() {
  return static_cast<UINT32>(isotach::dbi::engine().cache.unit_count());
}
BOOL CODECACHE_ChangeMaxInsPerTrace(UINT32 most) {
  if (most < 1 || most > kMostInstructions) return FALSE;
  isotach::dbi::engine().translator.options().max_instructions = most;
  return TRUE;
}
BOOL CODECACHE_ChangeMaxBblsPerTrace(UINT32 most) {
  if (most < 1 || most > kMostBlocks) return FALSE;
  isotach::dbi::engine().translator.options().max_blocks = most;
  return TRUE;
}
ADDRINT CODECACHE_OriginalAddress(ADDRINT cache_address) {
  lock_client();
  const Unit* unit = isotach::dbi::engine().cache.unit_at(cache_address);
  ADDRINT found = 0;
  if (unit != nullptr) {
    const auto offset = static_cast<uint16_t>(cache_address - reinterpret_cast<uint64_t>(unit->code));
    const UnitPlace place = place_in(*unit, offset);
    if (place.found) found = unit->pc + place.pc_offset;
  }
  unlock_client();
  return found;
}

}  // namespace LEVEL_BASE

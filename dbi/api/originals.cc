#include "api/originals.h"

#include <immintrin.h>
#include <sys/mman.h>

#include <cstring>
#include <mutex>
#include <unordered_map>

#include "api/hooks.h"
#include "api/instrument.h"
#include "engine/dispatch/nested.h"
#include "engine/instrument/routine_requests.h"
#include "engine/os/own_memory.h"

extern "C" void isotach_call_original();

namespace isotach::dbi::api {
namespace {

constexpr size_t kPageBytes = 4096;
constexpr size_t kEntryBytes = 32;

struct Originals {
  std::mutex mutex;
  std::unordered_map<uint64_t, uint64_t> entries, functions;  // of a function, and back
  uint8_t* page = nullptr;
  size_t used = kPageBytes;
};
Originals& originals() {
  static auto* const the_one = new Originals;
  return *the_one;
}

uint8_t* new_entry(Originals& all) {
  if (all.used + kEntryBytes > kPageBytes) {
    void* memory =
        mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("no memory for the original of a replaced routine");
    all.page = static_cast<uint8_t*>(memory);
    all.used = 0;
    note_own_memory(reinterpret_cast<uint64_t>(memory), kPageBytes);
  }
  uint8_t* entry = all.page + all.used;
  all.used += kEntryBytes;
  return entry;
}

}  // namespace

uint64_t original_of(uint64_t address) {
  Originals& all = originals();
  const std::lock_guard<std::mutex> guard(all.mutex);
  uint64_t& known = all.entries[address];
  if (known != 0) return known;
  uint8_t* entry = new_entry(all);
  const auto common = reinterpret_cast<uint64_t>(&isotach_call_original);
  const uint8_t code[] = {0x49, 0xbb, 0,   0, 0, 0, 0, 0, 0, 0,  // mov r11, address
                          0x49, 0xba, 0,   0, 0, 0, 0, 0, 0, 0,  // mov r10, common
                          0x41, 0xff, 0xe2};                     // jmp r10
  std::memcpy(entry, code, sizeof code);
  std::memcpy(entry + 2, &address, sizeof address);
  std::memcpy(entry + 12, &common, sizeof common);
  known = reinterpret_cast<uint64_t>(entry);
  all.functions[known] = address;
  return known;
}

uint64_t function_behind(uint64_t original) {
  Originals& all = originals();
  const std::lock_guard<std::mutex> guard(all.mutex);
  const auto found = all.functions.find(original);
  return found == all.functions.end() ? 0 : found->second;
}

}  // namespace isotach::dbi::api

// From program_call.S.
static_assert(sizeof(isotach::dbi::ProgramCall) <= 192);
static_assert(offsetof(isotach::dbi::ProgramCall, integers) == 16);
static_assert(offsetof(isotach::dbi::ProgramCall, floats) == 64);
static_assert(offsetof(isotach::dbi::ProgramCall, float_count) == 128);
static_assert(offsetof(isotach::dbi::ProgramCall, on_stack) == 136);
static_assert(offsetof(isotach::dbi::ProgramCall, stack_count) == 144);
static_assert(offsetof(isotach::dbi::ProgramCall, results) == 152);
static_assert(offsetof(isotach::dbi::ProgramCall, float_results) == 168);

extern "C" void isotach_original_called(isotach::dbi::ProgramCall* call) {
  using namespace isotach::dbi::api;
  isotach::dbi::ThreadContext* own = this_thread();
  if (own == nullptr)
    fail("a replaced routine's original is called on a thread that does not run the program");
  const unsigned depth = leave_client_lock();
  isotach::dbi::call_program(*own, *call);
  enter_client_lock(depth);
}

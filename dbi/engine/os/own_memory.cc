#include "engine/os/own_memory.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/os/lock.h"

namespace isotach::dbi {
namespace {

// The heap takes memory in pieces of 32 MiB and more, a thread one piece: a process with more than that many
// leaves some of them behind at detach.
constexpr size_t kMostIntervals = 8192;

IntervalSet<kMostIntervals> own;
Lock lock;

}  // namespace

void note_own_memory(uint64_t low, uint64_t size) {
  const Locked locked(lock);
  own.add(low, low + size);
}

void forget_own_memory(uint64_t low, uint64_t size) {
  const Locked locked(lock);
  own.remove(low, low + size);
}

bool is_own_memory(uint64_t address) {
  const Locked locked(lock);
  return own.contains(address);
}

size_t list_own_memory(Interval* to, size_t most) {
  const Locked locked(lock);
  for (size_t i = 0; i < own.size() && i < most; i++) to[i] = own[i];
  return own.size();
}

void reset_own_memory_lock() {
  lock.reset();
}

namespace {

constexpr size_t kPage = 4096;

void* map(void* address, size_t size, int protection, int flags, int descriptor, off_t offset) {
  const long result = syscall(SYS_mmap, address, size, protection, flags, descriptor, offset);
  if (result != -1) note_own_memory(static_cast<uint64_t>(result), (size + kPage - 1) / kPage * kPage);
  return reinterpret_cast<void*>(result);
}

}  // namespace
}  // namespace isotach::dbi

extern "C" {

__attribute__((visibility("default"))) void* mmap(void* address, size_t size, int protection, int flags,
                                                  int descriptor, off_t offset) noexcept {
  return isotach::dbi::map(address, size, protection, flags, descriptor, offset);
}

__attribute__((visibility("default"))) void* mmap64(void* address, size_t size, int protection, int flags,
                                                    int descriptor, off64_t offset) noexcept {
  return isotach::dbi::map(address, size, protection, flags, descriptor, offset);
}

__attribute__((visibility("default"))) int munmap(void* address, size_t size) noexcept {
  // Forgotten first: once it is unmapped, another thread may get the addresses.
  const auto low = reinterpret_cast<uint64_t>(address);
  const uint64_t rounded = (size + isotach::dbi::kPage - 1) / isotach::dbi::kPage * isotach::dbi::kPage;
  isotach::dbi::forget_own_memory(low, rounded);
  const long result = syscall(SYS_munmap, address, size);
  if (result != 0) isotach::dbi::note_own_memory(low, rounded);
  return static_cast<int>(result);
}

}  // extern "C"

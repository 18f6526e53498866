// Which memory of the process is the engine's and not the program's: to tell them apart in /proc/self/maps,
// and to leave nothing behind at detach.
//
// mmap(2) and munmap(2) of the private libraries (the heap's, C++'s, the tool's) come here because the
// runtime defines functions of these names; what the C library and the dynamic loader map for themselves is
// found through dl_iterate_phdr(3) by who asks.
//
// Thread rules: any thread. A lock is held for some instructions; reset_own_memory_lock() frees it in the
// child of a fork.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/os/interval_set.h"

namespace isotach::dbi {

void note_own_memory(uint64_t low, uint64_t size);
void forget_own_memory(uint64_t low, uint64_t size);
bool is_own_memory(uint64_t address);
// Copies at most `most` of them, in the order of their addresses; returns how many there are.
size_t list_own_memory(Interval* to, size_t most);
void reset_own_memory_lock();

}  // namespace isotach::dbi

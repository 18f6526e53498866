// Keeps translations true where the program may write to its own code.
//
// Code in memory that is writable and executable is translated after its pages were made read-only; a write
// faults, the translations of the page are forgotten, the page becomes writable again. A page to which that
// happens often is no longer protected: its units compare the program's bytes each time they are entered.
//
// Thread rules: guard_code needs the translation lock, the others take it.
#pragma once

#include <cstdint>

#include "engine/os/memory_map.h"

namespace isotach::dbi {

enum class CodeGuard { none, protected_page, compare };

// Whether translations of these pages need a guard: if not, guard_code says so too.
bool may_change(uint64_t begin, uint64_t end, const Mapping& mapping);

// How a unit translated from [begin, end), of this mapping, is kept true. Protects its pages when that is the
// way. Memory that is shared may be written through another mapping, which no protection sees: it is
// compared.
CodeGuard guard_code(uint64_t begin, uint64_t end, const Mapping& mapping);

// After a fault at `address`: true when the page was protected by us; it is writable now and its translations
// are forgotten.
bool let_code_be_written(uint64_t address);

// Before a change that keeps or moves the kernel's protection of these pages: they become as the program has
// them.
void let_code_be_written(uint64_t begin, uint64_t end);

// The program changes the protection of or unmaps these pages: ours is no longer there.
void forget_protection(uint64_t begin, uint64_t end);
// A system call could not write to memory: lets all of [begin, end) be written. True if anything was
// protected.
bool let_all_code_be_written();

bool is_in_cache(uint64_t code_address);

}  // namespace isotach::dbi

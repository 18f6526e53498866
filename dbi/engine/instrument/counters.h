// Counters of tools, split so that counting does not wait for itself.
//
// A tool that counts by a routine such as  ++total  adds to one address at each basic block, and each
// addition waits some cycles for the one before it to be stored. So emitted code adds to one of some cells of
// the thread's context, in turn, and what stands there is added to the tool's counter before any code of the
// tool runs. That goes as long as no analysis routine is called that might look at the counter: before the
// first of another kind the counters are made whole, for good.
//
// Thread rules: cell_of() needs the translation lock; the others take the lock of the list of threads.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/instrument/plan.h"

namespace isotach::dbi {

struct ThreadContext;

inline constexpr unsigned kSplitCounters = 4;  // further ones are added to directly
inline constexpr unsigned kCellsOfCounter = 32;

// Where in the context to add instead of at the counter: an offset. Nothing where it is to be added to
// directly.
std::optional<int32_t> cell_of(uint64_t counter);

bool counters_are_split();

// Whether all that the plan calls is counters and records.
bool only_counts(const TracePlan& plan);
// From now on nothing is split. True when code may be there that still is: it has to be flushed.
bool stop_splitting_counters();

// Adds to the counters what the thread has counted, or all threads.
void settle_counters(ThreadContext& context);
void settle_counters_locked(ThreadContext& context);  // with the lock of the list of threads
void settle_all_counters();

}  // namespace isotach::dbi

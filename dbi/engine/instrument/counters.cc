#include "engine/instrument/counters.h"

#include <algorithm>
#include <atomic>

#include "engine/dispatch/context.h"
#include "engine/dispatch/engine.h"
#include "engine/emit/inline.h"

namespace isotach::dbi {
namespace {

static_assert(sizeof(ThreadContext::cells) == kSplitCounters * kCellsOfCounter * 8);

std::atomic<bool> is_split{true};
std::atomic<unsigned> counter_count{0};
uint64_t counters[kSplitCounters];  // addresses
unsigned next_cell[kSplitCounters];

}  // namespace

std::optional<int32_t> cell_of(uint64_t counter) {
  if (!is_split) return {};
  const unsigned known = counter_count;
  unsigned number = 0;
  while (number < known && counters[number] != counter) ++number;
  if (number == kSplitCounters) return {};
  if (number == known) {
    counters[number] = counter;
    counter_count = known + 1;
  }
  const unsigned cell = next_cell[number]++ % kCellsOfCounter;
  return static_cast<int32_t>(CONTEXT_CELLS + 8 * (number * kCellsOfCounter + cell));
}

bool counters_are_split() {
  return is_split.load(std::memory_order_relaxed);
}

bool only_counts(const TracePlan& plan) {
  return std::all_of(plan.instructions.begin(), plan.instructions.end(), [](const PlannedInstruction& one) {
    return std::all_of(one.calls.begin(), one.calls.end(), [](const Call& call) {
      return call.step == Call::Step::buffer ||
             (call.step == Call::Step::plain && inline_body(call.routine).is_increment);
    });
  });
}

bool stop_splitting_counters() {
  return is_split.exchange(false) && counter_count != 0;
}

// Others may count on meanwhile: what was settled is remembered, and the cells are left to their thread.
void settle_counters_locked(ThreadContext& context) {
  const unsigned known = counter_count;
  for (unsigned number = 0; number < known; ++number) {
    uint64_t sum = 0;
    for (unsigned i = number * kCellsOfCounter; i < (number + 1) * kCellsOfCounter; ++i) {
      const uint64_t now = __atomic_load_n(&context.cells[i], __ATOMIC_RELAXED);
      sum += now - context.settled[i];
      context.settled[i] = now;
    }
    if (sum != 0) __atomic_fetch_add(reinterpret_cast<uint64_t*>(counters[number]), sum, __ATOMIC_RELAXED);
  }
}

void settle_counters(ThreadContext& context) {
  if (counter_count == 0) return;
  Locked locked(engine().threads_lock);
  settle_counters_locked(context);
}

void settle_all_counters() {
  if (counter_count == 0) return;
  Locked locked(engine().threads_lock);
  for (ThreadContext* one = engine().threads; one != nullptr; one = one->next) settle_counters_locked(*one);
}

}  // namespace isotach::dbi

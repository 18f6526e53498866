// Lists of what tools registered, in their order of execution.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "engine/instrument/counters.h"
#include "pin.H"

namespace LEVEL_BASE {

// What a PIN_CALLBACK points to.
struct CALLBACK_RECORD {
  void (*function)() = nullptr;
  VOID* value = nullptr;
  INT32 order = CALL_ORDER_DEFAULT;
  UINT32 number = 0;  // of registration, over all lists
  INT32 detail = 0;   // FPOINT of a fork callback
};

}  // namespace LEVEL_BASE

namespace isotach::dbi::api {

uint32_t next_callback_number();

// Callbacks of one kind. Function is a pointer to a function of which the last parameter is VOID*.
template <class Function>
class Callbacks {
 public:
  PIN_CALLBACK add(Function function, VOID* value, INT32 detail = 0) {
    CALLBACK_RECORD& record = records_.emplace_back();
    record.function = reinterpret_cast<void (*)()>(function);
    record.value = value;
    record.number = next_callback_number();
    record.detail = detail;
    sorted_.push_back(&record);
    return &record;
  }
  [[nodiscard]] bool empty() const { return sorted_.empty(); }
  [[nodiscard]] size_t size() const { return sorted_.size(); }
  // Of those that were added.
  void clear() { sorted_.clear(); }
  // In order; a tool may add more meanwhile, which run next time.
  template <class Visit>
  void each(Visit&& visit) {
    if (sorted_.empty()) return;
    settle_all_counters();
    std::stable_sort(sorted_.begin(), sorted_.end(), [](const CALLBACK_RECORD* a, const CALLBACK_RECORD* b) {
      return a->order != b->order ? a->order < b->order : a->number < b->number;
    });
    const std::vector<CALLBACK_RECORD*> now = sorted_;
    for (CALLBACK_RECORD* record : now) {
      visit(reinterpret_cast<Function>(record->function), record->value, *record);
    }
  }

 private:
  std::deque<CALLBACK_RECORD> records_;  // addresses stay valid
  std::vector<CALLBACK_RECORD*> sorted_;
};

}  // namespace isotach::dbi::api

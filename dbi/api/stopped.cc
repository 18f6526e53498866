// The program's threads, stopped for a tool to look at.
#include <vector>

#include "api/hooks.h"
#include "api/instrument.h"
#include "engine/dispatch/engine.h"
#include "engine/dispatch/stop_threads.h"
#include "engine/instrument/counters.h"
#include "pin.H"

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

namespace {

// The threads that the last PIN_StopApplicationThreads stopped. None is made or ends while they are.
std::vector<ThreadContext*>& stopped() {
  static auto* const all = new std::vector<ThreadContext*>;
  return *all;
}

CONTEXT* stopped_context(THREADID thread) {
  for (ThreadContext* one : stopped()) {
    if (one->thread_id == thread) return reinterpret_cast<CONTEXT*>(one);
  }
  return nullptr;
}

}  // namespace

BOOL PIN_StopApplicationThreads(THREADID) {
  // The others may wait for the lock that such a callback holds.
  if (holds_client_lock() && current_plan() != nullptr)
    fail("PIN_StopApplicationThreads is called from an instrumentation callback");
  const unsigned depth = leave_client_lock();
  ThreadContext* const self = this_thread();
  const StopResult result = stop_other_threads(self);
  if (result == StopResult::not_possible)
    fail("PIN_StopApplicationThreads needs membarrier(2), which this kernel does not allow");
  if (result == StopResult::stopped) {
    isotach::dbi::Engine& engine = isotach::dbi::engine();
    {
      Locked locked(engine.threads_lock);
      stopped().clear();
      for (ThreadContext* one = engine.threads; one != nullptr; one = one->next) {
        if (one != self && !one->is_process) stopped().push_back(one);
      }
    }
    settle_all_counters();
  }
  enter_client_lock(depth);
  return result == StopResult::stopped;
}
VOID PIN_ResumeApplicationThreads(THREADID) {
  stopped().clear();
  resume_other_threads();
}
UINT32 PIN_GetStoppedThreadCount() {
  return static_cast<UINT32>(stopped().size());
}
THREADID PIN_GetStoppedThreadId(UINT32 n) {
  return n < stopped().size() ? static_cast<THREADID>(stopped()[n]->thread_id) : INVALID_THREADID;
}
const CONTEXT* PIN_GetStoppedThreadContext(THREADID thread) {
  return stopped_context(thread);
}
CONTEXT* PIN_GetStoppedThreadWriteableContext(THREADID thread) {
  return stopped_context(thread);
}

}  // namespace LEVEL_BASE

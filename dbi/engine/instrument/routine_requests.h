// What tools asked to be done at whole routines, kept until the routine's code is translated: calls at entry
// and exit (RTN_InsertCall), calls at single instructions of an opened routine (INS_* between RTN_Open and
// RTN_Close), and replacements (RTN_Replace, RTN_ReplaceSignature).
//
// The instrumenter hands each fresh plan to apply() first, before it calls the tool's callbacks for traces
// and instructions: what a tool asked for when the image was loaded was asked for earlier, and is done
// earlier.
//
// Thread rules: the translation lock is held.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "engine/instrument/plan.h"
#include "engine/loader/images.h"

namespace isotach::dbi {

// A routine between RTN_Open and RTN_Close.
struct OpenedRoutine {
  Routine* routine = nullptr;
  std::vector<uint8_t> code;         // a copy: `bytes` of the instructions point into it
  PlannedInstructions instructions;  // in order of address; decoding stops at what is invalid
};

struct Replacement {
  uint64_t function = 0;  // of the tool; the program's thread calls it instead of the routine
  // What it is given. Without a signature: the routine's first ten integer arguments.
  ArgumentList arguments;
  bool has_signature = false;
  bool returns_value = true;
};

class RoutineRequests {
 public:
  // The tool wants to hear of each routine when its first code is about to be translated.
  std::function<void(Routine&)> on_routine;

  void add_entry(const Routine& routine, Call call);
  // Before each return of the routine; a jump to another function at its end is none.
  void add_exit(const Routine& routine, Call call);
  void replace(const Routine& routine, Replacement replacement);
  [[nodiscard]] bool is_replaced(const Routine& routine) const;
  [[nodiscard]] bool is_replaced_at(uint64_t address) const;
  // What RTN_RemoveInstrumentation-like calls need: forgets all that was asked for.
  void clear();

  // The same object until it is closed; nothing when its code cannot be read.
  OpenedRoutine* open(Routine& routine);
  [[nodiscard]] OpenedRoutine* opened(const Routine& routine);
  // Keeps what was planned for its instructions.
  void close(Routine& routine);

  // Finds the image and the routines that the plan's code belongs to, has them announced, and adds what was
  // asked for.
  void apply(TracePlan& plan);
  // Code has gone; what was asked for it goes with it.
  void forget(uint64_t low, uint64_t high);

 private:
  struct AtInstruction : Changes {
    std::vector<Call> calls;
  };
  struct Exit {
    uint64_t high;
    std::vector<Call> calls;
  };

  void announce(const TracePlan& plan);
  bool apply_replacement(TracePlan& plan, size_t index, const Replacement& replacement) const;

  std::unordered_map<uint64_t, AtInstruction> at_instruction_;
  std::map<uint64_t, Exit> exits_;  // by the routine's address
  std::unordered_map<uint64_t, Replacement> replacements_;
  std::map<int32_t, std::unique_ptr<OpenedRoutine>> opened_;  // by number of the routine
};

// The one of this process.
[[nodiscard]] RoutineRequests& routine_requests();

}  // namespace isotach::dbi

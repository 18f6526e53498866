// Translates one trace of the program: decodes it, lets the tool look at it, writes it into the code cache.
//
// Thread rules: the translation lock is held.
#pragma once

#include <cstdint>

#include "engine/cache/code_cache.h"
#include "engine/emit/emitter.h"
#include "engine/instrument/plan.h"
#include "engine/os/memory_map.h"

namespace isotach::dbi {

struct TranslateOptions {
  Instrumenter instrumenter = nullptr;
  // Hears of each trace that was translated as the tool wants it.
  void (*inserted)(TracePlan&, const Unit&) = nullptr;
  bool count_instructions = false;  // into ThreadContext::counter, by block
  unsigned max_instructions = 64;   // of a trace
  unsigned max_blocks = 3;
};

class Translator {
 public:
  Translator(CodeCache& cache, MemoryMap& memory, const TranslateOptions& options)
      : cache_(cache), memory_(memory), options_(options) {}

  // The unit at `pc`, translated now when there is none. nullptr when `pc` cannot be executed.
  // `indirect`: an indirect branch goes there, and its like are to find it in the table from now on.
  // `loop`: a jump backward goes there. What no tool looks at becomes a longer trace then.
  Unit* translate(ThreadContext& context, uint64_t pc, bool indirect, bool loop = false);

  // The function at `pc` itself where a tool has replaced it: a unit to which nothing else leads.
  Unit* translate_original(ThreadContext& context, uint64_t pc);

  // The instruction at `pc` alone, in a unit that always goes back to the dispatcher: for a program that
  // steps itself.
  Unit* translate_step(ThreadContext& context, uint64_t pc);

  TranslateOptions& options() { return options_; }

 private:
  Unit* translate_unobserved(uint64_t pc, bool indirect, bool loop);
  // Decodes, lets the tool look and writes; with fewer instructions each time the tool asks for more code
  // than a unit can hold.
  Unit* translate_observed(ThreadContext& context, uint64_t pc, bool indirect, bool is_original);
  bool decode(uint64_t pc, unsigned max_instructions, uint16_t version);
  void let_tool_look(ThreadContext& context);
  // Nullptr when the plan's code is too large for a unit.
  Unit* emit(bool indirect);
  Region& room(uint64_t near, size_t hot, size_t cold);
  void finish(const Emitter& emitter, Unit& unit, Region& region, bool indirect);

  CodeCache& cache_;
  MemoryMap& memory_;
  TranslateOptions options_;
  TracePlan plan_;  // kept, so that its memory is
  EmitterScratch scratch_;
};

}  // namespace isotach::dbi

// The program's own functions, called by a tool: a run of the program within an analysis routine or a
// callback.
//
// The function runs translated and instrumented like all of the program, on the program's stack, below what
// the interrupted code may use. It returns to an address that no memory of the program has; the dispatcher
// takes that for the end of the run. The registers that the program had before are in place again behind it.
//
// Thread rules: on a thread of the program, with no lock held.
#pragma once

#include <cstdint>

#include "engine/dispatch/context.h"

namespace isotach::dbi {

// What a function of the program is called with, and what it returned, as the System V ABI has it.
struct ProgramCall {
  uint64_t function = 0;
  // The function itself, also where a tool has replaced it.
  bool original = false;
  uint64_t integers[6] = {};
  double floats[8] = {};  // as bits: a float lies in the low half
  uint64_t float_count = 0;
  const uint64_t* on_stack = nullptr;  // further words
  size_t stack_count = 0;

  uint64_t results[2] = {};      // rax, rdx
  double float_results[2] = {};  // xmm0, xmm1
};

// Runs it to its end. Signals are delivered within, and those that come with its last instruction behind the
// analysis routine.
void call_program(ThreadContext& context, ProgramCall& call);

// The thread is at the entry of a function that is to run without its replacement.
bool is_at_original(const ThreadContext& context);

// The dispatcher is about to go on at context.pc. When that is the end of a run, does not return, or, where a
// signal is to be delivered first, returns true.
bool end_nested_run(ThreadContext& context);

}  // namespace isotach::dbi

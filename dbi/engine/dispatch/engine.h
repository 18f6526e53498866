// The engine's one instance in a process: the code cache, what translates into it, and the threads that run
// in it. A process has one because emitted code and signal handlers must reach it without being told where.
//
// Thread rules: `lock` guards cache, memory and translator; `threads_lock` the list of threads. Take `lock`
// first. A signal handler takes neither.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include <atomic>
#include <cstdint>

#include "engine/cache/code_cache.h"
#include "engine/dispatch/context.h"
#include "engine/emit/translate.h"
#include "engine/os/lock.h"
#include "engine/os/memory_map.h"

namespace isotach::dbi {

// ThreadContext::epoch of a thread that is not inside the code cache.
inline constexpr uint64_t kOutside = UINT64_MAX;

struct EngineOptions {
  size_t cache_limit_bytes = size_t{256} << 20;
  TranslateOptions translate;
  bool follow_exec = false;
  bool statistics = false;
};

enum class ContextChange : uint8_t { fatal_signal, signal, return_from_signal };

// What the API wants to hear of. Each may be null. Called on the program's thread it concerns, outside of the
// lock, with the program's state in the context.
struct EngineEvents {
  void (*thread_started)(ThreadContext&) = nullptr;
  void (*thread_ending)(ThreadContext&, int32_t code) = nullptr;
  void (*process_ending)(ThreadContext&, int32_t code) = nullptr;
  // After it, and so after all code of the tool.
  void (*process_ended)(ThreadContext&) = nullptr;
  void (*system_call_entry)(ThreadContext&) = nullptr;
  void (*system_call_exit)(ThreadContext&) = nullptr;
  void (*fork_before)(ThreadContext&) = nullptr;
  void (*fork_parent)(ThreadContext&) = nullptr;
  void (*fork_child)(ThreadContext&) = nullptr;
  void (*memory_unmapped)(uint64_t begin, uint64_t end) = nullptr;
  // Signals (bit n - 1) of which signal_arrived is to hear, also where the program handles none. Set before
  // it runs. False: the program does not get the signal, and goes on where the context says.
  uint64_t wanted_signals = 0;
  bool (*signal_arrived)(ThreadContext&, const siginfo_t& info, bool has_handler) = nullptr;
  // A fault in the tool's own code, in the signal handler; the context is null on a thread of the tool's own.
  // True: goes on with the registers in `user`.
  bool (*tool_fault)(ThreadContext*, const siginfo_t& info, ucontext_t& user) = nullptr;
  // Before and after a signal (or the return from one) changes where the program stands.
  void (*context_changing)(ThreadContext&, ContextChange reason, int signal) = nullptr;
  void (*context_changed)(ThreadContext&, ContextChange reason, int signal) = nullptr;
  // All translations were forgotten. With the lock held.
  void (*cache_flushed)() = nullptr;
  // The engine is about to leave the process; all its threads wait. On one of them.
  void (*detaching)(ThreadContext&) = nullptr;
  // The program's execve or execveat, in its registers, is to be followed: makes the call that does. Returns
  // what the system call returns when it fails.
  int64_t (*exec_follow)(ThreadContext&) = nullptr;
};

class Engine {
 public:
  explicit Engine(const EngineOptions& wanted)
      : options(wanted), cache(wanted.cache_limit_bytes), translator(cache, memory, wanted.translate) {}

  EngineOptions options;
  EngineEvents events;
  Lock lock;
  CodeCache cache;
  MemoryMap memory;
  Translator translator;

  Lock threads_lock;
  ThreadContext* threads = nullptr;
  std::atomic<uint64_t> next_thread_id{0};

  // Statistics, not exact across threads.
  uint64_t dispatches = 0, indirect_misses = 0, system_calls = 0, full_flushes = 0;
  uint64_t counted_by_ended_threads = 0;  // of ThreadContext::counter; with `threads_lock`
};

Engine& engine();
// Makes the one instance. Once, before anything else.
Engine& make_engine(const EngineOptions& options);

// Runs the calling thread's program from context.pc on, forever.
[[noreturn]] void run_program(ThreadContext& context);

// Sets context.resume to the translation of context.pc. Where that cannot be executed, the program gets its
// SIGSEGV.
void resume_at_pc(ThreadContext& context);

// The program's process is about to end: says so to those who want to hear of it.
void tell_process_end(ThreadContext& context, int32_t code);

// From now on counters are in their place whoever looks (instrument/counters.h). Takes the lock.
void make_counters_whole();
// From now on the program may ask where it branched to no address from. Takes the lock.
void note_branches();
// Forgets translations of memory that changes. Takes the lock.
void flush_code(uint64_t begin, uint64_t end);

}  // namespace isotach::dbi

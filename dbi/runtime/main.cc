// The runtime: the program that the launcher starts inside the program to be instrumented, by a second
// dynamic loader. Loads the tool, then runs the program.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "api/start.h"
#include "engine/dispatch/engine.h"
#include "engine/dispatch/signals.h"
#include "engine/dispatch/threads.h"
#include "engine/os/arrival.h"
#include "engine/os/follow.h"
#include "engine/os/lent_thread.h"
#include "engine/os/private_fds.h"
#include "engine/os/stop.h"

namespace isotach::dbi {
namespace {

constexpr uint64_t kTrapFlag = 0x100;

// Made in advance: the first threads of a program start the faster, and half of all programs have one only.
constexpr unsigned kReadyThreads = 1;

struct Arguments {
  EngineOptions engine;
  std::string tool;
  std::vector<std::string> tool_arguments;
};

Arguments read_arguments(const Handover& handover) {
  Arguments arguments;
  auto* const* words = reinterpret_cast<char* const*>(handover.arguments);
  for (uint32_t i = 0; i < handover.argument_count; ++i) {
    const std::string word = words[i];
    const auto value = [&] { return ++i < handover.argument_count ? std::string(words[i]) : std::string(); };
    if (word == "-t") {
      arguments.tool = value();
      while (++i < handover.argument_count && std::strcmp(words[i], "--") != 0) {
        arguments.tool_arguments.emplace_back(words[i]);
      }
    } else if (word == "--follow" || word == "-follow_execv") {
      arguments.engine.follow_exec = true;
    } else if (word == "--statistics") {
      arguments.engine.statistics = true;
    } else if (word == "--blocks") {
      arguments.engine.translate.max_blocks = static_cast<unsigned>(std::atoi(value().c_str()));
    } else if (word == "--count") {
      arguments.engine.translate.count_instructions = true;
    } else if (word == "--cache-size") {
      arguments.engine.cache_limit_bytes = std::strtoull(value().c_str(), nullptr, 0) << 20;
    } else if (word == "--") {
      break;
    }
  }
  return arguments;
}

void copy_registers(ThreadContext& context, const ProgramRegisters& from) {
  uint64_t* r = context.registers;
  r[rax] = from.rax;
  r[rcx] = from.rcx;
  r[rdx] = from.rdx;
  r[rbx] = from.rbx;
  r[rsp] = from.rsp;
  r[rbp] = from.rbp;
  r[rsi] = from.rsi;
  r[rdi] = from.rdi;
  r[r8] = from.r8;
  r[r9] = from.r9;
  r[r10] = from.r10;
  r[r11] = from.r11;
  r[r12] = from.r12;
  r[r13] = from.r13;
  r[r14] = from.r14;
  r[r15] = from.r15;
  context.flags = from.eflags & ~kTrapFlag;
  context.pc = from.rip;
  context.program_fs = from.fs_base;
  context.program_gs = from.gs_base;
}

void print_statistics(ThreadContext& context, int32_t) {
  Engine& engine = dbi::engine();
  std::fprintf(stderr,
               "isotach pin: %zu units, %zu bytes, %llu dispatches, %llu indirect misses, %llu system calls, "
               "counter %llu\n",
               engine.cache.unit_count(), engine.cache.bytes_used(),
               static_cast<unsigned long long>(engine.dispatches),
               static_cast<unsigned long long>(engine.indirect_misses),
               static_cast<unsigned long long>(engine.system_calls),
               static_cast<unsigned long long>(context.counter));
}

int64_t follow(ThreadContext& context) {
  const uint64_t* r = context.registers;
  if (r[rax] == SYS_execveat)
    return follow_exec(static_cast<int32_t>(r[rdi]), r[rsi], r[rdx], r[r10], static_cast<int32_t>(r[r8]),
                       true);
  return follow_exec(AT_FDCWD, r[rdi], r[rsi], r[rdx], 0, false);
}

[[noreturn]] void run_under_engine(ThreadContext& context) {
  take_over_signals(context);
  run_program(context);
}

// What the kernel left on the stack of a program that has not run yet: its arguments, and where its parts
// lie.
api::ToolCommand program_of(const ThreadContext& context) {
  api::ToolCommand command;
  const auto* word = reinterpret_cast<const uint64_t*>(context.registers[rsp]);
  const uint64_t count = *word++;
  for (uint64_t i = 0; i < count; ++i) command.program.emplace_back(reinterpret_cast<const char*>(word[i]));
  word += count + 1;
  while (*word++ != 0) {
  }
  for (; word[0] != AT_NULL; word += 2) {
    if (word[0] == AT_ENTRY) command.entry = word[1];
    if (word[0] == AT_BASE) command.interpreter = word[1] != 0 ? context.pc : 0;
  }
  return command;
}

int run(int argc, char** argv) {
  const Handover* handover = arrive(argc, argv);
  if (handover == nullptr) return kEngineFailed;
  Arguments arguments = read_arguments(*handover);
  Engine& engine = make_engine(arguments.engine);
  if (engine.options.statistics) engine.events.process_ending = print_statistics;
  if (engine.options.follow_exec) {
    prepare_to_follow(*handover);
    engine.events.exec_follow = follow;
  }
  auto* process = new ProcessState;
  LentThread* lent = adopt_current_thread(handover->stack_low, handover->stack_high);
  prepare_lent_threads(kReadyThreads);
  ThreadContext& context = adopt_this_thread(*process, lent);
  copy_registers(context, handover->registers);
  if (!arguments.tool.empty()) {
    api::ToolCommand command = program_of(context);
    command.tool = arguments.tool;
    command.arguments = arguments.tool_arguments;
    command.run = run_under_engine;
    api::run_tool(context, command);
  }
  run_under_engine(context);
}

}  // namespace
}  // namespace isotach::dbi

int main(int argc, char** argv) {
  return isotach::dbi::run(argc, argv);
}

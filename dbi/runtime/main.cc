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
#include "engine/dispatch/attach.h"
#include "engine/dispatch/crash.h"
#include "engine/dispatch/engine.h"
#include "engine/dispatch/signals.h"
#include "engine/dispatch/threads.h"
#include "engine/os/arrival.h"
#include "engine/os/follow.h"
#include "engine/os/lent_thread.h"
#include "engine/os/private_fds.h"
#include "engine/os/raw_syscall.h"
#include "engine/os/stop.h"

namespace isotach::dbi {
namespace {

constexpr int kWrongUsage = 2;

// Made in advance: the first threads of a program start the faster, and half of all programs have one only.
constexpr unsigned kReadyThreads = 1;

struct Arguments {
  EngineOptions engine;
  std::string tool;
  std::vector<std::string> tool_arguments;
  bool debugs = false, debugs_from_start = false, debugs_silently = false;
  uint16_t debug_port = 0;
  std::string wrong;  // what is; empty: nothing
};

Arguments read_arguments(const Handover& handover) {
  Arguments arguments;
  auto* const* words = reinterpret_cast<char* const*>(handover.arguments);
  for (uint32_t i = 0; i < handover.argument_count; ++i) {
    const std::string word = words[i];
    const auto value = [&] { return ++i < handover.argument_count ? std::string(words[i]) : std::string(); };
    const auto number = [&](const std::string& option, const std::string& text, uint64_t least,
                            uint64_t most) {
      char* end = nullptr;
      const uint64_t result = std::strtoull(text.c_str(), &end, 10);
      if (!text.empty() && *end == 0 && result >= least && result <= most) return result;
      arguments.wrong = option + " needs a number from " + std::to_string(least) + " to " +
                        std::to_string(most) + ", not '" + text + "'";
      return least;
    };
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
      arguments.engine.translate.max_blocks = static_cast<unsigned>(number(word, value(), 1, 16));
    } else if (word == "--count") {
      arguments.engine.translate.count_instructions = arguments.engine.statistics = true;
    } else if (word == "--cache-size") {
      arguments.engine.cache_limit_bytes = number(word, value(), 1, 16384) << 20;
    } else if (word == "-appdebug" || word == "-appdebug_enable") {
      arguments.debugs = true;
      arguments.debugs_from_start |= word == "-appdebug";
    } else if (word == "-appdebug_silent") {
      arguments.debugs_silently = true;
    } else if (word == "-appdebug_server_port") {
      arguments.debug_port = static_cast<uint16_t>(number(word, value(), 1, 65535));
    } else if (word == "--") {
      break;
    } else {
      arguments.wrong = "unknown option '" + word + "' of the engine; a tool's options stand behind -t TOOL";
    }
  }
  if (arguments.debugs && arguments.tool.empty() && arguments.wrong.empty())
    arguments.wrong = "-appdebug needs a tool: -t TOOL, which may do nothing";
  return arguments;
}

void print_statistics(ThreadContext&) {
  Engine& engine = dbi::engine();
  const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  std::fprintf(
      stderr,
      "isotach pin: %zu traces in %zu KiB of code cache, emptied %llu times; left %llu times, of these "
      "%llu for system calls and %llu for indirect branches to new targets\n",
      engine.cache.unit_count(), engine.cache.bytes_used() >> 10, number(engine.full_flushes),
      number(engine.dispatches), number(engine.system_calls), number(engine.indirect_misses));
  if (!engine.options.translate.count_instructions) return;
  Locked locked(engine.threads_lock);
  uint64_t counted = engine.counted_by_ended_threads;
  for (const ThreadContext* one = engine.threads; one != nullptr; one = one->next) counted += one->counter;
  std::fprintf(stderr, "isotach pin: %llu instructions\n", number(counted));
}

int64_t follow(ThreadContext& context) {
  const uint64_t* r = context.registers;
  if (r[rax] == SYS_execveat)
    return follow_exec(static_cast<int32_t>(r[rdi]), r[rsi], r[rdx], r[r10], static_cast<int32_t>(r[r8]),
                       true);
  return follow_exec(AT_FDCWD, r[rdi], r[rsi], r[rdx], 0, false);
}

void run_under_engine(ThreadContext& context) {
  end_early_reports();
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

Handover* attached = nullptr;

// At attach, on the runtime's own thread, which then ends: the program's threads come with their own.
void take_over_running(ThreadContext& context) {
  forget_this_thread(context);
  attached->ready = take_over_threads(*attached, *context.process) ? 1 : 2;
  // The launcher waits for the end of this thread; what it stands on stays.
  for (;;) raw_syscall(SYS_exit, 0);
}

// The same as program_of() for a program that has run already, from what the kernel remembers.
api::ToolCommand running_program() {
  api::ToolCommand command;
  if (std::FILE* file = std::fopen("/proc/self/cmdline", "re")) {
    std::string word;
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) {
      if (c != 0) {
        word.push_back(static_cast<char>(c));
      } else {
        command.program.push_back(std::move(word));
        word.clear();
      }
    }
    std::fclose(file);
  }
  if (std::FILE* file = std::fopen("/proc/self/auxv", "re")) {
    uint64_t pair[2];
    while (std::fread(pair, sizeof pair, 1, file) == 1 && pair[0] != AT_NULL)
      if (pair[0] == AT_ENTRY) command.entry = pair[1];
    std::fclose(file);
  }
  return command;
}

int run(int argc, char** argv) {
  Handover* handover = arrive(argc, argv);
  if (handover == nullptr) return kEngineFailed;
  Arguments arguments = read_arguments(*handover);
  if (!arguments.wrong.empty()) {
    std::fprintf(stderr, "isotach pin: %s\n", arguments.wrong.c_str());
    if (handover->take_over != TakeOver::attach) return kWrongUsage;
    handover->ready = 2;
    for (;;) raw_syscall(SYS_exit, 0);
  }
  Engine& engine = make_engine(arguments.engine);
  if (engine.options.statistics) engine.events.process_ended = print_statistics;
  if (engine.options.follow_exec) {
    prepare_to_follow(*handover);
    engine.events.exec_follow = follow;
  }
  auto* process = new ProcessState;
  LentThread* lent = adopt_current_thread(handover->stack_low, handover->stack_high);
  prepare_lent_threads(kReadyThreads);
  handover->detach = prepare_to_detach(*handover);
  ThreadContext& context = adopt_this_thread(*process, lent);
  const bool attaches = handover->take_over == TakeOver::attach;
  if (attaches) {
    attached = handover;
  } else {
    set_program_registers(context, handover->registers);
  }
  const auto run_program_then = attaches ? take_over_running : run_under_engine;
  if (!arguments.tool.empty()) {
    api::ToolCommand command = attaches ? running_program() : program_of(context);
    command.tool = arguments.tool;
    command.arguments = arguments.tool_arguments;
    command.attaches = attaches;
    command.debugs = arguments.debugs;
    command.debugs_from_start = arguments.debugs_from_start;
    command.debugs_silently = arguments.debugs_silently;
    command.debug_port = arguments.debug_port;
    if (attaches) command.threads = static_cast<uint32_t>(handover->thread_count);
    command.run = run_program_then;
    if (!attaches) begin_early_reports();
    api::run_tool(context, command);
  }
  run_program_then(context);
  return kEngineFailed;
}

}  // namespace
}  // namespace isotach::dbi

int main(int argc, char** argv) {
  return isotach::dbi::run(argc, argv);
}

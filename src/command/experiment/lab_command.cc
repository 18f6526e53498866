// isotach internal-memory-experiment: the lab's experiments in C++, as a process of their own.
#include <unistd.h>

#include <cstdlib>
#include <limits>
#include <string>

#include "base/fd.h"
#include "base/text.h"
#include "command/context.h"
#include "command/experiment/commands.h"
#include "memory/experiment/lab_program.h"

namespace isotach::command {
namespace {

// As PAUSE_S in experiment.py.
constexpr std::int64_t kPauseNs = 250'000'000;

void wait_ns(Context& context, std::int64_t time_ns) {
  if (time_ns <= 0) return;
  const std::int64_t end_ns = context.clock.now().monotonic_ns + time_ns;
  while (context.waiter.wait_until(end_ns) != Wake::deadline && !context.waiter.interrupted()) {
  }
  // A program under observation ends at once, as one that knows no signals.
  if (context.waiter.interrupted()) ::_exit(kExitCutShort);
}

void mark(Context& context, const std::string& text) {
  const char* descriptor = std::getenv("ISOTACH_EXPERIMENT_FD");
  const auto fd = parse_unsigned(descriptor != nullptr ? descriptor : "");
  if (!fd || *fd > std::numeric_limits<int>::max()) return;
  const std::string line = "mark " + std::to_string(context.clock.now().monotonic_ns) + ' ' + text + '\n';
  static_cast<void>(write_all(static_cast<int>(*fd), line));
}

int run(Context& context, const Arguments& arguments) {
  const auto& words = arguments.positionals();
  const auto number = words.size() == 3 ? parse_unsigned(words[0]) : std::nullopt;
  const auto size = words.size() == 3 ? parse_unsigned(words[1]) : std::nullopt;
  const auto delay_ns = words.size() == 3 ? parse_unsigned(words[2]) : std::nullopt;
  if (!number || !size || !delay_ns || *number > 6)
    return context.report({ErrorKind::usage, 0, "needs NUMBER SIZE DELAY_NS", {}});
  memory::LabProgram program;
  program.size = *size;
  program.wait = [&, delay = static_cast<std::int64_t>(*delay_ns)] { wait_ns(context, delay); };
  program.pause = [&] { wait_ns(context, kPauseNs); };
  program.mark = [&](const std::string& text) { mark(context, text); };
  memory::run_lab_experiment(static_cast<int>(*number), program);
  return kExitOk;
}

}  // namespace

CommandSpec lab_program_command() {
  CommandSpec spec;
  spec.name = "internal-memory-experiment";
  spec.area = "about";
  spec.summary = "be one of the experiments of isotach experiment memory, in C++";
  spec.usages = {"isotach internal-memory-experiment NUMBER SIZE DELAY_NS"};
  spec.description = "Started by isotach experiment memory.";
  spec.positionals = {{"NUMBER", "the experiment, 1 to 6"},
                      {"SIZE", "strings in each vector"},
                      {"DELAY_NS", "time to wait after each string"}};
  spec.examples = {{"isotach internal-memory-experiment 3 4000 100000", "both, results dropped"},
                   {"isotach internal-memory-experiment 5 4000 0", "a cycle, as fast as it goes"}};
  spec.hidden = true;
  spec.run = run;
  return spec;
}

}  // namespace isotach::command

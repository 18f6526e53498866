// isotach pin: the instrumentation engine's command. The work is done by its launcher (dbi/launcher), which
// main() becomes; what is here is its description, for help, man page, completion and guide.
#include "command/become_pin.h"
#include "command/context.h"
#include "command/spec.h"

namespace isotach::command {
namespace {

int run(Context& context, const Arguments& arguments) {
  std::vector<std::string> words = {"pin"};
  words.insert(words.end(), arguments.words().begin(), arguments.words().end());
  return context.report(become_pin(words));
}

}  // namespace

CommandSpec pin_command() {
  CommandSpec spec;
  spec.name = "pin";
  spec.area = "instrumentation";
  spec.summary = "run a program under a tool that sees every instruction";
  spec.usages = {"isotach pin [OPTIONS] [-t TOOL.so [TOOL OPTIONS]] -- COMMAND [ARGUMENT...]",
                 "isotach pin --pid PID [--detach-after TIME] [OPTIONS] [-t TOOL.so [TOOL OPTIONS]]"};
  spec.description =
      "Runs COMMAND under the instrumentation engine from its very first instruction, that of the dynamic "
      "loader, and the tool with it: a shared object written for Pin's interface. The program itself is "
      "unchanged: its process number, arguments, environment, descriptors, signals and exit code are those "
      "it "
      "would have without the engine.\n\n"
      "Everything behind the tool's path is the tool's, up to --; without a tool the program runs under the "
      "engine unobserved. With --pid a running process is taken over with all of its threads; with "
      "--detach-after, or at Ctrl-C, it is let go again and goes on natively.\n\n"
      "Programs that gain privileges when they are run (set-user-ID) cannot be taken over, nor programs that "
      "a "
      "debugger or strace is tracing. The exit code is that of COMMAND; 127 where it is not found, 126 where "
      "it cannot be run.";
  spec.options = {
      {"--tool",
       't',
       "TOOL.so",
       "the tool; what follows it up to -- are the tool's own options",
       "what to run",
       {},
       "file"},
      {"--follow", 0, "", "follow the program into the programs that it executes (also: -follow_execv)",
       "what to run"},
      {"--pid", 0, "PID", "take over this running process (also: -pid)", "a running process"},
      {"--detach-after", 0, "TIME", "let the process go again after this time", "a running process"},
      {"--detach-within", 0, "TIME",
       "leave the process under the engine when a thread does not come out by then (10)",
       "a running process"},
      {"--cache-size", 0, "MIB", "translated code that is kept at most (256)", "the engine"},
      {"--blocks", 0, "N",
       "basic blocks that a trace has at most, 1 to 16 (3); of a loop without a tool four times as many",
       "the engine"},
      {"--statistics", 0, "", "say at the end, on stderr, what the engine did", "the engine"},
      {"--count", 0, "", "and how many instructions the program executed, without any tool", "the engine"},
  };
  spec.examples = {
      {"isotach pin -t inscount0 -- ls -l", "the instructions that ls executes"},
      {"isotach pin --follow -t inscount0 -- make", "and those of all that make starts"},
      {"isotach pin --count -- gzip -9 big", "instructions, and what the engine did, without a tool"},
      {"isotach pin --pid 1234 --detach-after 10 -t inscount0", "ten seconds of a running process"}};
  spec.takes_command = true;
  spec.run = run;
  return spec;
}

}  // namespace isotach::command

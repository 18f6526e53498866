// isotach completions SHELL: the completion script of a shell, on standard output.
#include "command/completion_script.h"
#include "command/context.h"
#include "command/spec.h"

namespace isotach::command {
namespace {

int run(Context& context, const Arguments& arguments) {
  if (arguments.positionals().empty())
    return context.report({ErrorKind::usage, 0, "say for which shell: bash, zsh or fish", {}});
  const auto shell = shell_from_name(arguments.positionals().front());
  if (!shell) return context.report({ErrorKind::usage, 0, "there are no completions for this shell", {}});
  context.out.write(completion_script(*shell));
  return kExitOk;
}

}  // namespace

CommandSpec completions_command() {
  CommandSpec spec;
  spec.name = "completions";
  spec.area = "about";
  spec.summary = "print a completion script for bash, zsh or fish";
  spec.usages = {"isotach completions SHELL"};
  spec.description =
      "Prints a script that makes the shell complete commands, options, their values, metric names and "
      "files. The package installs the same scripts; this is for programs that were not installed by it.";
  spec.positionals = {{"SHELL", "the shell", "", false, {"bash", "zsh", "fish"}}};
  spec.examples = {
      {"source <(isotach completions bash)", "in this shell, or as a line of ~/.bashrc"},
      {"isotach completions zsh > ~/.zfunc/_isotach", "in a folder of zsh's fpath"},
      {"isotach completions fish > ~/.config/fish/completions/isotach.fish", "where fish looks for it"},
  };
  spec.run = run;
  return spec;
}

}  // namespace isotach::command

// isotach help [COMMAND]: the same text as COMMAND --help.
#include "base/text.h"
#include "command/context.h"
#include "command/describe.h"
#include "command/help.h"
#include "command/spec.h"

namespace isotach::command {
namespace {

int run(Context& context, const Arguments& arguments) {
  const int columns = terminal_size(context.out.fd()).columns;
  if (arguments.positionals().empty()) {
    context.out.write(general_help(all_commands(), columns));
    return kExitOk;
  }
  std::string wanted;
  for (const std::string& word : arguments.positionals()) wanted += (wanted.empty() ? "" : " ") + word;
  // The command without a name is asked for by what it shows.
  const CommandSpec* command = find_command(all_commands(), wanted == "overview" ? "" : wanted);
  if (command == nullptr || wanted.empty())
    return context.report({ErrorKind::usage, 0, "unknown command '" + printable(wanted) + "'",
                           "isotach --help lists the commands"});
  context.out.write(command_help(*command, all_commands(), columns));
  return kExitOk;
}

}  // namespace

CommandSpec help_command() {
  CommandSpec spec;
  spec.name = "help";
  spec.area = "about";
  spec.summary = "explain a command";
  spec.usages = {"isotach help [COMMAND...]"};
  spec.description =
      "Prints what isotach COMMAND --help prints: usage, examples, every option, exit codes. Without "
      "COMMAND it lists the commands. \"overview\" stands for isotach without a command. The man pages say "
      "the same.";
  spec.positionals = {{"COMMAND", "the command to explain", "command", true}};
  spec.examples = {
      {"isotach help", "list the commands"},
      {"isotach help vm", "what isotach vm --help prints"},
      {"isotach help swap create", "one of the commands of isotach swap"},
  };
  spec.run = run;
  return spec;
}

}  // namespace isotach::command

// isotach help [COMMAND]: the same text as COMMAND --help.
#include "base/text.h"
#include "command/context.h"
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
  const std::string& wanted = arguments.positionals().front();
  for (const CommandSpec& command : all_commands()) {
    if (command.name != wanted || command.name.empty()) continue;
    context.out.write(command_help(command, columns));
    return kExitOk;
  }
  return context.report({ErrorKind::usage, 0, "unknown command '" + printable(wanted) + "'",
                         "isotach --help lists the commands"});
}

}  // namespace

CommandSpec help_command() {
  CommandSpec spec;
  spec.name = "help";
  spec.area = "about";
  spec.summary = "explain a command";
  spec.usages = {"isotach help [COMMAND]"};
  spec.positionals = {{"COMMAND", "the command to explain", "command"}};
  spec.examples = {{"isotach help vm", "what isotach vm --help prints"}};
  spec.run = run;
  return spec;
}

}  // namespace isotach::command

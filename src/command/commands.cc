#include "command/spec.h"

namespace isotach::command {

const std::vector<CommandSpec>& all_commands() {
  static const std::vector<CommandSpec> commands = {
      overview_command(), web_command(),    plot_command(), agent_command(),       vm_command(),
      record_command(),   replay_command(), help_command(), completions_command(), generate_command(),
  };
  return commands;
}

}  // namespace isotach::command

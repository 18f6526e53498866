#include "command/experiment/commands.h"

namespace isotach::command {

std::vector<CommandSpec> experiment_commands() {
  return {experiment_command(), experiment_memory_command(), lab_program_command()};
}

}  // namespace isotach::command

#include "command/experiment/commands.h"

namespace isotach::command {

std::vector<CommandSpec> experiment_commands() {
  return {};
}

}  // namespace isotach::command

#include "command/swap/commands.h"

namespace isotach::command {

std::vector<CommandSpec> swap_commands() {
  return {};
}

}  // namespace isotach::command

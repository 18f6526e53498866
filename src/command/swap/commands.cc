#include "command/swap/commands.h"

namespace isotach::command {

std::vector<CommandSpec> swap_commands() {
  return {swap_list_command(), swap_top_command()};
}

}  // namespace isotach::command

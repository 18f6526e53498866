#include "command/link/commands.h"

namespace isotach::command {

std::vector<CommandSpec> link_commands() {
  return {link_command(), link_check_command(), link_set_command(), link_confirm_command()};
}

}  // namespace isotach::command

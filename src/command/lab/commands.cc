#include "command/lab/commands.h"

namespace isotach::command {

std::vector<CommandSpec> lab_commands() {
  return {lab_command(), lab_net_command(), practice_links_command()};
}

}  // namespace isotach::command

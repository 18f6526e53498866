#include "command/ksm/commands.h"

namespace isotach::command {

std::vector<CommandSpec> ksm_commands() {
  return {ksm_status_command(), ksm_top_command(), ksm_set_command(), ksm_reset_command()};
}

}  // namespace isotach::command

#include "command/swap/commands.h"

namespace isotach::command {

std::vector<CommandSpec> swap_commands() {
  return {swap_list_command(),  swap_top_command(),  swap_create_command(),
          swap_on_command(),    swap_off_command(),  swap_remove_command(),
          swap_drain_command(), swap_demo_command(), internal_fill_memory_command(),
          swap_advise_command()};
}

}  // namespace isotach::command

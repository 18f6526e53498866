#include "command/ksm/commands.h"

namespace isotach::command {

std::vector<CommandSpec> ksm_commands() {
  return {ksm_status_command(), ksm_top_command(),    ksm_set_command(),
          ksm_reset_command(),  ksm_watch_command(),  ksm_demo_command(),
          ksm_run_command(),    hold_pages_command(), ksm_predict_command()};
}

}  // namespace isotach::command

#include <iterator>

#include "command/connections/commands.h"
#include "command/doctor/commands.h"
#include "command/experiment/commands.h"
#include "command/inspect/commands.h"
#include "command/ksm/commands.h"
#include "command/lab/commands.h"
#include "command/link/commands.h"
#include "command/mesh/commands.h"
#include "command/path/commands.h"
#include "command/spec.h"
#include "command/swap/commands.h"
#include "command/traffic/commands.h"

namespace isotach::command {
namespace {

std::vector<CommandSpec> make_commands() {
  std::vector<CommandSpec> commands = {overview_command(), web_command(), plot_command(), agent_command(),
                                       vm_command()};
  const auto add = [&](std::vector<CommandSpec> more) {
    commands.insert(commands.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
  };
  add(doctor_commands());
  add(swap_commands());
  add(ksm_commands());
  add(experiment_commands());
  add(connections_commands());
  add(link_commands());
  add(traffic_commands());
  add({nettest_command()});
  add(path_commands());
  add(mesh_commands());
  add({inspect_command()});
  add({pin_command()});
  add(lab_commands());
  add({record_command(), replay_command(), restore_command(), help_command(), completions_command(),
       generate_command()});
  return commands;
}

}  // namespace

const std::vector<CommandSpec>& all_commands() {
  static const std::vector<CommandSpec> commands = make_commands();
  return commands;
}

}  // namespace isotach::command
